#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/read_options.h"
#include "millrace/formats/sample.h"
#include "millrace/result/result.h"

namespace millrace {

/// The images that rows name by path: files below one folder, or members of tars. Immutable,
/// thread-safe; shared by all shards of a reader that were opened with equal options.
class ImageStore {
 public:
  /// `table` is the file (or folder) whose rows name the images; its folder is the root where
  /// `options.image_root` is empty. Nothing is opened yet. Errors: io_error if the root is no
  /// folder.
  static Result<std::shared_ptr<const ImageStore>> open(const std::string& table,
                                                        const ReadOptions& options);
  virtual ~ImageStore() = default;
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  /// Adds the image of that path to the sample as field `name`: the sample keeps the file's bytes,
  /// or they lie in a mapped tar. A path is relative to the root, or absolute and below it; `..`
  /// and links may not lead out of it: nothing outside is read. One that begins with `../` starts
  /// from the table's folder, which is another way to the root where that is further up. Allocates
  /// nothing in the long run.
  /// Errors, located by the sample: io_error (missing, no regular file, larger than the limit,
  /// outside of the root), missing_field (no such member of the tars).
  virtual Result<void> add(std::string_view path, std::string_view name, Sample& sample) const = 0;

  /// Whether `path` says where on the network an image is, so that it names no file.
  static bool is_url(std::string_view path);

 protected:
  ImageStore() = default;
};

}  // namespace millrace
