#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/sample.h"
#include "millrace/result/result.h"

namespace millrace {

/// A folder whose files are read by names that come from data: no name, link or change of the tree
/// meanwhile makes it read a byte of a file that is not below the folder. Immutable, thread-safe;
/// holds one descriptor.
class RootedFolder {
 public:
  /// How it is made sure that a file is below the folder.
  enum class Guard : std::uint8_t {
    best,      ///< by the kernel (openat2, Linux 5.6), where it can
    portable,  ///< step by step, following no link before it is known where it leads
  };

  /// The folder's own path may go through links. Errors: io_error.
  static Result<RootedFolder> open(const std::string& path, Guard guard = Guard::best);
  /// The same, and one for all who ask by this path while any of them has it: shards by the
  /// hundred may name images below one folder. For any thread. A folder that has been replaced is
  /// opened anew.
  static Result<std::shared_ptr<const RootedFolder>> shared(const std::string& path);
  ~RootedFolder();
  RootedFolder(RootedFolder&& other) noexcept;
  RootedFolder& operator=(RootedFolder&&) = delete;
  RootedFolder(const RootedFolder&) = delete;
  RootedFolder& operator=(const RootedFolder&) = delete;

  /// The folder's path as it was given.
  const std::string& path() const { return path_; }

  /// The whole content of the regular file `name`, kept by the sample. `name` is relative to the
  /// folder, or absolute and below it; `a/../b` is `b`. Links may lead anywhere below the folder.
  /// Never waits for a fifo or a device. Allocates nothing once the sample's buffers have grown.
  /// Errors, without a place: io_error, if the file cannot be opened, is no regular file, has more
  /// than `max_bytes`, leads out of the folder, or changes its size while it is read.
  Result<std::span<const std::uint8_t>> read(std::string_view name, std::uint64_t max_bytes,
                                             Sample& sample) const;

 private:
  RootedFolder(std::string path, int descriptor, Guard guard);
  /// A descriptor, or the error number, negative.
  int open_file(const char* name) const;
  int open_by_steps(const char* name) const;

  std::string path_;
  std::string absolute_;  // the path from `/`, as given; without a slash at its end
  std::string real_;      // the same without links
  int descriptor_;
  Guard guard_;
};

/// A name for messages: quoted, what is no printable ASCII escaped, cut where it is long.
std::string quoted_name(std::string_view name);

}  // namespace millrace
