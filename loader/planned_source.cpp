#include <algorithm>
#include <optional>
#include <utility>

#include "millrace/formats/field_selector.h"
#include "millrace/loader/image_sizes.h"
#include "millrace/loader/loader.h"
#include "millrace/loader/planned_epoch.h"
#include "millrace/loader/sample_source.h"

namespace millrace {

namespace {

class PlannedSource final : public SampleSource {
 public:
  PlannedSource(LoaderOptions& options, ReadingThreads threads)
      : options_(options), threads_(std::move(threads)) {
    OpenShards::Limits limits;
    limits.unpacked_bytes = options.unpacked_cache_bytes;
    const auto open_shards = std::make_shared<OpenShards>(limits);
    CatalogOptions catalog;
    catalog.use_index = options.use_index;
    catalog.open_shard = options.open_shard;
    catalog.image_size = image_size_reader();
    std::vector<std::string> fields;
    for (const Columns& columns : options.column_sets()) {
      for (const auto& [name, column] : columns) {
        for (std::string& selector : column.selectors()) fields.push_back(std::move(selector));
      }
    }
    fields = FieldSelector::fields_of(fields);
    if (!options.buckets.empty()) {
      catalog.read = options.read;
      catalog.read.fields = fields;
      add_buckets(catalog, open_shards);
    } else {
      for (const MixtureSource& source : options.all_sources()) {
        catalog.read = source.read;
        catalog.read.fields = fields;
        add(source, opened(source.sources, source.select, catalog, open_shards));
      }
    }
    if (options.shuffle_window_bytes > 0) {
      options.shuffle_window = window_samples(options.shuffle_window_bytes);
    }
  }

  const std::vector<AccountedSource>& accounts() const override { return accounts_; }

  Fingerprint fingerprint() const override {
    return make_fingerprint(options_, fingerprints_, epoch_->plan.shares());
  }

  std::optional<std::uint64_t> batches() const override {
    return slice_of(epoch_->plan, 0).batches();
  }

  std::optional<std::uint64_t> samples() const override {
    std::uint64_t samples = 0;
    for (const auto& dataset : datasets_) samples += dataset->counts().total();
    return samples;
  }

  std::unique_ptr<EpochSamples> begin(std::uint64_t epoch, const ResumePoint& point) override {
    // Begun anew from before there, the epoch has the present shares throughout.
    const bool anew = std::pair(epoch, point.position) < std::pair(start_.epoch, start_.position);
    EpochPlan plan(plan_options(anew ? MixtureStart{} : start_), epoch);
    if (anew) start_ = {};
    const RankSlice slice = slice_of(plan, point.position);
    epoch_ = std::make_shared<const PlannedEpoch>(
        PlannedEpoch{std::move(plan), slice, datasets_, column_sets_});
    return planned_samples(epoch_, threads_, options_.prefetch_batches);
  }

  void save(LoaderState& state) const override {
    if (options_.mixture.empty()) return;
    state.mixture_start = start_;
    state.taken = epoch_->plan.taken(state.point.position);
  }

  void load(const LoaderState& state) override {
    const EpochPlan plan(plan_options(state.mixture_start), state.epoch);
    if (state.point.position > plan.size() || state.point.position < plan.begin()) {
      throw std::invalid_argument("state: position = " + std::to_string(state.point.position) +
                                  ": the epoch has " + std::to_string(plan.size()) + " samples");
    }
    start_ = state.mixture_start;
  }

 private:
  using SharedDataset = std::shared_ptr<const Dataset>;

  SharedDataset opened(const std::vector<std::string>& specs, const Selection& select,
                       const CatalogOptions& catalog,
                       const std::shared_ptr<OpenShards>& open_shards) const {
    auto dataset = Dataset::open(specs, select, catalog, threads_.parallel_for, open_shards);
    if (!dataset) throw LoaderError(std::move(dataset.error()));
    return *dataset;
  }

  // The buckets that have samples, from the tallest to the widest: one listing of the shards,
  // divided.
  void add_buckets(CatalogOptions catalog, const std::shared_ptr<OpenShards>& open_shards) {
    const std::vector<MixtureSource> buckets = options_.all_sources();
    catalog.metadata = buckets.front().select.metadata();
    const SharedDataset whole = opened(options_.sources, {}, catalog, open_shards);
    std::optional<Error> nothing;
    for (const std::size_t b : buckets_by_aspect(options_.buckets)) {
      auto dataset = whole->reselected(buckets[b].select, threads_.parallel_for);
      if (!dataset) {
        if (dataset.error().reason != Reason::missing_field) throw LoaderError(dataset.error());
        nothing = std::move(dataset.error());
        continue;
      }
      column_sets_.push_back(b);
      add(buckets[b], *dataset);
    }
    if (column_sets_.empty()) throw LoaderError(std::move(*nothing));
  }

  void add(const MixtureSource& source, const std::shared_ptr<const Dataset>& dataset) {
    const std::size_t shards = dataset->catalog().shards();
    const std::uint64_t samples = dataset->counts().total();
    fingerprints_.push_back({source.name, shards, samples,
                             source.select.selects_all() ? "" : source.select.describe(),
                             dataset->fingerprint()});
    std::shared_ptr<const SampleCounts> units;
    if (dataset->has_units()) units = {dataset, &dataset->counts()};
    plan_sources_.push_back({samples, source.weight, source.samples_per_epoch, std::move(units)});
    accounts_.push_back({source.name, shards,
                         [dataset](std::size_t shard) { return dataset->catalog().path(shard); }});
    datasets_.push_back(dataset);
  }

  std::uint64_t window_samples(std::uint64_t window_bytes) const {
    double bytes = 0;
    for (const auto& dataset : datasets_) bytes += static_cast<double>(dataset->bytes());
    const double sample_bytes = std::max(1.0, bytes / static_cast<double>(*samples()));
    const double window = static_cast<double>(window_bytes) / sample_bytes;
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(window));
  }

  PlanOptions plan_options(const MixtureStart& start) const {
    PlanOptions plan;
    plan.sources = plan_sources_;
    plan.shuffle = options_.shuffle;
    plan.shuffle_window = options_.shuffle_window;
    plan.seed = options_.seed;
    plan.temperature = options_.temperature;
    plan.stop_at = options_.stop_at;
    plan.samples_per_epoch = options_.samples_per_epoch;
    plan.mixture_start = start;
    if (!options_.buckets.empty()) plan.bucket_run = options_.used_bucket_run();
    return plan;
  }

  RankSlice slice_of(const EpochPlan& plan, std::uint64_t position) const {
    return {plan.size(),         position,           options_.rank, options_.world_size,
            options_.batch_size, options_.drop_last, plan.begin()};
  }

  const LoaderOptions& options_;
  ReadingThreads threads_;
  Datasets datasets_;                     // by source
  std::vector<std::size_t> column_sets_;  // by source, with buckets
  std::vector<PlanSource> plan_sources_;
  std::vector<SourceFingerprint> fingerprints_;
  std::vector<AccountedSource> accounts_;
  MixtureStart start_;
  std::shared_ptr<const PlannedEpoch> epoch_;  // begun last
};

}  // namespace

std::unique_ptr<SampleSource> planned_source(LoaderOptions& options, ReadingThreads threads) {
  return std::make_unique<PlannedSource>(options, std::move(threads));
}

}  // namespace millrace
