#pragma once

#include <cstdint>
#include <string>

#include "millrace/result/result.h"
#include "source_shards.h"

namespace millrace::cli {

/// A sample, and its shard, open.
struct FoundEntry {
  OpenSource source;
  std::uint64_t index = 0;   ///< in its shard
  std::uint64_t number = 0;  ///< over all sources
};

/// Finds a sample by what a person calls it: `SHARD:INDEX` (SHARD as in SourceShards::find), its
/// number over all sources (digits without a leading zero), else its key. Numbers open one shard,
/// if indexes know the ones before it; a key is looked for from the first shard on.
/// Errors: missing_field where there is none, naming the key that is nearest; those of the shards.
/// Throws std::invalid_argument on a SHARD:INDEX or a number that is out of range.
Result<FoundEntry> find_sample(const SourceShards& sources, const std::string& name, bool by_key);

/// How many characters must be put in, left out or exchanged to make one text of the other
/// (Levenshtein), or `most` if it is that or more.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t most);

}  // namespace millrace::cli
