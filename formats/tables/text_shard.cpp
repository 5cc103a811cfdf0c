#include "millrace/formats/tables/text_shard.h"

#include <utility>

#include "millrace/formats/plain_text.h"

namespace millrace {

TextShard::TextShard(std::shared_ptr<const ByteSource> source)
    : source_(std::move(source)), text_(as_text(source_->bytes())) {}

Result<ShardIndex> TextShard::index() const {
  ShardIndex index;
  auto unchanged = source_->check_unchanged();
  if (!unchanged) return tl::unexpected<Error>(std::move(unchanged.error()));
  find_samples(index);
  return index;
}

Result<void> TextShard::read(std::uint64_t offset_bytes, Sample& sample) const {
  if (auto unchanged = source_->check_unchanged(); !unchanged) {
    Error error = std::move(unchanged.error());
    error.offset_bytes = offset_bytes;
    return tl::unexpected<Error>(std::move(error));
  }
  return read_sample(offset_bytes, sample);
}

tl::unexpected<Error> TextShard::failure(Reason reason, std::uint64_t offset, std::string what,
                                         std::string_view key) const {
  return tl::unexpected<Error>(
      Error{reason, std::move(what), std::string(name()), offset, std::string(key)});
}

}  // namespace millrace
