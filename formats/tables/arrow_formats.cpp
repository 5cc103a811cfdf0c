#include "millrace/formats/tables/arrow_formats.h"

#include <algorithm>
#include <utility>

#include "millrace/formats/tables/arrow_readers.h"

namespace millrace {

namespace {

bool begins_with(std::span<const std::uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

// A stream begins with the mark of a message, and the length of its first one: the schema, which is
// shorter than 16 MiB.
bool begins_as_stream(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 8 && begins_with(bytes, "\xff\xff\xff\xff") && bytes[7] == 0 &&
         (bytes[4] | bytes[5] | bytes[6]) != 0;
}

Result<const ArrowReaders*> readers_for(const std::string& shard) {
  auto readers = ArrowReaders::load();
  if (!readers) readers.error().shard = shard;
  return readers;
}

}  // namespace

bool is_parquet(std::string_view file_name, std::span<const std::uint8_t> bytes) {
  return file_name.ends_with(".parquet") || file_name.ends_with(".pq") ||
         begins_with(bytes, "PAR1");
}

Result<std::shared_ptr<const Shard>> open_parquet(const std::string& shard, ShardBytes bytes,
                                                  const ReadOptions& options) {
  const auto readers = readers_for(shard);
  if (!readers) return tl::unexpected<Error>(readers.error());
  return (*readers)->open_parquet(shard, std::move(bytes.source), options);
}

bool is_arrow(std::string_view file_name, std::span<const std::uint8_t> bytes) {
  return file_name.ends_with(".arrow") || file_name.ends_with(".feather") ||
         begins_with(bytes, "ARROW1") || begins_as_stream(bytes);
}

Result<std::shared_ptr<const Shard>> open_arrow(const std::string& path, ShardBytes bytes,
                                                const ReadOptions& options) {
  const auto readers = readers_for(path);
  if (!readers) return tl::unexpected<Error>(readers.error());
  return (*readers)->open_arrow(path, std::move(bytes.source), options);
}

}  // namespace millrace
