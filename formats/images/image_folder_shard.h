#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// Whether a file is an image, by the end of its name: jpg, jpeg, png, webp, gif, bmp, tif, tiff,
/// avif.
bool is_image_name(std::string_view file_name);

/// The images of one folder, without those below it, sorted by name; a file beside an image that
/// differs only in its extension (`.txt`, `.json`, ...) is a field of the same sample. Keys and
/// extensions are those of the files as members of a tar; offsets count the samples. The folder's
/// own name is the field `label`. Files that go with no image are counted (`meta_members`).
///
/// The folder is listed once, here. Files are read when their sample is, only those that
/// `options.fields` ask for; a link must not lead out of the folder, or of `options.image_root`
/// where that is given. A sample whose file has vanished since is an io_error.
Result<std::shared_ptr<const Shard>> open_image_folder(const std::string& path,
                                                       const ReadOptions& options);

}  // namespace millrace
