#include "millrace/formats/index/indexed_catalog.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <utility>

#include "millrace/formats/index/shard_walk.h"

namespace millrace {

Result<void> IndexedCatalog::add_shard(ListedShard shard) {
  const bool is_own = shard.block != nullptr;
  bool is_damaged = !is_own && shard.place.index->is_damaged(shard.place.number);
  if (is_own || shard.place.index->has_skipped(shard.place.number)) {
    const auto known =
        is_own ? IndexBlock::parse(*shard.block) : shard.place.index->block(shard.place.number);
    if (!known) return tl::unexpected<Error>(known.error());
    is_damaged = known->damaged() > 0;
    add_skipped(skipped_, known->skipped());
  }
  damaged_shards_ += is_damaged ? 1 : 0;
  if (runs_.empty() || runs_.back().index != nullptr) {
    runs_.push_back({shards_, nullptr, listed_.size()});
  }
  listed_.push_back(std::move(shard));
  ++shards_;
  return {};
}

void IndexedCatalog::add_index(std::shared_ptr<const SampleIndex> index) {
  if (index->shards() == 0) return;
  damaged_shards_ += index->damaged_shards();
  add_skipped(skipped_, index->skipped());
  const std::size_t first = shards_;
  shards_ += index->shards();
  runs_.push_back({first, std::move(index), 0});
}

const IndexedCatalog::Run& IndexedCatalog::run_of(std::size_t shard) const {
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), shard,
                       [](std::size_t number, const Run& run) { return number < run.first; });
  return *(after - 1);
}

std::string IndexedCatalog::path(std::size_t shard) const {
  const Run& run = run_of(shard);
  return run.index != nullptr ? run.index->path(shard - run.first)
                              : listed_[run.first_listed + shard - run.first].path;
}

std::uint64_t IndexedCatalog::samples(std::size_t shard) const {
  const Run& run = run_of(shard);
  return run.index != nullptr ? run.index->samples(shard - run.first)
                              : listed_[run.first_listed + shard - run.first].samples;
}

std::uint64_t IndexedCatalog::bytes(std::size_t shard) const {
  const std::uint64_t unpacked = unpacked_bytes(shard);
  return unpacked > 0 ? unpacked : stamp(shard).bytes;
}

std::uint64_t IndexedCatalog::unpacked_bytes(std::size_t shard) const {
  const Run& run = run_of(shard);
  return run.index != nullptr ? run.index->unpacked_bytes(shard - run.first)
                              : listed_[run.first_listed + shard - run.first].unpacked_bytes;
}

FileStamp IndexedCatalog::stamp(std::size_t shard) const {
  const Run& run = run_of(shard);
  return run.index != nullptr ? run.index->stamp(shard - run.first)
                              : listed_[run.first_listed + shard - run.first].stamp;
}

Result<IndexBlock> IndexedCatalog::block(std::size_t shard) const {
  const Run& run = run_of(shard);
  if (run.index != nullptr) return run.index->block(shard - run.first);
  const ListedShard& listed = listed_[run.first_listed + shard - run.first];
  if (listed.block != nullptr) return IndexBlock::parse(*listed.block);
  return listed.place.index->block(listed.place.number);
}

tl::unexpected<Error> IndexedCatalog::stale(std::size_t shard, std::string what,
                                            const std::string& option) const {
  const Run& run = run_of(shard);
  const std::string own_path = path(shard);
  const std::string file(run.index != nullptr ? run.index->file() : std::string_view{});
  what += "; mend it with: millrace index " + option +
          (file.empty() ? own_path : "-o " + file + " " + file);
  return tl::unexpected<Error>(
      Error{Reason::stale_index, std::move(what), own_path, Error::kNoOffset, {}});
}

Result<std::vector<std::uint64_t>> IndexedCatalog::sample_offsets(std::size_t shard,
                                                                  const Shard& open) const {
  const auto now = file_stamp(path(shard));
  if (!now) return tl::unexpected<Error>(now.error());
  const FileStamp indexed = stamp(shard);
  if (now->bytes != indexed.bytes) {
    return stale(shard, "the shard has changed since it was indexed: it had " +
                            std::to_string(indexed.bytes) + " bytes and has " +
                            std::to_string(now->bytes));
  }
  if (now->mtime_ns != indexed.mtime_ns) {
    return stale(shard,
                 "the shard has changed since it was indexed: its modification time is "
                 "another one");
  }
  // The offsets are those of the bytes that are open, which may no longer be the file's.
  if (auto unchanged = open.source().check_unchanged(); !unchanged) {
    return tl::unexpected<Error>(std::move(unchanged.error()));
  }
  auto known = block(shard);
  if (!known) return tl::unexpected<Error>(std::move(known.error()));
  if (!known->knows_offsets()) return counted_offsets(shard, *known, open);
  auto offsets = known->sample_offsets();
  if (!offsets) {
    offsets.error().shard = path(shard);
    return offsets;
  }
  if (shard_probe(open.source().bytes(), *offsets) != known->probe()) {
    return stale(shard,
                 "the shard is not the file that was indexed, though its length and modification "
                 "time are the same",
                 "--force ");
  }
  return offsets;
}

Result<std::vector<std::uint64_t>> IndexedCatalog::counted_offsets(std::size_t shard,
                                                                   const IndexBlock& counted,
                                                                   const Shard& open) const {
  std::shared_ptr<const std::vector<std::uint8_t>> kept;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = walked_.find(shard); found != walked_.end()) kept = found->second;
  }
  if (kept != nullptr) {
    const auto block = IndexBlock::parse(*kept);
    return block ? block->sample_offsets() : tl::unexpected<Error>(block.error());
  }
  auto walked = walk_shard(open, {});
  if (!walked) return tl::unexpected<Error>(std::move(walked.error()));
  if (walked->samples != counted.samples()) {
    return stale(shard, "the shard has " + std::to_string(walked->samples) + " samples, but " +
                            std::string(counted.counted_by()) + " says " +
                            std::to_string(counted.samples()));
  }
  walked->stamp = counted.stamp();
  kept = std::make_shared<const std::vector<std::uint8_t>>(encode_block(*walked));
  const std::lock_guard lock(mutex_);
  walked_.emplace(shard, std::move(kept));
  return std::move(*walked->sample_offsets);
}

Result<std::vector<std::uint64_t>> IndexedCatalog::column(std::size_t shard,
                                                          std::string_view field) const {
  if (std::find(metadata_.begin(), metadata_.end(), field) == metadata_.end()) {
    throw std::invalid_argument("metadata: \"" + std::string(field) +
                                "\" was not asked for when the catalog was opened");
  }
  const auto known = block(shard);
  if (!known) return tl::unexpected<Error>(known.error());
  auto values = known->column(field);
  if (!values) {
    return stale(shard, "its sample index has no \"" + std::string(field) + "\" any more");
  }
  return std::move(*values);
}

Result<std::vector<double>> IndexedCatalog::numbers(std::size_t shard,
                                                    std::string_view field) const {
  const auto values = column(shard, field);
  if (!values) return tl::unexpected<Error>(values.error());
  std::vector<double> numbers(values->size());
  std::transform(values->begin(), values->end(), numbers.begin(),
                 [](std::uint64_t bits) { return std::bit_cast<double>(bits); });
  return numbers;
}

Result<std::vector<std::uint64_t>> IndexedCatalog::key_hashes(std::size_t shard) const {
  return column(shard, "__key__");
}

}  // namespace millrace
