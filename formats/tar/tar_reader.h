#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "millrace/formats/tar/tar_header.h"
#include "millrace/formats/tar/tar_pax.h"

namespace millrace::tar {

/// A stretch of an archive: all of it, or as much of a stream as is in memory. Positions are those
/// in the whole archive.
struct Archive {
  /// A whole archive.
  template <typename T, typename = std::enable_if_t<std::is_convertible_v<const T&, Bytes>>>
  Archive(const T& all) : bytes(all) {}  // NOLINT(google-explicit-constructor): bytes are one
  Archive(Bytes stretch, std::uint64_t begin, bool is_last)
      : bytes(stretch), begin_bytes(begin), ends(is_last) {}

  std::uint64_t end_bytes() const { return begin_bytes + bytes.size(); }
  Bytes from(std::uint64_t position) const { return bytes.subspan(position - begin_bytes); }
  Bytes at(std::uint64_t position, std::uint64_t count) const {
    return bytes.subspan(position - begin_bytes, count);
  }

  Bytes bytes;
  std::uint64_t begin_bytes = 0;
  bool ends = true;  ///< whether the archive ends here, too; if not, more bytes may tell more
};

/// One member of an archive. Views into the archive and into the reader: `name` holds until the
/// reader's next step.
struct Member {
  std::string_view name;  ///< bytes as they stand; UTF-8 is usual and not demanded
  bool is_file = false;   ///< false for folders, links, devices, fifos and unknown types
  /// The first header of the member (an extension header, if it has any) and the end of its padded
  /// payload.
  std::uint64_t begin_bytes = 0;
  std::uint64_t end_bytes = 0;
  Bytes data;  ///< the payload as stored; of a sparse file its map and its non-empty pieces

  // Of sparse files; see `expand_sparse`.
  SparseFormat sparse = SparseFormat::none;
  std::uint64_t sparse_real_size = 0;
  Bytes sparse_map;  ///< PAX records, or the 'S' header and its extension blocks
};

enum class Event : std::uint8_t {
  member,
  end_marker,       ///< a block of zeros; `position` is where it begins
  damaged_header,   ///< whatever follows cannot be told apart
  damaged_payload,  ///< the member is known, but its payload or padding is cut short
  // Only where the archive does not end with its bytes in memory:
  unfinished,          ///< the bytes at hand do not tell what comes next
  unfinished_payload,  ///< the member is known, but not all of its payload is there
};

/// Walks a tar archive: v7, ustar, GNU (long names, base-256 numbers, sparse files), PAX, Solaris.
/// Touches headers only and copies nothing but names that ustar splits in two. Strict: a checksum
/// that does not match, a number that is none, a malformed PAX record and a cut are damage.
///
/// Global PAX headers are passed over. In shards they carry comments (`git archive` writes the
/// commit's id); a global path or size would give every member the same one, and it would make what
/// a member is depend on where reading began.
class Reader {
 public:
  /// Begins at `position`, which must be that of a header.
  Reader(Archive archive, std::uint64_t position) : archive_(archive), position_(position) {}

  /// After anything but Event::member only the accessors and `resume` may be used. Of
  /// Event::unfinished_payload everything is known but `data`.
  Event next(Member& member);

  std::uint64_t position() const { return position_; }
  /// What is wrong, after damage.
  const std::string& damage() const { return damage_; }
  /// Behind the last byte that had to be looked at to give the last event, payloads aside. After
  /// Event::unfinished: as many are needed to go on.
  std::uint64_t reach() const { return reach_; }
  /// Goes on at a member's `begin_bytes` over more bytes of the same archive. Nothing given before
  /// is valid any longer.
  void resume(Archive archive, std::uint64_t position) {
    archive_ = archive;
    position_ = position;
  }

 private:
  /// Whether the bytes up to `end` are there.
  bool has(std::uint64_t end) {
    if (end > reach_) reach_ = end;
    return end <= archive_.end_bytes();
  }
  HeaderBlock header_at(std::uint64_t position) const {
    return HeaderBlock(archive_.at(position, kBlockBytes).first<kBlockBytes>());
  }
  Event damaged_header(std::string message);
  bool add_extension(std::uint8_t type, Bytes payload, Extensions& extensions);
  std::string_view full_name(const HeaderBlock& header);
  Event finish(const HeaderBlock& header, const Extensions& extensions, std::uint64_t size,
               Member& member);
  std::uint64_t payload_of_non_file(std::uint64_t data_begin, std::uint64_t size);
  bool header_or_end_at(std::uint64_t position);

  Archive archive_;
  std::uint64_t position_;
  std::uint64_t reach_ = 0;
  bool waits_ = false;  // what `header_or_end_at` was asked for has not arrived
  std::array<char, 256> joined_name_;
  std::string damage_;
};

/// How many bytes after the end marker at `position` were not read although they hold members (a
/// block with a right checksum); 0 if nothing or only noise follows.
std::uint64_t lost_after_end_marker(Archive archive, std::uint64_t position);

/// Whether any whole block of `bytes` is a header with a right checksum.
bool holds_header(Bytes bytes);

/// Whether the archive begins with a header whose checksum is right.
bool begins_like_tar(Bytes archive);

}  // namespace millrace::tar
