#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "millrace/result/result.h"

namespace millrace {

/// Reason -> count; the reasons of reason_name(), and "drop_last" for the tail.
using CountByReason = std::map<std::string, std::uint64_t, std::less<>>;

/// What became of the samples of a source or a shard that this rank has come to in this epoch.
/// Padded repeats are not counted, so at the end of an epoch that is one pass, summed over the
/// ranks, `expected` of a shard is its number of samples.
struct LedgerAccount {
  std::uint64_t delivered = 0;
  std::uint64_t substituted = 0;
  CountByReason skipped;

  std::uint64_t expected() const;
  bool operator==(const LedgerAccount&) const = default;
};

/// What became of every sample of the current epoch on this rank. At the end of the epoch
/// expected == delivered + substituted + the sum of skipped; before it, the difference is what is
/// still to come. Only what next() has handed over counts.
struct Ledger {
  std::uint64_t epoch = 0;
  std::uint64_t from_position = 0;  ///< global position at which this loader took the epoch up
  std::uint64_t expected = 0;
  std::uint64_t delivered = 0;
  std::uint64_t substituted = 0;
  CountByReason skipped;
  CountByReason bad_samples;  ///< why samples were substituted or skipped
  /// Empty captions that were passed over for the ones that were delivered.
  std::uint64_t captions_dropped = 0;
  std::uint64_t padded = 0;  ///< of all these: repeats that make the ranks equal
  /// The first bad samples of the epoch, each with its place; at most kMostErrors.
  std::vector<Error> errors;
  std::map<std::string, LedgerAccount> sources;  ///< by name
  /// By path, those that anything was planned of; only where asked for.
  std::map<std::string, LedgerAccount> shards;

  static constexpr std::size_t kMostErrors = 1000;

  std::uint64_t accounted() const;
  /// One JSON object with these names; `errors` as objects {reason, message, shard, offset, key},
  /// accounts as {expected, delivered, substituted, skipped}.
  std::string to_json() const;
};

}  // namespace millrace
