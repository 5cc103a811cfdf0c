#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/read_options.h"
#include "millrace/result/result.h"

namespace millrace {

/// The shards that one path of a spec stands for, in order: most files are a shard; a Parquet file
/// is its row groups, `FILE#0`, `FILE#1`, ...; of a folder
/// - of Hugging Face's `save_to_disk`: the Arrow files that its `state.json` lists,
/// - of MosaicML MDS: the shards that its `index.json` lists,
/// - with Parquet files in it or below: those, sorted by path,
/// - with tar shards in it: those, sorted by name,
/// - with images in it or below: each folder that has some, sorted.
/// Errors: io_error; damaged_shard naming the list that is broken; for a folder of several splits
/// one that names them; for a folder with nothing of this, one that says so.
Result<std::vector<std::string>> list_shards(const std::string& path, const ReadOptions& options);

/// The same for all that specs name (shard_spec.h). A sample index stands as it is.
/// Errors: also those of expand_shard_specs.
Result<std::vector<std::string>> shards_of(const std::vector<std::string>& specs,
                                           const ReadOptions& options);

/// The file or folder on disk of a shard's path: without the `#0` of a row group.
std::string shard_file(const std::string& shard);

}  // namespace millrace
