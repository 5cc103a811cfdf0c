#include "millrace/loader/dataset.h"

#include <filesystem>
#include <utility>

#include "millrace/formats/shard_spec.h"

namespace millrace {

namespace {

// FNV-1a, 64 bit (Fowler, Noll, Vo).
std::uint64_t hash_bytes(std::uint64_t hash, const void* data, std::size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < bytes; ++i) hash = (hash ^ p[i]) * 0x100000001b3U;
  return hash;
}

void add(SkippedRecords& sum, const SkippedRecords& more) {
  sum.not_files += more.not_files;
  sum.meta_members += more.meta_members;
  sum.apple_members += more.apple_members;
  sum.without_extension += more.without_extension;
  sum.duplicate_fields += more.duplicate_fields;
}

}  // namespace

Dataset::Dataset(std::vector<Entry> shards, const std::vector<std::uint64_t>& counts)
    : shards_(std::move(shards)), counts_(counts) {
  fingerprint_ = 0xcbf29ce484222325U;
  for (const Entry& entry : shards_) {
    const std::string name = std::filesystem::path(entry.path).filename().string();
    const std::uint64_t samples = entry.sample_offsets.size();
    fingerprint_ = hash_bytes(fingerprint_, name.c_str(), name.size() + 1);
    fingerprint_ = hash_bytes(fingerprint_, &samples, sizeof(samples));
    bytes_ += entry.bytes;
  }
}

Result<std::shared_ptr<const Dataset>> Dataset::open(const std::vector<std::string>& sources,
                                                     const ParallelFor& parallel_for) {
  Result<std::vector<std::string>> paths = expand_shard_specs(sources);
  if (!paths) return tl::unexpected(std::move(paths.error()));

  std::vector<Entry> entries(paths->size());
  std::vector<ShardIndex> indexes(paths->size());
  std::vector<std::optional<Error>> errors(paths->size());
  parallel_for(paths->size(), [&](std::size_t i) {
    Entry& entry = entries[i];
    entry.path = (*paths)[i];
    Result<std::shared_ptr<const Shard>> shard = open_shard(entry.path);
    if (!shard) {
      errors[i] = std::move(shard.error());
      return;
    }
    Result<ShardIndex> index = (*shard)->index();
    if (!index) {
      errors[i] = std::move(index.error());
      return;
    }
    const ByteSource& source = (*shard)->source();
    entry.bytes = source.bytes().size();
    source.done_with(0, entry.bytes);
    entry.sample_offsets = std::move(index->sample_offsets);
    entry.sample_offsets.shrink_to_fit();
    index->sample_offsets = {};
    indexes[i] = std::move(*index);
  });
  for (std::optional<Error>& error : errors) {
    if (error) return tl::unexpected(std::move(*error));
  }

  std::vector<std::uint64_t> counts;
  counts.reserve(entries.size());
  for (const Entry& entry : entries) counts.push_back(entry.sample_offsets.size());
  std::shared_ptr<Dataset> dataset(new Dataset(std::move(entries), counts));
  for (const ShardIndex& index : indexes) {
    add(dataset->skipped_, index.skipped);
    dataset->damaged_shards_ += index.damaged > 0 ? 1 : 0;
  }
  if (dataset->counts_.total() == 0) {
    return fail(Reason::missing_field, "the dataset is empty: no samples in " +
                                           std::to_string(dataset->shards()) +
                                           " shard(s) named by \"" + sources.front() + "\"" +
                                           (sources.size() > 1 ? ", ..." : ""));
  }
  return dataset;
}

Result<std::shared_ptr<const Shard>> Dataset::open_anew(const std::string& path) const {
  Result<std::shared_ptr<const Shard>> shard = open_shard(path);
  if (shard) return shard;
  {
    // The process may have run out of files: give back what is held and not in use, and try again.
    const std::lock_guard lock(mutex_);
    open_.clear();
    recently_used_.clear();
  }
  return open_shard(path);
}

Result<std::shared_ptr<const Shard>> Dataset::opened(std::size_t shard) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(shard); found != open_.end()) {
      recently_used_.splice(recently_used_.begin(), recently_used_, found->second.recency);
      return found->second.shard;
    }
  }
  const Entry& entry = shards_[shard];
  Result<std::shared_ptr<const Shard>> fresh = open_anew(entry.path);
  if (!fresh) return fresh;
  if ((*fresh)->source().bytes().size() != entry.bytes) {
    return fail(Reason::io_error, "the shard has changed since the loader was made: it had " +
                                      std::to_string(entry.bytes) + " bytes and has " +
                                      std::to_string((*fresh)->source().bytes().size()));
  }
  const std::lock_guard lock(mutex_);
  if (const auto found = open_.find(shard); found != open_.end()) return found->second.shard;
  recently_used_.push_front(shard);
  open_.emplace(shard, OpenShard{*fresh, recently_used_.begin()});
  if (open_.size() > kMostOpenShards) {
    open_.erase(recently_used_.back());
    recently_used_.pop_back();
  }
  return fresh;
}

Result<void> Dataset::read(SampleId id, std::shared_ptr<const Shard>& shard, Sample& sample) const {
  const Entry& entry = shards_[id.shard];
  const std::uint64_t offset = entry.sample_offsets[id.index];
  Result<std::shared_ptr<const Shard>> open = opened(id.shard);
  if (!open) {
    Error error = std::move(open.error());
    error.shard = entry.path;
    error.offset_bytes = offset;
    return tl::unexpected(std::move(error));
  }
  shard = std::move(*open);
  return shard->read(offset, sample);
}

std::uint64_t Dataset::will_need(SampleId id) const {
  Result<std::shared_ptr<const Shard>> shard = opened(id.shard);
  if (!shard) return 0;  // the worker that reads the sample reports it
  const Entry& entry = shards_[id.shard];
  const std::uint64_t begin = entry.sample_offsets[id.index];
  const bool last = id.index + 1 == entry.sample_offsets.size();
  const std::uint64_t end = last ? entry.bytes : entry.sample_offsets[id.index + 1];
  (*shard)->source().will_need(begin, end);
  return end - begin;
}

}  // namespace millrace
