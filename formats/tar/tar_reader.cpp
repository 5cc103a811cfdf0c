#include "millrace/formats/tar/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::tar {

namespace {

bool is_extension(std::uint8_t type) {
  return type == 'L' || type == 'K' || type == 'x' || type == 'X' || type == 'g';
}

bool is_link_or_device(std::uint8_t type) { return type >= '1' && type <= '6'; }

}  // namespace

Event Reader::damaged_header(std::string message) {
  damage_ = std::move(message);
  return Event::damaged_header;
}

bool Reader::header_or_end_at(std::uint64_t position) {
  if (!has(position + kBlockBytes)) {
    waits_ = !archive_.ends;
    return !waits_ && position <= archive_.end_bytes() && all_zero(archive_.from(position));
  }
  return header_at(position).checksum_matches() || all_zero(archive_.at(position, kBlockBytes));
}

// Links and folders have no payload, but their size field may say otherwise: writers of PAX hard
// links do store one, others give the size of the link's target. What follows tells (libarchive's
// reader decides in the same way).
std::uint64_t Reader::payload_of_non_file(std::uint64_t data_begin, std::uint64_t size) {
  if (size == 0 || header_or_end_at(data_begin) || waits_) return 0;
  return header_or_end_at(data_begin + padded(size)) ? size : 0;
}

std::string_view Reader::full_name(const HeaderBlock& header) {
  const std::string_view name = header.name();
  // Old GNU sparse headers keep their map where the prefix is.
  const std::string_view prefix = header.type() == 'S' ? std::string_view{} : header.prefix();
  if (prefix.empty()) return name;
  char* end = std::copy(prefix.begin(), prefix.end(), joined_name_.data());
  *end++ = '/';
  end = std::copy(name.begin(), name.end(), end);
  return {joined_name_.data(), static_cast<std::size_t>(end - joined_name_.data())};
}

bool Reader::add_extension(std::uint8_t type, Bytes payload, Extensions& extensions) {
  if (type == 'L') extensions.add_long_name(payload);
  if (type == 'x' || type == 'X') return extensions.add_pax(payload);
  return true;
}

Event Reader::next(Member& member) {
  member = Member{};
  member.begin_bytes = position_;
  reach_ = 0;
  waits_ = false;
  Extensions extensions;
  bool extended = false;
  while (true) {
    const bool whole = has(position_ + kBlockBytes);
    if (!whole && !archive_.ends) return Event::unfinished;
    const std::uint64_t left = archive_.end_bytes() - position_;
    if (left == 0) {
      if (extended) return damaged_header("the shard is cut short before a member's header");
      if (archive_.end_bytes() == 0) return damaged_header("the shard is empty (0 bytes)");
      return damaged_header("no end-of-archive marker: the shard is cut short");
    }
    if (!whole || !header_at(position_).checksum_matches()) {
      const bool zero = all_zero(archive_.at(position_, whole ? kBlockBytes : left));
      if (zero && extended) return damaged_header("an extension header without its member");
      if (zero) return Event::end_marker;
      return damaged_header(whole ? "header checksum does not match"
                                  : "a header is cut short: the shard ends in it");
    }
    const HeaderBlock header = header_at(position_);
    const std::optional<std::uint64_t> size = header.size();
    if (!size) {
      member.name = extensions.name ? *extensions.name : full_name(header);
      return damaged_header("the size field of a header is not a valid size");
    }
    const std::uint8_t type = header.type();
    if (!is_extension(type)) return finish(header, extensions, *size, member);

    const std::uint64_t payload_begin = position_ + kBlockBytes;
    if (!has(payload_begin + padded(*size))) {
      if (!archive_.ends) return Event::unfinished;
      return damaged_header("an extension header is cut short: the shard ends in it");
    }
    if (!add_extension(type, archive_.at(payload_begin, *size), extensions)) {
      return damaged_header("malformed PAX extended header");
    }
    position_ = payload_begin + padded(*size);
    // A global header belongs to no member, so one that comes first is not where the next begins.
    if (type != 'g') extended = true;
    if (!extended) member.begin_bytes = position_;
  }
}

Event Reader::finish(const HeaderBlock& header, const Extensions& extensions, std::uint64_t size,
                     Member& member) {
  const std::uint8_t type = header.type();
  const std::uint64_t header_begin = position_;
  std::uint64_t data_begin = header_begin + kBlockBytes;
  member.name = extensions.name ? *extensions.name : full_name(header);
  // Before ustar a folder was a file whose name ends with a slash.
  const bool old_folder = type == 0 && member.name.ends_with('/');
  member.is_file = (type == '0' || type == 0 || type == '7' || type == 'S') && !old_folder;
  if (extensions.size) size = *extensions.size;
  if (is_link_or_device(type) || old_folder) size = payload_of_non_file(data_begin, size);
  if (waits_) return Event::unfinished;

  if (type == 'S') {
    bool more = header.sparse_continues();
    while (more) {
      if (!has(data_begin + kBlockBytes)) {
        if (!archive_.ends) return Event::unfinished;
        return damaged_header("a sparse member's map is cut short: the shard ends in it");
      }
      more = archive_.at(data_begin, kBlockBytes)[kBlockBytes - 8] != 0;
      data_begin += kBlockBytes;
    }
    const std::optional<std::uint64_t> real_size = header.sparse_real_size();
    if (!real_size) return damaged_header("a sparse member's size is not a valid size");
    member.sparse = SparseFormat::old_gnu;
    member.sparse_real_size = *real_size;
    member.sparse_map = archive_.at(header_begin, data_begin - header_begin);
  } else if (member.is_file && extensions.sparse != SparseFormat::none) {
    member.sparse = extensions.sparse;
    member.sparse_real_size = extensions.sparse_real_size;
    member.sparse_map = extensions.sparse_records;
  }

  member.end_bytes = data_begin + padded(size);
  if (member.end_bytes > archive_.end_bytes()) {
    if (!archive_.ends) return Event::unfinished_payload;
    damage_ = "a payload is cut short: " + std::to_string(size) + " bytes from byte " +
              std::to_string(data_begin) + ", but the shard has " +
              std::to_string(archive_.end_bytes());
    member.end_bytes = archive_.end_bytes();
    return Event::damaged_payload;
  }
  member.data = archive_.at(data_begin, size);
  position_ = member.end_bytes;
  return Event::member;
}

std::uint64_t lost_after_end_marker(Archive archive, std::uint64_t position) {
  const std::uint64_t begin = position + kBlockBytes;
  if (begin > archive.end_bytes()) return 0;
  const Bytes after = archive.from(begin);
  return holds_header(after) ? after.size() : 0;
}

bool holds_header(Bytes bytes) {
  for (; bytes.size() >= kBlockBytes; bytes = bytes.subspan(kBlockBytes)) {
    if (HeaderBlock(bytes.first<kBlockBytes>()).checksum_matches()) return true;
  }
  return false;
}

bool begins_like_tar(Bytes archive) {
  return archive.size() >= kBlockBytes &&
         HeaderBlock(archive.first<kBlockBytes>()).checksum_matches();
}

}  // namespace millrace::tar
