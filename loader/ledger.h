#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "millrace/result/result.h"

namespace millrace {

/// What became of every sample of the current epoch on this rank. At the end of the epoch
/// expected == delivered + substituted + the sum of skipped; before it, the difference is what is
/// still to come. Only what next() has handed over counts.
struct Ledger {
  std::uint64_t epoch = 0;
  std::uint64_t from_position = 0;  ///< global position at which this loader took the epoch up
  std::uint64_t expected = 0;
  std::uint64_t delivered = 0;
  std::uint64_t substituted = 0;
  /// Reason -> count; the reasons of reason_name(), and "drop_last" for the tail.
  std::map<std::string, std::uint64_t, std::less<>> skipped;
  /// Why samples were substituted or skipped, reason -> count.
  std::map<std::string, std::uint64_t, std::less<>> bad_samples;
  std::uint64_t padded = 0;  ///< of the delivered: repeats that make the ranks equal
  /// The first bad samples of the epoch, each with its place; at most kMostErrors.
  std::vector<Error> errors;

  static constexpr std::size_t kMostErrors = 1000;

  std::uint64_t accounted() const;
  /// One JSON object with these names; `errors` as objects {reason, message, shard, offset, key}.
  std::string to_json() const;
};

}  // namespace millrace
