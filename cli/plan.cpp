#include "plan.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "millrace/formats/index/shard_catalog.h"
#include "millrace/formats/shard.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/image_sizes.h"
#include "millrace/loader/options.h"
#include "millrace/loader/permutation.h"
#include "millrace/loader/plan.h"
#include "millrace/loader/rank_slice.h"
#include "read_flags.h"
#include "run_cost.h"
#include "run_on_threads.h"

namespace millrace::cli {

namespace {

std::uint64_t number_of(std::string_view text, const std::string& option) {
  const bool digits = !text.empty() && text.size() <= 19 &&
                      text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits) throw std::invalid_argument(option + ": expected SHARD:INDEX, the index a number");
  return std::stoull(std::string(text));
}

/// A catalog, what is selected of it, and the epoch's order.
class PlannedShards {
 public:
  PlannedShards(const PlanVerbOptions& options, std::shared_ptr<const ShardCatalog> catalog,
                SelectedSamples selected)
      : options_(options),
        catalog_(std::move(catalog)),
        selected_(std::make_shared<const SelectedSamples>(std::move(selected))),
        plan_(plan_options(), options.epoch) {}

  const EpochPlan& epoch() const { return plan_; }
  const SampleCounts& counts() const { return selected_->counts(); }
  const ShardCatalog& catalog() const { return *catalog_; }

  FoundSample at(std::uint64_t position) const {
    if (position >= plan_.size()) {
      throw std::invalid_argument("--position " + std::to_string(position) + ": the epoch has " +
                                  std::to_string(plan_.size()));
    }
    return described(position, counts().locate(plan_.at(position).number));
  }

  FoundSample find(const std::string& name) const {
    const std::string option = "--find " + name;
    const std::size_t colon = name.find_last_of(':');
    if (colon == std::string::npos) throw std::invalid_argument(option + ": expected SHARD:INDEX");
    const std::uint64_t index = number_of(std::string_view(name).substr(colon + 1), option);
    const std::uint64_t shard = shard_named(name.substr(0, colon), option);
    if (index >= catalog_->samples(shard)) {
      throw std::invalid_argument(option + ": " + catalog_->path(shard) + " has " +
                                  std::to_string(catalog_->samples(shard)) + " samples");
    }
    const SampleId id = selected_id(shard, index, option);
    const auto position = plan_.position_of({0, counts().begin_of(shard) + id.index});
    if (!position) throw std::invalid_argument(option + ": not in this epoch");
    return described(*position, id);
  }

 private:
  PlanOptions plan_options() const {
    PlanOptions plan;
    std::shared_ptr<const SampleCounts> units;
    if (has_units(*catalog_, counts())) units = {selected_, &selected_->counts()};
    plan.sources = {{counts().total(), 0, 0, std::move(units)}};
    plan.shuffle = options_.shuffle;
    plan.shuffle_window = options_.shuffle_window;
    plan.seed = options_.seed;
    return plan;
  }

  // By number, by path, or by the end of its path.
  std::uint64_t shard_named(const std::string& name, const std::string& option) const {
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) {
      const std::uint64_t shard = number_of(name, option);
      if (shard < catalog_->shards()) return shard;
      throw std::invalid_argument(option + ": there are " + std::to_string(catalog_->shards()) +
                                  " shards");
    }
    std::optional<std::uint64_t> found;
    for (std::uint64_t shard = 0; shard < catalog_->shards(); ++shard) {
      const std::string path = catalog_->path(shard);
      if (path == name) return shard;
      const bool ends_so = path.size() > name.size() && path.ends_with(name) &&
                           path[path.size() - name.size() - 1] == '/';
      if (!ends_so) continue;
      if (found) {
        std::string both = option + ": may be ";
        both.append(catalog_->path(*found)).append(" or ").append(path);
        throw std::invalid_argument(both);
      }
      found = shard;
    }
    if (!found) throw std::invalid_argument(option + ": no such shard");
    return *found;
  }

  // index_in_shard() rises with the number of the selected sample.
  SampleId selected_id(std::uint64_t shard, std::uint64_t index, const std::string& option) const {
    std::uint64_t low = 0;
    std::uint64_t high = counts().of_shard(shard);
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      if (selected_->index_in_shard({shard, middle}) < index) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == counts().of_shard(shard) || selected_->index_in_shard({shard, low}) != index) {
      throw std::invalid_argument(option + ": the sample is not selected");
    }
    return {shard, low};
  }

  FoundSample described(std::uint64_t position, SampleId id) const {
    const std::uint64_t in_rank = position / options_.world_size;
    FoundSample found;
    found.position = position;
    found.rank = position % options_.world_size;
    found.batch = in_rank / options_.batch_size;
    found.slot = in_rank % options_.batch_size;
    found.dropped = found.batch >= RankSlice(plan_.size(), 0, 0, options_.world_size,
                                             options_.batch_size, options_.drop_last)
                                       .batches();
    found.shard = catalog_->path(id.shard);
    found.index = selected_->index_in_shard(id);
    const auto shard = open_shard(found.shard, options_.read);
    if (!shard) {
      found.offset_problem = shard.error().to_string();
      return found;
    }
    const auto offsets = catalog_->sample_offsets(id.shard, **shard);
    if (offsets) {
      found.offset_bytes = (*offsets)[found.index];
    } else {
      found.offset_problem = offsets.error().to_string();
    }
    return found;
  }

  const PlanVerbOptions& options_;
  std::shared_ptr<const ShardCatalog> catalog_;
  std::shared_ptr<const SelectedSamples> selected_;
  EpochPlan plan_;
};

Result<PlannedShards> open(const PlanVerbOptions& options, PlanReport& report) {
  const std::size_t threads = options.threads > 0 ? options.threads : usable_cores();
  const ParallelFor parallel_for = [threads](std::size_t count,
                                             const std::function<void(std::size_t)>& task) {
    run_on_threads(threads, count, task);
  };
  CatalogOptions catalog_options;
  catalog_options.metadata = options.select.metadata();
  catalog_options.image_size = image_size_reader();
  catalog_options.read = options.read;
  const Clock::time_point begin = Clock::now();
  auto catalog = ShardCatalog::open(options.sources, catalog_options, parallel_for);
  if (!catalog) return tl::unexpected(std::move(catalog.error()));
  report.open_seconds = seconds_since(begin);
  const Clock::time_point planning = Clock::now();
  auto selected = SelectedSamples::select(options.select, **catalog, parallel_for);
  if (!selected) return tl::unexpected(std::move(selected.error()));
  if (selected->counts().total() == 0) {
    return fail(Reason::missing_field, "no samples in " + std::to_string((*catalog)->shards()) +
                                           " shard(s) named by \"" + options.sources.front() +
                                           "\"");
  }
  PlannedShards planned(options, std::move(*catalog), std::move(*selected));
  static_cast<void>(planned.epoch().at(0));  // which makes the order of units
  report.plan_seconds = seconds_since(planning);
  return planned;
}

void count_batches(const PlanVerbOptions& options, std::uint64_t samples, PlanReport& report) {
  for (std::uint64_t rank = 0; rank < options.world_size; ++rank) {
    const RankSlice slice(samples, 0, rank, options.world_size, options.batch_size,
                          options.drop_last);
    report.batches = slice.batches();
    report.last_batch_samples = slice.batches() > 0 ? slice.batch_samples(slice.batches() - 1) : 0;
    report.dropped += slice.dropped();
    if (report.batches > 0 && slice.is_padded(report.batches - 1, report.last_batch_samples - 1)) {
      ++report.padded;  // a rank has one padded slot at most
    }
  }
}

void time_positions(const PlannedShards& planned, std::uint64_t seed, PlanReport& report) {
  constexpr std::uint64_t kTimed = 20'000;
  const EpochPlan& epoch = planned.epoch();
  std::uint64_t sum = 0;
  Clock::time_point begin = Clock::now();
  for (std::uint64_t i = 0; i < kTimed; ++i) {
    sum += planned.counts().locate(epoch.at(mix(seed, i) % epoch.size()).number).index;
  }
  report.at_nanoseconds = seconds_since(begin) * 1e9 / kTimed;
  begin = Clock::now();
  for (std::uint64_t i = 0; i < kTimed; ++i) {
    sum += epoch.position_of({0, mix(seed, i) % epoch.size()}).value_or(0);
  }
  report.position_of_nanoseconds = seconds_since(begin) * 1e9 / kTimed;
  // The sum keeps the calls from being left out.
  if (sum == std::numeric_limits<std::uint64_t>::max()) report.at_nanoseconds = 0;
}

void measure_quality(const PlanVerbOptions& options, const PlannedShards& planned,
                     PlanReport& report) {
  const SampleCounts& counts = planned.counts();
  const EpochPlan& epoch = planned.epoch();
  ShuffleQualityOptions quality;
  quality.batch_size = options.batch_size * options.world_size;
  quality.window = report.window_samples;
  quality.classes = options.classes;
  quality.seed = options.seed;
  const MeasuredOrder own = {epoch.size(),
                             [&](std::uint64_t position) { return epoch.at(position).number; },
                             [&](std::uint64_t number) {
                               return epoch.position_of({0, number});
                             },
                             std::nullopt};
  report.block_shuffle = measure_shuffle(own, counts, quality);
  report.full_permutation =
      measure_shuffle(full_permutation(counts.total(), options.seed), counts, quality);
  report.shuffle_buffer =
      measure_shuffle(shuffle_buffer_order(counts, {}, options.seed), counts, quality);
}

}  // namespace

int plan(const PlanVerbOptions& options) {
  if (options.batch_size == 0) throw std::invalid_argument("--batch-size 0: must be at least 1");
  if (options.world_size == 0) throw std::invalid_argument("--world-size 0: must be at least 1");
  options.select.validate();
  options.read.validate();
  PlanReport report;
  const auto planned = open(options, report);
  if (!planned) {
    std::fprintf(stderr, "millrace: %s\n", planned.error().to_string().c_str());
    return 1;
  }
  const ShardCatalog& catalog = planned->catalog();
  const EpochOrder order = planned->epoch().order(0, 0);
  report.samples = planned->counts().total();
  report.shards = catalog.shards();
  for (std::size_t shard = 0; shard < catalog.shards(); ++shard) {
    report.bytes += catalog.bytes(shard);
  }
  report.damaged_shards = catalog.damaged_shards();
  report.lanes = order.lanes();
  report.has_units = order.has_units();
  report.segment_samples = options.shuffle ? order.segment_samples() : report.samples;
  report.window_samples = std::min(order.window_positions(), report.samples);
  count_batches(options, planned->epoch().size(), report);
  for (const std::uint64_t position : options.positions) {
    report.positions.push_back(planned->at(position));
  }
  for (const std::string& name : options.find) report.found.push_back(planned->find(name));
  time_positions(*planned, options.seed, report);
  report.peak_rss_bytes = peak_rss_bytes();
  if (options.quality) measure_quality(options, *planned, report);
  (options.json ? print_plan_json : print_plan_text)(options, report);
  return 0;
}

void add_plan(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "plan",
      "Plan an epoch over SOURCES: its size, which sample has which position, how well it "
      "is shuffled");
  static PlanVerbOptions options;
  verb->add_option("sources", options.sources,
                   "Shard specs, files or folders of any format, or a millrace.index")
      ->required();
  verb->add_flag("--shuffle,!--no-shuffle", options.shuffle, "Shuffled order (the default)");
  verb->add_option("--shuffle-window", options.shuffle_window, "Samples mixed at any time")
      ->capture_default_str();
  verb->add_option("--seed", options.seed, "Seed of the order")->capture_default_str();
  verb->add_option("--epoch", options.epoch, "Which epoch")->capture_default_str();
  verb->add_option("--batch-size", options.batch_size, "Samples a batch on each rank")
      ->capture_default_str();
  verb->add_option("--world-size", options.world_size, "Ranks")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  verb->add_flag("--drop-last", options.drop_last, "Leave out the tail that fills no batch");
  Selection& select = options.select;
  verb->add_option("--where", select.where, "Only samples whose JSON says so: 'width >= 256'");
  verb->add_option("--keep-keys", select.keep_keys, "Only these keys; @FILE: its lines; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--drop-keys", select.drop_keys, "Not these keys; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--every", select.every, "Of what is left, each N-th")->capture_default_str();
  verb->add_option("--every-offset", select.every_offset, "Which of each N, from 0")
      ->capture_default_str();
  verb->add_option("--position", options.positions, "Print the sample at a position; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--find", options.find,
                   "Print the position of SHARD:INDEX; SHARD: a path, its end, or the shard's "
                   "number; repeatable")
      ->allow_extra_args(false);
  verb->add_flag("--quality", options.quality,
                 "Measure the shuffle beside a full permutation and a buffer of 10,000");
  verb->add_option("--classes", options.classes,
                   "Groups of consecutive shards that --quality takes for classes")
      ->capture_default_str();
  add_read_flags(*verb, options.read);
  add_threads_flag(*verb, options.threads);
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] { exit_code = plan(options); });
}

}  // namespace millrace::cli
