// Any bytes that arrive in any pieces, read in any blocks, are what the same bytes are in a mapped
// shard.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/streams/shard_stream.h"
#include "require.h"

namespace {

using millrace::fuzz::require;

constexpr millrace::ReadLimits kLimits = {.max_expanded_bytes = 1 << 20};

void require_equal_entries(const millrace::Shard& shard, const millrace::Shard& block,
                           std::uint64_t offset) {
  millrace::Sample expected;
  millrace::Sample sample;
  const auto whole = shard.read(offset, expected);
  const auto read = block.read(offset, sample);
  require(whole.has_value() == read.has_value());
  if (!whole) {
    require(whole.error().reason == read.error().reason);
    require(whole.error().message == read.error().message);
    require(whole.error().key == read.error().key);
    require(whole.error().offset_bytes == read.error().offset_bytes);
    return;
  }
  require(sample.key() == expected.key() && sample.end_bytes() == expected.end_bytes());
  require(sample.fields().size() == expected.fields().size());
  for (std::size_t i = 0; i < sample.fields().size(); ++i) {
    const millrace::Field& field = sample.fields()[i];
    const millrace::Field& other = expected.fields()[i];
    require(field.name == other.name && field.data.size() == other.data.size());
    require(std::equal(field.data.begin(), field.data.end(), other.data.begin()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3 || size > 60'000) return 0;
  ::signal(SIGPIPE, SIG_IGN);  // damage ends the reading
  const std::uint64_t max_samples = data[size - 1] % 8 + 1;
  const std::uint64_t max_bytes = std::uint64_t{1} << data[size - 2] % 20;
  // 0: all at once.
  const std::size_t piece = data[size - 3] % 4 == 0 ? size : std::size_t{data[size - 3]} * 7;
  size -= 3;
  const auto shard = millrace::tar_shard(
      millrace::memory_source("fuzz.tar", std::vector<std::uint8_t>(data, data + size)), kLimits);
  const auto index = shard->index();
  require(index.has_value());
  // Of those the samples are the unpacked ones; fuzz_unpack looks at them.
  if (!millrace::compression_of({data, size}).empty()) return 0;

  int ends[2];
  require(::pipe2(ends, O_CLOEXEC) == 0);
  auto stream =
      millrace::ShardStream::open({"/dev/fd/" + std::to_string(ends[0])}, {.limits = kLimits});
  require(stream.has_value());
  // Opens the pipe a second time, so that the writer learns when the reader is gone.
  require((*stream)->skip_to(0, 0).has_value());
  ::close(ends[0]);
  std::thread writer([=] {
    for (std::size_t at = 0; at < size;) {
      const auto put = ::write(ends[1], data + at, std::min(piece, size - at));
      if (put <= 0) break;
      at += static_cast<std::size_t>(put);
      std::this_thread::yield();
    }
    ::close(ends[1]);
  });
  std::vector<std::uint64_t> offsets;
  std::uint64_t damaged = 0;
  millrace::SkippedRecords skipped;
  millrace::StreamBlock block;
  while (true) {
    const auto outcome = (*stream)->next_block(max_samples, max_bytes, block);
    require(outcome.has_value());
    if (*outcome == millrace::ShardStream::Outcome::end) break;
    require(block.index.sample_offsets.size() <= max_samples);
    for (const std::uint64_t offset : block.index.sample_offsets) {
      require_equal_entries(*shard, *block.shard, offset);
      offsets.push_back(offset);
    }
    damaged += block.index.damaged;
    skipped.not_files += block.index.skipped.not_files;
    skipped.meta_members += block.index.skipped.meta_members;
    skipped.apple_members += block.index.skipped.apple_members;
    skipped.without_extension += block.index.skipped.without_extension;
    skipped.duplicate_fields += block.index.skipped.duplicate_fields;
  }
  stream->reset();
  writer.join();
  require(offsets == index->sample_offsets && damaged == index->damaged);
  require(skipped.not_files == index->skipped.not_files);
  require(skipped.meta_members == index->skipped.meta_members);
  require(skipped.apple_members == index->skipped.apple_members);
  require(skipped.without_extension == index->skipped.without_extension);
  require(skipped.duplicate_fields == index->skipped.duplicate_fields);
  return 0;
}
