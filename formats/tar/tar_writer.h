#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millrace/result/result.h"

namespace millrace::tar {

/// Appends the header blocks of a file's member: one of POSIX ustar, and before it a PAX header
/// where the name is no ASCII, does not fit ustar's two fields, or the size is 8 GiB or more. Mode
/// 0644, no owner, modification time 0: the same name and size are always the same blocks.
void append_header(std::string& blocks, std::string_view name, std::uint64_t size_bytes);

/// How long the member is in the archive: headers, content and padding.
std::uint64_t member_bytes(std::string_view name, std::uint64_t size_bytes);

/// What ends an archive: two blocks of zeros.
inline constexpr std::uint64_t kEndBytes = 1024;

/// zlib's crc32 of the content and of the zeros that fill its last block.
std::uint32_t padded_crc32(std::span<const std::uint8_t> content);

/// Writes an archive that is there whole or not at all: under the hidden name
/// `.NAME.partial` beside it until `finish`, which brings it to the disk and renames it over
/// whatever has its name. Destroyed before, it removes what it wrote; a killed process leaves the
/// hidden file, which the next writer of the same archive writes over. Not thread-safe.
class Writer {
 public:
  /// Errors: io_error with the path and the system's reason, here as in all that follows.
  static Result<std::unique_ptr<Writer>> create(const std::string& path);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  const std::string& path() const { return path_; }
  /// How long the archive is so far, without its end.
  std::uint64_t bytes() const { return bytes_; }
  /// Of the archive so far; after `finish` of the whole file.
  std::uint32_t crc32() const { return crc_; }

  /// A file as the next member. `crc` is its padded_crc32: taking it is most of the work and may
  /// be done elsewhere.
  Result<void> add(std::string_view name, std::span<const std::uint8_t> content, std::uint32_t crc);
  Result<void> add(std::string_view name, std::span<const std::uint8_t> content) {
    return add(name, content, padded_crc32(content));
  }

  /// Ends the archive and gives it its name. Nothing may be added after it, whether it succeeds or
  /// not.
  Result<void> finish();

 private:
  Writer(std::string path, std::string partial_path, int file);
  Result<void> write_out(std::span<const std::uint8_t> content);
  tl::unexpected<Error> failure(const std::string& what, int why) const;

  std::string path_;
  std::string partial_path_;
  int file_;
  bool renamed_ = false;
  std::uint64_t bytes_ = 0;
  std::uint32_t crc_ = 0;
  std::string waiting_;  // headers and small members, to be written together
};

}  // namespace millrace::tar
