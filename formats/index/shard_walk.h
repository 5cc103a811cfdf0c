#pragma once

#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/index/index_block.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// A metadata field that ends so is not a number that the samples have, but how many texts its
/// selector finds in each that are not empty (`json:texts#`; see FieldSelector::find_all).
inline constexpr std::string_view kCountSuffix = "#";

/// What a walk over the whole shard finds: its headers, and of every sample the `metadata` (as in
/// CatalogOptions). A sample without a number there has NaN (a string that is wholly a number is
/// one); a damaged place NaN and key hash 0. The name is the path. Errors: those of open_shard, a
/// file that changes under the walk. Damage is none. Throws std::invalid_argument on a metadata
/// field that is no field selector.
Result<IndexedShard> walk_shard(const std::string& path, std::span<const std::string> metadata,
                                const ReadOptions& read, const ShardOpener& open = {});

/// The same for a shard that is open already, without its stamp.
Result<IndexedShard> walk_shard(const Shard& shard, std::span<const std::string> metadata);

}  // namespace millrace
