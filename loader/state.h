#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/loader/dataset.h"
#include "millrace/loader/options.h"

namespace millrace {

/// What decides the order and the content of the samples, name -> value as JSON text. Two loaders
/// with equal fingerprints deliver the same sequence.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

Fingerprint make_fingerprint(const LoaderOptions& options, const Dataset& dataset);

/// Where a run stands: all that a resume needs.
struct LoaderState {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::uint64_t position = 0;  ///< global, the first one not delivered
  Fingerprint fingerprint;
};

std::string state_to_json(const LoaderState& state);

/// Throws std::invalid_argument if `json` is no state, is of another version, or if its fingerprint
/// is not `expected`: the message names each difference.
LoaderState state_from_json(std::string_view json, const Fingerprint& expected);

}  // namespace millrace
