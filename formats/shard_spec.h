#pragma once

#include <span>
#include <string>
#include <vector>

#include "millrace/result/result.h"

namespace millrace {

/// The shard paths that a list of specs names, in order, duplicates kept.
///
/// A spec is a path with any of: `{000..009}` (padded ranges), `{a,b}`, both nested; `::` between
/// specs; `*`, `?`, `[...]` (sorted matches); `${NAME}` from the environment; `@list.txt` (a spec a
/// line, `#` comments, relative paths as they stand). A glob takes no sample index (`*.index`, also
/// unfinished), so that `data/*` names no sample twice, unless it ends in `.index` itself.
/// Errors: io_error or damaged_shard naming the spec: a glob without a match, a missing file or
/// list, a list within itself, an unset variable, an unbalanced brace, more than `max_shards`
/// results, `pipe:` (refused).
Result<std::vector<std::string>> expand_shard_specs(std::span<const std::string> specs,
                                                    std::size_t max_shards = 10'000'000);

}  // namespace millrace
