#include "pack/pack_shards.h"

#include <algorithm>
#include <utility>

namespace millrace::cli {

std::string shard_name(const std::string& pattern, std::uint64_t number) {
  const std::size_t percent = pattern.find('%');
  const std::size_t d = pattern.find('d', percent);
  const std::string width = pattern.substr(percent + 1, d - percent - 1);
  std::string digits = std::to_string(number);
  const std::size_t wanted = width.empty() ? 0 : std::stoul(width);
  digits.insert(0, wanted - std::min(wanted, digits.size()), '0');
  return pattern.substr(0, percent) + digits + pattern.substr(d + 1);
}

PackShards::PackShards(std::string folder, std::string pattern, ShardBounds bounds,
                       PackJournal& journal, UniqueKeys keys)
    : folder_(std::move(folder)),
      pattern_(std::move(pattern)),
      bounds_(bounds),
      journal_(journal),
      keys_(std::move(keys)),
      number_(journal.finished().size()) {
  for (const PackedShard& shard : journal.finished()) totals_.add(shard);
}

// What is on its way to the disk has its name then, or not; the journal does not know, and the next
// run writes it again.
PackShards::~PackShards() = default;

Result<void> PackShards::add(PackedSample& sample, SourcePlace place) {
  // A number that makes the key unique may take a few bytes more: it is made first.
  const bool renamed = keys_.make_unique(sample.key);
  std::uint64_t bytes = tar::kEndBytes;
  for (const PackedMember& member : sample.members) {
    name_.assign(sample.key).append(".").append(member.extension);
    bytes += tar::member_bytes(name_, member.data.size());
  }
  if (writer_ != nullptr) {
    const bool full = (bounds_.max_bytes > 0 && writer_->bytes() + bytes > bounds_.max_bytes) ||
                      (bounds_.max_samples > 0 && current_.samples >= bounds_.max_samples);
    if (full) {
      if (auto closed = close_shard(place); !closed) return closed;
    }
  }
  if (writer_ == nullptr) {
    auto writer = tar::Writer::create(folder_ + shard_name(pattern_, number_));
    if (!writer) return tl::unexpected<Error>(std::move(writer.error()));
    writer_ = std::move(*writer);
  }
  for (const PackedMember& member : sample.members) {
    name_.assign(sample.key).append(".").append(member.extension);
    if (auto added = writer_->add(name_, member.data, member.crc); !added) return added;
  }
  ++current_.samples;
  current_.changed_keys += renamed || sample.key_changed ? 1 : 0;
  current_.reencoded_images += sample.reencoded;
  return {};
}

Result<void> PackShards::close_shard(SourcePlace next) {
  if (auto settled = settle(); !settled) return settled;
  current_.name = shard_name(pattern_, number_);
  current_.next = next;
  ended_ = std::exchange(current_, {});
  ending_ = std::move(writer_);
  end_ = std::async(std::launch::async, [writer = ending_.get()] { return writer->finish(); });
  ++number_;
  return {};
}

Result<void> PackShards::settle() {
  if (ending_ == nullptr) return {};
  auto finished = end_.get();
  const auto writer = std::move(ending_);
  if (!finished) return finished;
  ended_.bytes = writer->bytes();
  ended_.crc32 = writer->crc32();
  totals_.add(ended_);
  return journal_.add(ended_);
}

Result<void> PackShards::finish(SourcePlace end) {
  if (writer_ != nullptr) {
    if (auto closed = close_shard(end); !closed) return closed;
  }
  return settle();
}

}  // namespace millrace::cli
