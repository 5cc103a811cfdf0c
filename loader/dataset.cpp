#include "millrace/loader/dataset.h"

#include <cerrno>
#include <chrono>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>
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
constexpr int kTries = 8;

// Whether the process or the system had no file or mapping left. Reasons do not tell these from
// files that are missing; what the system says of them does.
bool is_shortage(const Error& error) {
  if (error.reason != Reason::io_error) return false;
  const auto says = [&](int number) {
    return error.message.find(std::generic_category().message(number)) != std::string::npos;
  };
  return says(EMFILE) || says(ENFILE) || says(ENOMEM);
}

// Brings the pages in, so that waiting for the disk is counted as reading and not as decoding.
void touch(std::span<const std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += kPageBytes) {
    static_cast<void>(*static_cast<const volatile std::uint8_t*>(bytes.data() + i));
  }
}

}  // namespace

bool has_units(const ShardCatalog& catalog, const SampleCounts& selected) {
  std::uint64_t unpacked_bytes = 0;
  for (std::size_t shard = 0; shard < catalog.shards(); ++shard) {
    if (selected.of_shard(shard) > 0) unpacked_bytes += catalog.unpacked_bytes(shard);
  }
  return unpacked_bytes > kStaysUnpackedBytes;
}

Dataset::Dataset(std::shared_ptr<const ShardCatalog> catalog, SelectedSamples selected,
                 ShardOpener open_shard, std::shared_ptr<OpenShards> open_shards,
                 std::size_t number)
    : catalog_(std::move(catalog)),
      selected_(std::move(selected)),
      open_shard_(std::move(open_shard)),
      has_units_(millrace::has_units(*catalog_, selected_.counts())),
      open_shards_(std::move(open_shards)),
      number_(number) {
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
  if (const std::uint64_t chosen = selected_.chosen_hash(); chosen != 0) {
    fingerprint_ = hash_bytes(fingerprint_, &chosen, sizeof(chosen));
  }
  // The order is another one.
  if (has_units_) fingerprint_ = hash_bytes(fingerprint_, &has_units_, 1);
}

Result<std::shared_ptr<const Dataset>> Dataset::open(const std::vector<std::string>& specs,
                                                     const Selection& selection,
                                                     CatalogOptions options,
                                                     const ParallelFor& parallel_for,
                                                     std::shared_ptr<OpenShards> open_shards) {
  for (std::string& field : selection.metadata()) options.metadata.push_back(std::move(field));
  auto catalog = ShardCatalog::open(specs, options, parallel_for);
  if (!catalog) return tl::unexpected(std::move(catalog.error()));
  auto selected = SelectedSamples::select(selection, **catalog, parallel_for);
  if (!selected) return tl::unexpected(std::move(selected.error()));
  if (open_shards == nullptr) open_shards = std::make_shared<OpenShards>(OpenShards::Limits{});
  ShardOpener opener = std::move(options.open_shard);
  if (!opener) {
    opener = [read = options.read](const std::string& path) { return open_shard(path, read); };
  }
  const std::size_t number = open_shards->add_dataset();
  std::shared_ptr<const Dataset> dataset(new Dataset(std::move(*catalog), std::move(*selected),
                                                     std::move(opener), std::move(open_shards),
                                                     number));
  if (dataset->counts().total() == 0) {
    return fail(Reason::missing_field, "the dataset is empty: no samples in " +
                                           std::to_string(dataset->catalog().shards()) +
                                           " shard(s) named by \"" + specs.front() + "\"" +
                                           (specs.size() > 1 ? ", ..." : ""));
  }
  return dataset;
}

Result<std::shared_ptr<const Dataset>> Dataset::reselected(const Selection& selection,
                                                           const ParallelFor& parallel_for) const {
  auto selected = SelectedSamples::select(selection, *catalog_, parallel_for);
  if (!selected) return tl::unexpected(std::move(selected.error()));
  return std::shared_ptr<const Dataset>(
      new Dataset(catalog_, std::move(*selected), open_shard_, open_shards_, number_));
}

bool Dataset::make_room_for(const Error& error, int attempt) const {
  if (!is_shortage(error)) return false;
  // What the other workers hold at the moment they soon let go of.
  if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1 << attempt));
  open_shards_->drop_mapped();  // where there are none, another thread was faster
  return true;
}

Result<OpenShards::Shared> Dataset::open_anew(std::uint64_t shard) const {
  const std::string path = catalog_->path(shard);
  Result<std::shared_ptr<const Shard>> fresh = open_shard_(path);
  for (int i = 0; i < kTries && !fresh && make_room_for(fresh.error(), i); ++i) {
    fresh = open_shard_(path);
  }
  if (!fresh) return tl::unexpected(std::move(fresh.error()));
  Result<std::vector<std::uint64_t>> offsets = catalog_->sample_offsets(shard, **fresh);
  if (!offsets) return tl::unexpected(std::move(offsets.error()));
  return std::make_shared<const OpenShard>(OpenShard{std::move(*fresh), std::move(*offsets)});
}

Result<OpenShards::Shared> Dataset::opened(std::uint64_t shard) const {
  if (OpenShards::Shared open = open_shards_->find(key(shard))) return open;
  return open_shards_->get(key(shard), catalog_->unpacked_bytes(shard),
                           [this, shard] { return open_anew(shard); });
}

Result<void> Dataset::read(SampleId id, std::shared_ptr<const Shard>& shard, Sample& sample) const {
  Result<OpenShards::Shared> open = opened(id.shard);
  if (!open) {
    Error error = std::move(open.error());
    error.shard = catalog_->path(id.shard);
    return tl::unexpected(std::move(error));
  }
  const OpenShard& found = **open;
  shard = {std::move(*open), found.shard.get()};
  const std::uint64_t offset = found.sample_offsets[selected_.index_in_shard(id)];
  Result<void> read = shard->read(offset, sample);
  // Of a sample's own files.
  for (int i = 0; i < kTries && !read && make_room_for(read.error(), i); ++i) {
    read = shard->read(offset, sample);
  }
  if (!read) return read;
  for (const Field& field : sample.fields()) touch(field.data);
  return {};
}

std::uint64_t Dataset::will_need(SampleId id) const {
  if (catalog_->unpacked_bytes(id.shard) > 0) return 0;  // opening it is for the workers
  const Result<OpenShards::Shared> open = opened(id.shard);
  if (!open) return 0;  // the worker that reads the sample reports it
  const Shard& found = *(*open)->shard;
  const std::vector<std::uint64_t>& offsets = (*open)->sample_offsets;
  const std::uint64_t index = selected_.index_in_shard(id);
  const std::uint64_t begin = offsets[index];
  const std::uint64_t end =
      index + 1 == offsets.size() ? found.source().bytes().size() : offsets[index + 1];
  return found.will_need(begin, end);
}

bool Dataset::renew(std::uint64_t shard) const { return open_shards_->renew(key(shard)); }

void Dataset::open_ahead(std::uint64_t shard) const {
  open_shards_->open_ahead(key(shard), catalog_->unpacked_bytes(shard),
                           [this, shard] { return open_anew(shard); });
}

}  // namespace millrace
