#include "millrace/formats/sample_stream.h"

#include <utility>

#include "millrace/formats/shard_listing.h"

namespace millrace {

Result<SampleStream> open(const std::vector<std::string>& specs, const ReadOptions& options) {
  Result<std::vector<std::string>> paths = shards_of(specs, options);
  if (!paths) return tl::unexpected(std::move(paths.error()));
  SampleStream stream;
  stream.paths_ = std::move(*paths);
  stream.options_ = options;
  return stream;
}

Result<bool> SampleStream::next(Sample& sample) {
  while (next_sample_ == offsets_.size()) {
    if (next_shard_ == paths_.size()) return false;
    offsets_.clear();
    next_sample_ = 0;
    Result<std::shared_ptr<const Shard>> shard = open_shard(paths_[next_shard_++], options_);
    if (!shard) return tl::unexpected(std::move(shard.error()));
    shard_ = std::move(*shard);
    Result<ShardIndex> index = shard_->index();
    if (!index) return tl::unexpected(std::move(index.error()));
    offsets_ = std::move(index->sample_offsets);
  }
  if (Result<void> read = shard_->read(offsets_[next_sample_++], sample); !read) {
    return tl::unexpected(std::move(read.error()));
  }
  return true;
}

}  // namespace millrace
