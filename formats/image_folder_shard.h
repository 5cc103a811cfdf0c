#pragma once

#include <memory>
#include <string>

#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// The images of one folder, without those below it, sorted by name; a file beside an image that
/// differs only in its extension (`.txt`, `.json`, ...) is a field of the same sample. Keys and
/// extensions are those of the files as members of a tar; offsets count the samples. The folder's
/// own name is the field `label`.
Result<std::shared_ptr<const Shard>> open_image_folder(const std::string& path,
                                                       const ReadOptions& options);

}  // namespace millrace
