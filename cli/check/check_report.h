#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/check.h"
#include "check/check_tallies.h"
#include "check/fingerprints.h"
#include "check/side_files.h"

namespace millrace::cli {

/// A sample as a report shows it.
struct ShownSample {
  std::uint64_t offset = Error::kNoOffset;
  OffsetUnit unit = OffsetUnit::byte;
  std::string key;
  std::string problem;  ///< why the sample or its image cannot be shown
  std::vector<std::string> captions;
  std::vector<std::uint64_t> tokens;    ///< of each caption
  std::string image;                    ///< "JPEG, RGB, 500 x 375, 82 kB"
  std::vector<std::uint8_t> thumbnail;  ///< a small JPEG; empty: none
};

/// All that a check found.
struct CheckReport {
  std::vector<std::string> shards;  ///< paths, by their numbers
  std::uint64_t bytes = 0;          ///< of their files
  CheckTallies tallies;
  Duplicates duplicate_keys, duplicate_images, near_images, duplicate_captions;
  std::uint64_t not_compared = 0;
  std::uint64_t crowded = 0;
  std::uint64_t shards_with_stats = 0;
  DownloadStats downloads;
  std::uint64_t spot_drawn = 0;                ///< samples of the spot check, shown or not
  std::map<SamplePlace, ShownSample> samples;  ///< those that examples and the spot check name
  std::size_t threads = 0;
  double seconds = 0;  ///< of the reading
  double cpu_seconds = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t failing = 0;  ///< findings of the kinds that fail the check
  bool passed = true;

  std::string shard_of(SamplePlace place) const {
    return place.shard < shards.size() ? shards[place.shard] : std::string();
  }
};

/// Whether findings of this kind let the check fail, as `fail_on` has it.
bool fails(const std::vector<std::string>& fail_on, FindingKind kind);

/// Reads everything. Errors: nothing of the sources can be listed.
Result<CheckReport> run_check(const CheckOptions& options);

void print_check_text(const CheckOptions& options, const CheckReport& report);
/// The keys are described in README.md.
void print_check_json(const CheckOptions& options, const CheckReport& report);
/// One page, complete in itself. Errors: io_error.
Result<void> write_html(const CheckOptions& options, const CheckReport& report);

/// "offset 1536", "row 7"; empty where there is none.
std::string place_text(std::uint64_t offset, OffsetUnit unit);
/// The kinds found, errors first, each by how often.
std::vector<FindingKind> kinds_by_weight(const CheckReport& report);

}  // namespace millrace::cli
