#include "loader/json_shards.h"

#include <optional>

#include "tar_writer.h"

namespace millrace::test {

JsonShards::JsonShards(const std::vector<std::vector<std::string>>& documents) {
  for (std::size_t shard = 0; shard < documents.size(); ++shard) {
    TarMembers members;
    for (const std::string& document : documents[shard]) {
      members.emplace_back(std::to_string(++keys_) + ".json", document);
    }
    paths_.push_back(folder_.write(std::to_string(shard) + ".tar", make_tar(members)));
  }
}

LoaderOptions JsonShards::options(const Captions& captions, const std::string& fields) const {
  LoaderOptions options;
  options.sources = paths_;
  options.columns = {{"caption", raw(fields, captions)}};
  options.batch_size = 8;
  options.threads = 2;
  options.rank = 0;
  options.world_size = 1;
  options.use_index = false;
  return options;
}

std::vector<std::string> captions_of(Loader& loader) {
  std::vector<std::string> captions;
  while (const std::optional<Batch> batch = loader.next()) {
    const std::vector<std::string>& strings = (*batch)["caption"].strings;
    captions.insert(captions.end(), strings.begin(),
                    strings.begin() + static_cast<std::ptrdiff_t>(batch->size));
  }
  return captions;
}

std::vector<std::string> captions_of(const LoaderOptions& options) {
  Loader loader(options);
  return captions_of(loader);
}

}  // namespace millrace::test
