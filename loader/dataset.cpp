#include "millrace/loader/dataset.h"

#include <span>
#include <string_view>
#include <utility>

namespace millrace {

namespace {

// FNV-1a, 64 bit (Fowler, Noll, Vo).
std::uint64_t hash_bytes(std::uint64_t hash, const void* data, std::size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < bytes; ++i) hash = (hash ^ p[i]) * 0x100000001b3U;
  return hash;
}

constexpr std::size_t kPageBytes = 4096;

// Brings the pages in, so that waiting for the disk is counted as reading and not as decoding.
void touch(std::span<const std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += kPageBytes) {
    static_cast<void>(*static_cast<const volatile std::uint8_t*>(bytes.data() + i));
  }
}

}  // namespace

Dataset::Dataset(std::shared_ptr<const ShardCatalog> catalog, SelectedSamples selected,
                 const ReadOptions& read, ShardOpener open)
    : catalog_(std::move(catalog)), selected_(std::move(selected)), open_shard_(std::move(open)) {
  if (!open_shard_) {
    open_shard_ = [read](const std::string& path) { return open_shard(path, read); };
  }
  fingerprint_ = 0xcbf29ce484222325U;
  const SampleCounts& counts = selected_.counts();
  for (std::size_t i = 0; i < catalog_->shards(); ++i) {
    const std::string path = catalog_->path(i);
    const std::string_view name = std::string_view(path).substr(path.find_last_of('/') + 1);
    const std::uint64_t samples = counts.of_shard(i);
    const char end = 0;
    fingerprint_ = hash_bytes(fingerprint_, name.data(), name.size());
    fingerprint_ = hash_bytes(fingerprint_, &end, 1);
    fingerprint_ = hash_bytes(fingerprint_, &samples, sizeof(samples));
    if (samples == 0) continue;
    const double share = static_cast<double>(samples) / static_cast<double>(catalog_->samples(i));
    bytes_ += static_cast<std::uint64_t>(share * static_cast<double>(catalog_->bytes(i)));
  }
}

Result<std::shared_ptr<const Dataset>> Dataset::open(const std::vector<std::string>& specs,
                                                     const Selection& selection,
                                                     CatalogOptions options,
                                                     const ParallelFor& parallel_for) {
  for (std::string& field : selection.metadata()) options.metadata.push_back(std::move(field));
  auto catalog = ShardCatalog::open(specs, options, parallel_for);
  if (!catalog) return tl::unexpected(std::move(catalog.error()));
  auto selected = SelectedSamples::select(selection, **catalog, parallel_for);
  if (!selected) return tl::unexpected(std::move(selected.error()));
  std::shared_ptr<const Dataset> dataset(
      new Dataset(std::move(*catalog), std::move(*selected), options.read, options.open_shard));
  if (dataset->counts().total() == 0) {
    return fail(Reason::missing_field, "the dataset is empty: no samples in " +
                                           std::to_string(dataset->catalog().shards()) +
                                           " shard(s) named by \"" + specs.front() + "\"" +
                                           (specs.size() > 1 ? ", ..." : ""));
  }
  return dataset;
}

Result<std::shared_ptr<const Shard>> Dataset::open_anew(const std::string& path) const {
  Result<std::shared_ptr<const Shard>> shard = open_shard_(path);
  if (shard) return shard;
  {
    // The process may have run out of files: give back what is held and not in use, and try again.
    const std::lock_guard lock(mutex_);
    open_.clear();
    recently_used_.clear();
  }
  return open_shard_(path);
}

Result<std::shared_ptr<const Dataset::OpenShard>> Dataset::opened(std::size_t shard) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(shard); found != open_.end()) {
      recently_used_.splice(recently_used_.begin(), recently_used_, found->second.recency);
      return found->second.open;
    }
  }
  Result<std::shared_ptr<const Shard>> fresh = open_anew(catalog_->path(shard));
  if (!fresh) return tl::unexpected(std::move(fresh.error()));
  Result<std::vector<std::uint64_t>> offsets = catalog_->sample_offsets(shard, **fresh);
  if (!offsets) return tl::unexpected(std::move(offsets.error()));
  auto open = std::make_shared<const OpenShard>(OpenShard{std::move(*fresh), std::move(*offsets)});

  const std::lock_guard lock(mutex_);
  if (const auto found = open_.find(shard); found != open_.end()) return found->second.open;
  recently_used_.push_front(shard);
  open_.emplace(shard, Kept{open, recently_used_.begin()});
  if (open_.size() > kMostOpenShards) {
    open_.erase(recently_used_.back());
    recently_used_.pop_back();
  }
  return open;
}

Result<void> Dataset::read(SampleId id, std::shared_ptr<const Shard>& shard, Sample& sample) const {
  Result<std::shared_ptr<const OpenShard>> open = opened(id.shard);
  if (!open) {
    Error error = std::move(open.error());
    error.shard = catalog_->path(id.shard);
    return tl::unexpected(std::move(error));
  }
  const OpenShard& found = **open;
  shard = {std::move(*open), found.shard.get()};
  const std::uint64_t offset = found.sample_offsets[selected_.index_in_shard(id)];
  if (Result<void> read = shard->read(offset, sample); !read) return read;
  for (const Field& field : sample.fields()) touch(field.data);
  return {};
}

std::uint64_t Dataset::will_need(SampleId id) const {
  const Result<std::shared_ptr<const OpenShard>> open = opened(id.shard);
  if (!open) return 0;  // the worker that reads the sample reports it
  const Shard& found = *(*open)->shard;
  const std::vector<std::uint64_t>& offsets = (*open)->sample_offsets;
  const std::uint64_t index = selected_.index_in_shard(id);
  const std::uint64_t begin = offsets[index];
  const std::uint64_t end =
      index + 1 == offsets.size() ? found.source().bytes().size() : offsets[index + 1];
  return found.will_need(begin, end);
}

}  // namespace millrace
