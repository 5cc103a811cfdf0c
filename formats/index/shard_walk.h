#pragma once

#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/index/index_block.h"
#include "millrace/formats/index/shard_catalog.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// A metadata field that ends so is not a number that the samples have, but how many texts its
/// selector finds in each that are not empty (`json:texts#`; see FieldSelector::find_all).
inline constexpr std::string_view kCountSuffix = "#";

/// Metadata that begins so is of a sample's image: `image:width`, `image:height`, `image:aspect`.
inline constexpr std::string_view kImagePrefix = "image:";

/// Throws std::invalid_argument on metadata that is no field selector, or of an image something
/// else than its width, height and aspect.
void validate_metadata(const std::string& field);

/// What a walk over the whole shard finds: its headers, and of every sample the `metadata` (as in
/// CatalogOptions). A sample without a number there has NaN (a string that is wholly a number is
/// one); a damaged place NaN and key hash 0. The name is the path. Errors: those of open_shard, a
/// file that changes under the walk. Damage is none. Throws as validate_metadata, and where
/// metadata is of images and `image_size` reads none.
Result<IndexedShard> walk_shard(const std::string& path, std::span<const std::string> metadata,
                                const ReadOptions& read, const ShardOpener& open = {},
                                const ImageSizeReader& image_size = {});

/// The same for a shard that is open already, without its stamp.
Result<IndexedShard> walk_shard(const Shard& shard, std::span<const std::string> metadata,
                                const ImageSizeReader& image_size = {});

}  // namespace millrace
