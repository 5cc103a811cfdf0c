#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// Of ShardFormat.
bool is_mds(std::string_view file_name, std::span<const std::uint8_t> bytes);

/// A MosaicML MDS shard (u32 count, u32 offsets[count + 1], JSON config, samples; a sample is the
/// u32 sizes of its columns that vary, then their values). An index.json in its folder or the one
/// above says which columns it has and what numbers its samples have; where that does not know it,
/// the config says the columns, and samples are numbered from 0. Sizes are checked, hashes are not.
///
/// A column is a field: text, bytes, images, JSON, arrays and pickles as they are stored (`pil`:
/// with its header), numbers and booleans as JSON writes them. A `str` column of
/// ReadOptions::image_paths names an image. The key: see ReadOptions; else the sample's number in
/// the dataset with 9 digits. Offsets are those of the samples' bytes.
///
/// Errors: damaged_shard for a header that is cut or contradicts index.json. A sample beyond the
/// file's end is a damaged entry, and so is all behind an offset that does not rise.
Result<std::shared_ptr<const Shard>> open_mds(const std::string& path, ShardBytes bytes,
                                              const ReadOptions& options);

}  // namespace millrace
