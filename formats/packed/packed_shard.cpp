#include <algorithm>
#include <optional>
#include <utility>

#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/shard.h"

namespace millrace {

namespace {

class PackedShard final : public Shard {
 public:
  PackedShard(std::shared_ptr<const Shard> shard, std::uint64_t unpacked_bytes)
      : shard_(std::move(shard)), unpacked_bytes_(unpacked_bytes) {}

  std::string_view name() const override { return shard_->name(); }
  const ByteSource& source() const override { return shard_->source(); }
  std::uint64_t unpacked_bytes() const override { return unpacked_bytes_; }
  // The bytes are in memory, and are to stay there.
  std::uint64_t will_need(std::uint64_t /*offset*/, std::uint64_t /*next_offset*/) const override {
    return 0;
  }
  void done_with(const Sample& /*sample*/) const override {}

  Result<ShardIndex> index() const override {
    auto index = shard_->index();
    if (index && damage_ && !is_entry_of_reader_) {
      index->sample_offsets.push_back(damage_->offset_bytes);
      ++index->damaged;
    }
    return index;
  }

  Result<void> read(std::uint64_t offset_bytes, Sample& sample) const override {
    if (!damage_ || offset_bytes != damage_->offset_bytes) {
      return shard_->read(offset_bytes, sample);
    }
    if (!is_entry_of_reader_) return tl::unexpected<Error>(*damage_);
    auto read = shard_->read(offset_bytes, sample);
    if (!read) read.error().message += "; " + damage_->message;
    return read;
  }

  /// Finds the place of the damage behind or among the entries. Errors: those of the index.
  Result<void> place(Error damage) {
    const auto index = shard_->index();
    if (!index) return tl::unexpected<Error>(index.error());
    std::uint64_t place = source().bytes().size();
    if (!index->sample_offsets.empty()) {
      const std::uint64_t last = index->sample_offsets.back();
      Sample sample;
      is_entry_of_reader_ = index->damaged > 0 && !shard_->read(last, sample);
      place = is_entry_of_reader_ ? last : std::max(place, last + 1);
    }
    damage.offset_bytes = place;
    damage_ = std::move(damage);
    return {};
  }

 private:
  std::shared_ptr<const Shard> shard_;
  std::uint64_t unpacked_bytes_;
  std::optional<Error> damage_;
  bool is_entry_of_reader_ = false;  // the reader met the end too early, too
};

}  // namespace

std::shared_ptr<const Shard> packed_shard(std::shared_ptr<const Shard> shard,
                                          const ShardBytes& bytes) {
  if (!bytes.damage && bytes.unpacked_bytes == 0) return shard;
  auto packed = std::make_shared<PackedShard>(shard, bytes.unpacked_bytes);
  // Where the shard cannot be walked, its own error says so whenever it is asked.
  if (bytes.damage && !packed->place(*bytes.damage)) return shard;
  return packed;
}

}  // namespace millrace
