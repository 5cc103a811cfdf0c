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

/// The images of one folder, without those below it, sorted by name: each is a sample. Its key is
/// its name up to the last dot, or the whole name where another image differs in its extension
/// only, and its field is the extension, lower-cased. Offsets count the samples.
///
/// Other files are further fields of the image whose name up to the last dot they begin with: of
/// `a.jpg`, `a.txt` is the field `txt` and `a.meta.json` `meta.json`; of images that share that
/// name, each has them. `a.jpg.txt` belongs to that image alone, as `txt` where there is no
/// `a.txt`, else as `jpg.txt`. The folder's own name is the field `label`. What is beside no image,
/// or repeats a field but for its case, is counted (`meta_members`).
///
/// The folder is listed once, here. Files are read when their sample is, only those that
/// `options.fields` ask for; a link must not lead out of the folder, or of `options.image_root`
/// where that is given. A sample whose file has vanished since is an io_error.
Result<std::shared_ptr<const Shard>> open_image_folder(const std::string& path,
                                                       const ReadOptions& options);

}  // namespace millrace
