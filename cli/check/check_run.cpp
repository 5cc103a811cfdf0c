
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "check/amount.h"
#include "check/check_report.h"
#include "check/sample_check.h"
#include "check/shard_blocks.h"
#include "millrace/formats/brace_expansion.h"
#include "millrace/formats/index/sample_index.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/shard_listing.h"
#include "millrace/formats/shard_spec.h"
#include "millrace/formats/tar/tar_reader.h"
#include "millrace/loader/options.h"
#include "progress_line.h"
#include "quantity_text.h"
#include "run_cost.h"
#include "run_on_threads.h"
#include "sample_viewer.h"

namespace millrace::cli {

namespace {

constexpr std::size_t kBlockSamples = 64;
// Of each kind, for the page; the terminal shows fewer.
constexpr std::size_t kKeptExamples = 24;
constexpr std::size_t kMostSpotSamples = 2000;

Finding shard_finding(FindingKind kind, std::uint32_t shard, std::string message) {
  Finding finding;
  finding.kind = kind;
  finding.place.shard = shard;
  finding.message = std::move(message);
  return finding;
}

// The paths of all shards. Where one cannot be listed, it stands in the list, and `failed` says
// why.
struct Listing {
  std::vector<std::string> shards;
  Findings failed{kKeptExamples};

  void add_failure(const std::string& path, const Error& error) {
    const auto number = static_cast<std::uint32_t>(shards.size());
    shards.push_back(path);
    unlisted.insert(number);
    failed.add(shard_finding(FindingKind::unreadable_shard, number, error.message));
  }
  std::set<std::uint32_t> unlisted;
};

// One spec at a time, so that a shard that is not there does not hide the others.
Result<void> add_spec(const std::string& spec, const ReadOptions& read, Listing& listing) {
  const auto paths = expand_shard_specs(std::vector{spec});
  if (!paths) return tl::unexpected<Error>(paths.error());
  for (const std::string& path : *paths) {
    const auto listed = list_shards(path, read);
    if (!listed) {
      if (paths->size() == 1) return tl::unexpected<Error>(listed.error());
      listing.add_failure(path, listed.error());
      continue;
    }
    for (const std::string& shard : *listed) {
      if (!SampleIndex::is_index(shard)) {
        listing.shards.push_back(shard);
        continue;
      }
      const auto index = SampleIndex::open(shard);
      if (!index) {
        listing.add_failure(shard, index.error());
        continue;
      }
      for (std::size_t i = 0; i < (*index)->shards(); ++i) {
        listing.shards.push_back((*index)->path(i));
      }
    }
  }
  return {};
}

Result<Listing> list_all(const CheckOptions& options) {
  constexpr std::size_t kMostShards = 10'000'000;
  Listing listing;
  std::optional<Error> first_failure;
  for (const std::string& source : options.sources) {
    const auto specs = expand_braces(source, kMostShards);
    if (!specs) return tl::unexpected<Error>(specs.error());
    for (const std::string& spec : *specs) {
      if (const auto added = add_spec(spec, options.read, listing); !added) {
        if (!first_failure) first_failure = added.error();
        listing.add_failure(spec, added.error());
      }
    }
  }
  // Nothing at all is there: a wrong name rather than a damaged dataset.
  if (listing.shards.size() == listing.unlisted.size() && first_failure) {
    return tl::unexpected<Error>(std::move(*first_failure));
  }
  return listing;
}

// How far the check is, shown by whichever thread comes by.
class Progress {
 public:
  explicit Progress(const std::vector<std::string>& shards) {
    std::unordered_map<std::string, std::size_t> users;
    for (const std::string& shard : shards) ++users[shard_file(shard)];
    for (const std::string& shard : shards) {
      const std::string file = shard_file(shard);
      std::error_code error;
      const auto bytes = std::filesystem::is_regular_file(file, error)
                             ? std::filesystem::file_size(file, error)
                             : std::uintmax_t{0};
      weights_.push_back(static_cast<double>(error ? 0 : bytes) / static_cast<double>(users[file]) +
                         1);
      total_ += weights_.back();
    }
  }
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(total_) - weights_.size(); }
  void advance(std::uint32_t shard, std::size_t samples, std::size_t of_samples, bool has_failed) {
    if (!line_.is_on_terminal()) return;
    const std::lock_guard lock(mutex_);
    samples_ += samples;
    if (of_samples > 0 || has_failed) {
      const double share =
          has_failed ? 1 : static_cast<double>(samples) / static_cast<double>(of_samples);
      done_ += weights_[shard] * share;
    }
    if (!line_.is_due()) return;
    const double share = std::min(done_ / total_, 1.0);
    const double seconds = line_.seconds();
    const double left = share > 0.01 ? seconds / share - seconds : 0;
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), " %3.0f %%  %s samples, %.0f/s, %.0f s left ",
                  100 * share, grouped(samples_).c_str(), static_cast<double>(samples_) / seconds,
                  left);
    line_.show(ProgressLine::bar(share) + text.data());
  }
  void clear() const { line_.clear(); }

 private:
  ProgressLine line_;
  std::mutex mutex_;
  std::vector<double> weights_;
  double total_ = 0;
  double done_ = 0;
  std::uint64_t samples_ = 0;
};

struct SpotShare {
  double share = 0;
  std::size_t most = 0;
};

// "10%" of the samples, or so many.
SpotShare spot_share(const std::string& text) {
  if (text.empty()) return {};
  const Amount amount = parse_amount(text, "--sample");
  if (amount.is_percent) return {amount.number / 100, kMostSpotSamples};
  const double most = std::min(amount.number, static_cast<double>(kMostSpotSamples));
  return {1, static_cast<std::size_t>(most)};
}

// Reads the shards and fills the report's sums.
class Reading {
 public:
  Reading(const CheckOptions& options, Listing listing)
      : options_(options),
        listing_(std::move(listing)),
        spot_(spot_share(options.spot_check)),
        prints_(listing_.shards.size()),
        progress_(listing_.shards),
        blocks_(listing_.shards.size(), kBlockSamples,
                [this](std::uint32_t number) { return open(number); }) {
    options_.read.fields = checked_fields(options);
    report_.tallies.findings = std::move(listing_.failed);
    report_.shards = listing_.shards;
    report_.bytes = progress_.bytes();
  }

  CheckReport run(std::size_t threads) {
    report_.threads = threads;
    run_on_threads(threads, threads, [this](std::size_t) { work(); });
    progress_.clear();
    if (options_.duplicates) find_duplicates(threads);
    return std::move(report_);
  }

 private:
  CheckTallies fresh_tallies() const {
    CheckTallies tallies;
    tallies.findings = Findings(kKeptExamples);
    tallies.spot = SpotDraw(spot_.share, spot_.most, options_.seed);
    return tallies;
  }

  void work() {
    CheckTallies tallies = fresh_tallies();
    Fingerprints::Batch batch = prints_.make_batch();
    SampleChecker checker(options_, tallies, batch);
    Sample sample;
    while (const auto block = blocks_.take()) {
      const Shard& shard = *block->shard->shard;
      const std::vector<std::uint64_t>& offsets = block->shard->offsets;
      for (std::size_t i = block->begin; i < block->end; ++i) {
        const SamplePlace place{block->shard->number, i};
        if (const auto read = shard.read(offsets[i], sample); !read) {
          checker.take_error(place, read.error());
          continue;
        }
        checker.check(place, sample, block->shard->from_tar);
        shard.done_with(sample);
      }
      prints_.add(batch);
      progress_.advance(block->shard->number, block->end - block->begin, offsets.size(), false);
    }
    const std::lock_guard lock(mutex_);
    report_.tallies.merge(std::move(tallies));
  }

  std::shared_ptr<const OpenedShard> open(std::uint32_t number) {
    if (listing_.unlisted.contains(number)) return nullptr;
    const std::string& path = listing_.shards[number];
    const auto shard = open_shard(path, options_.read);
    if (!shard) return refuse(number, shard.error());
    auto index = (*shard)->index();
    if (!index) return refuse(number, index.error());
    take_index(number, *index);
    if (index->damaged == 0) check_hash(number, **shard);
    if (index->sample_offsets.empty()) progress_.advance(number, 0, 0, true);
    auto opened = std::make_shared<OpenedShard>();
    opened->number = number;
    opened->shard = *shard;
    opened->from_tar = tar::begins_like_tar((*shard)->source().bytes());
    opened->offsets = std::move(index->sample_offsets);
    return opened;
  }

  std::shared_ptr<const OpenedShard> refuse(std::uint32_t number, const Error& error) {
    progress_.advance(number, 0, 0, true);
    const std::lock_guard lock(mutex_);
    report_.tallies.findings.add(
        shard_finding(FindingKind::unreadable_shard, number,
                      std::string(reason_name(error.reason)) + ": " + error.message));
    return nullptr;
  }

  void check_hash(std::uint32_t number, const Shard& shard) {
    const auto wrong = wrong_mds_hash(listing_.shards[number], shard.source().bytes());
    if (!wrong) return;
    const std::lock_guard lock(mutex_);
    report_.tallies.findings.add(shard_finding(FindingKind::damaged_shard, number, *wrong));
  }

  void take_index(std::uint32_t number, const ShardIndex& index) {
    const auto stats = read_download_stats(listing_.shards[number]);
    const std::lock_guard lock(mutex_);
    CheckTallies skipped;
    skipped.skipped = index.skipped;
    report_.tallies.merge(std::move(skipped));
    if (!stats) return;
    ++report_.shards_with_stats;
    DownloadStats& sum = report_.downloads;
    sum.count += stats->count;
    sum.successes += stats->successes;
    sum.failed_to_download += stats->failed_to_download;
    sum.failed_to_resize += stats->failed_to_resize;
    sum.status.merge(stats->status);
    const std::uint64_t samples = index.sample_offsets.size() - index.damaged;
    if (samples == stats->successes || samples == stats->count) return;
    report_.tallies.findings.add(shard_finding(FindingKind::incomplete_shard, number,
                                               std::to_string(samples) + " samples, " +
                                                   std::to_string(stats->successes) +
                                                   " were downloaded"));
  }

  void find_duplicates(std::size_t threads) {
    FingerprintResults found = prints_.find(options_.near_distance, kKeptExamples, threads);
    take_groups(FindingKind::duplicate_key, found.keys);
    take_groups(FindingKind::duplicate_image, found.images);
    take_groups(FindingKind::near_duplicate_image, found.near_images);
    take_groups(FindingKind::duplicate_caption, found.captions);
    report_.not_compared = found.not_compared;
    report_.crowded = found.crowded;
    report_.duplicate_keys = std::move(found.keys);
    report_.duplicate_images = std::move(found.images);
    report_.near_images = std::move(found.near_images);
    report_.duplicate_captions = std::move(found.captions);
  }

  void take_groups(FindingKind kind, const Duplicates& found) {
    report_.tallies.findings.count(kind, found.extra);
    for (const DuplicateGroup& group : found.examples) {
      Finding finding;
      finding.kind = kind;
      finding.place = group.first.front();
      finding.members = group.first;
      finding.group_size = group.size;
      finding.message = grouped(group.size) + " of them";
      report_.tallies.findings.keep(std::move(finding));
    }
  }

  CheckOptions options_;
  Listing listing_;
  SpotShare spot_;
  Fingerprints prints_;
  Progress progress_;
  ShardBlocks blocks_;
  std::mutex mutex_;
  CheckReport report_;
};

// The samples that the report names, read again: few, and their pictures need not be kept
// meanwhile.
void look_up_samples(const CheckOptions& options, CheckReport& report) {
  const bool with_pictures = !options.html.empty();
  const std::size_t shown = with_pictures ? kKeptExamples : options.examples;
  std::map<std::uint32_t, std::set<std::uint64_t>> wanted;
  const auto want = [&](SamplePlace place) {
    if (place.index != Finding::kNoIndex) wanted[place.shard].insert(place.index);
  };
  for (std::size_t kind = 0; kind < kFindingKinds; ++kind) {
    const auto examples = report.tallies.findings.examples_of(static_cast<FindingKind>(kind));
    for (std::size_t i = 0; i < examples.size() && i < shown; ++i) {
      if (with_pictures) want(examples[i].place);
      for (const SamplePlace member : examples[i].members) want(member);
    }
  }
  const std::vector<SamplePlace> spot = report.tallies.spot.places();
  for (const SamplePlace place : spot) want(place);
  // Of a number instead of a share, all samples take part in the draw.
  report.spot_drawn = options.spot_check.ends_with('%') ? report.tallies.spot.drawn() : spot.size();

  const std::vector<std::pair<std::uint32_t, std::set<std::uint64_t>>> shards(wanted.begin(),
                                                                              wanted.end());
  std::mutex mutex;
  run_on_threads(report.threads, shards.size(), [&](std::size_t i) {
    SampleViewer viewer(options, with_pictures);
    auto samples = viewer.view(report.shards[shards[i].first], shards[i].second);
    const std::lock_guard lock(mutex);
    for (auto& [index, sample] : samples) {
      report.samples.emplace(SamplePlace{shards[i].first, index}, std::move(sample));
    }
  });
}

void judge(const CheckOptions& options, CheckReport& report) {
  bool lost_shard = false;
  for (std::size_t i = 0; i < kFindingKinds; ++i) {
    const auto kind = static_cast<FindingKind>(i);
    if (!fails(options.fail_on, kind)) continue;
    const std::uint64_t count = report.tallies.findings.count_of(kind);
    report.failing += count;
    lost_shard = lost_shard || (kind == FindingKind::unreadable_shard && count > 0);
  }
  const double tolerated = options.max_bad.empty()
                               ? 0
                               : parse_amount(options.max_bad, "--max-bad").number / 100 *
                                     static_cast<double>(report.tallies.samples);
  report.passed =
      report.failing == 0 || (!lost_shard && static_cast<double>(report.failing) <= tolerated);
}

}  // namespace

bool fails(const std::vector<std::string>& fail_on, FindingKind kind) {
  const FindingInfo& info = info_of(kind);
  return std::any_of(fail_on.begin(), fail_on.end(), [&](const std::string& name) {
    return name == info.name || name == "any" || name == severity_name(info.severity);
  });
}

Result<CheckReport> run_check(const CheckOptions& options) {
  const std::size_t threads = options.threads > 0 ? options.threads : usable_cores();
  auto listing = list_all(options);
  if (!listing) return tl::unexpected<Error>(std::move(listing.error()));
  const Clock::time_point begin = Clock::now();
  Reading reading(options, std::move(*listing));
  CheckReport report = reading.run(threads);
  report.seconds = seconds_since(begin);
  if (report.tallies.samples == 0 &&
      report.tallies.findings.count_of(FindingKind::unreadable_shard) == 0) {
    // A wrong name is likelier than a dataset of nothing, which no loader takes either.
    return fail(Reason::missing_field, "no samples in " + std::to_string(report.shards.size()) +
                                           " shard(s) named by \"" + options.sources.front() +
                                           "\"");
  }
  look_up_samples(options, report);
  judge(options, report);
  report.cpu_seconds = cpu_seconds_so_far();
  report.peak_rss_bytes = peak_rss_bytes();
  return report;
}

}  // namespace millrace::cli
