#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/read_options.h"
#include "millrace/result/result.h"

namespace millrace {

/// The files and folders that a folder stands for, in order, as shard_listing.h says: Parquet files
/// are not cut into row groups here. With `options.format` only that format is looked for.
///
/// Tars that lie beside a Parquet file of the same name are what img2dataset wrote: the tars count.
/// Other mixtures of tars and Parquet files are an error. Folders are searched without those whose
/// names begin with a dot, without `__MACOSX`, and through no link to a folder.
Result<std::vector<std::string>> folder_shards(const std::string& folder,
                                               const ReadOptions& options);

/// Whether a file is Parquet, by its name.
bool is_parquet_name(std::string_view file_name);

}  // namespace millrace
