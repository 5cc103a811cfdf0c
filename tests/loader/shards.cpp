#include "loader/shards.h"

#include <cstdio>
#include <utility>

#include "tar_writer.h"

namespace millrace::test {

Shards::Shards(const std::vector<std::uint64_t>& samples_of_shard,
               const std::set<std::uint64_t>& bad) {
  for (std::size_t shard = 0; shard < samples_of_shard.size(); ++shard) {
    TarMembers members;
    for (std::uint64_t i = 0; i < samples_of_shard[shard]; ++i, ++total_) {
      char key[32];
      std::snprintf(key, sizeof(key), "%06llu", static_cast<unsigned long long>(total_));
      const std::string number = std::to_string(total_);
      members.emplace_back(std::string(key) + ".num", bad.contains(total_) ? "broken" : number);
      members.emplace_back(std::string(key) + ".txt", "caption " + number);
    }
    paths_.push_back(folder_.write("shard-" + std::to_string(shard) + ".tar", make_tar(members)));
  }
}

LoaderOptions Shards::options() const {
  LoaderOptions options;
  options.sources = paths_;
  options.columns = {{"n", number("num", Dtype::int64)}, {"caption", raw("txt")}};
  options.batch_size = 8;
  options.threads = 2;
  return options;
}

std::vector<std::int64_t> numbers(const Batch& batch) {
  const auto values = batch.values<std::int64_t>("n");
  return {values.begin(), values.end()};
}

std::vector<std::int64_t> drain(Loader& loader) {
  std::vector<std::int64_t> all;
  while (std::optional<Batch> batch = loader.next()) {
    for (const std::int64_t n : numbers(*batch)) all.push_back(n);
  }
  return all;
}

}  // namespace millrace::test
