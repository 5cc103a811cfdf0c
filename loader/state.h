#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/loader/batch_samples.h"
#include "millrace/loader/options.h"
#include "millrace/loader/plan.h"

namespace millrace {

/// What decides the order and the content of the samples, name -> value as JSON text. Two loaders
/// with equal fingerprints deliver the same sequence.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

/// What the fingerprint says of a source's data.
struct SourceFingerprint {
  std::string name;  ///< MixtureSource::name
  std::uint64_t shards = 0;
  std::optional<std::uint64_t> samples;  ///< of streams: not known
  std::string select;         ///< Selection::describe(); empty where everything is selected
  std::uint64_t dataset = 0;  ///< Dataset::fingerprint(); of streams a hash of their names
};

/// `options.shuffle_window` must be the one that is used. `shares` as EpochPlan::shares() has them;
/// they are the one entry that a resume may change, and only of a mixture.
Fingerprint make_fingerprint(const LoaderOptions& options,
                             const std::vector<SourceFingerprint>& sources,
                             const std::vector<std::uint64_t>& shares);

/// Where a run stands: all that a resume needs.
struct LoaderState {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  ResumePoint point;
  /// Of a mixture: from where on its shares hold, and how far each source is now.
  MixtureStart mixture_start;
  std::vector<std::uint64_t> taken;
  Fingerprint fingerprint;
};

std::string state_to_json(const LoaderState& state);

/// What a resume may change besides what the fingerprint leaves open.
struct ResumeOptions {
  /// The shares of a mixture: its weights, temperature or samples_per_epoch. Each source goes on
  /// where it was.
  bool new_shares = false;
};

/// Throws std::invalid_argument if `json` is no state, is of another version, or if its fingerprint
/// is not `expected`: the message names each difference. Where the shares differ and that is asked
/// for, they hold from the state's position on (`mixture_start`).
LoaderState state_from_json(std::string_view json, const Fingerprint& expected,
                            const ResumeOptions& options = {});

}  // namespace millrace
