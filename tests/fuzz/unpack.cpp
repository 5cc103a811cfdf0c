// Any bytes are a compressed shard: unpacking them ends, within the limits, whichever compression
// their first bytes name; as a stream they give the same.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/streams/stop_signal.h"
#include "millrace/formats/streams/unpacked_stream.h"
#include "require.h"

namespace {

using millrace::fuzz::require;

constexpr millrace::ReadLimits kLimits = {.max_expanded_bytes = 1 << 20,
                                          .max_unpacked_bytes = 1 << 20};

// Gives the bytes in pieces, as a pipe does.
class Pieces final : public millrace::ByteStream {
 public:
  Pieces(std::vector<std::uint8_t> bytes, std::size_t piece)
      : bytes_(std::move(bytes)), piece_(piece) {}
  millrace::Result<std::size_t> read(std::span<std::uint8_t> room) override {
    const std::size_t count = std::min({piece_, room.size(), bytes_.size() - at_});
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, room.begin());
    at_ += count;
    return count;
  }
  millrace::Result<bool> seek(std::uint64_t /*offset_bytes*/) override { return false; }
  millrace::Result<void> check_end() override { return {}; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t piece = data[size - 1] % 64 == 0 ? size : data[size - 1];
  const std::vector<std::uint8_t> bytes(data, data + size - 1);
  if (millrace::compression_of(bytes).empty()) return 0;
  const auto packed = millrace::memory_source("fuzz.tar.gz", bytes);
  const auto unpacked = millrace::unpack(packed, kLimits);
  if (!unpacked) {
    require(unpacked.error().reason == millrace::Reason::io_error);
    return 0;
  }
  const auto made = unpacked->source->bytes();
  require(made.size() <= kLimits.max_unpacked_bytes && made.size() == unpacked->unpacked_bytes);
  require(!unpacked->damage || unpacked->damage->reason == millrace::Reason::damaged_shard);
  const auto shard =
      millrace::packed_shard(millrace::tar_shard(unpacked->source, kLimits), *unpacked);
  const auto index = shard->index();
  require(index.has_value());
  require(!unpacked->damage || index->damaged > 0);
  millrace::Sample sample;
  std::uint64_t next = 0;
  for (const std::uint64_t offset : index->sample_offsets) {
    require(offset >= next);
    next = offset + 1;
    const auto read = shard->read(offset, sample);
    require(read || read.error().offset_bytes == offset);
  }
  if (unpacked->damage) require(!shard->read(index->sample_offsets.back(), sample));

  const millrace::StopSignal stop;
  const auto stream =
      millrace::unpacked_stream(std::make_unique<Pieces>(bytes, piece), kLimits, stop);
  std::vector<std::uint8_t> room(777);
  std::size_t at = 0;
  while (at < made.size()) {
    const auto count = stream->read(room);
    if (!count) break;
    require(*count > 0);
    const std::size_t common = std::min(*count, made.size() - at);
    require(std::equal(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(common),
                       made.begin() + static_cast<std::ptrdiff_t>(at)));
    at += common;
  }
  // Of damaged data liblzma gives a few bytes more or less, as it has room.
  require(at == made.size() || unpacked->damage);
  return 0;
}
