#include "millrace/formats/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::tar {

namespace {

HeaderBlock header_at(Bytes archive, std::uint64_t position) {
  return HeaderBlock(archive.subspan(position).first<kBlockBytes>());
}

bool is_extension(std::uint8_t type) {
  return type == 'L' || type == 'K' || type == 'x' || type == 'X' || type == 'g';
}

bool is_link_or_device(std::uint8_t type) { return type >= '1' && type <= '6'; }

}  // namespace

Event Reader::damaged_header(std::string message) {
  damage_ = std::move(message);
  return Event::damaged_header;
}

bool Reader::header_or_end_at(std::uint64_t position) const {
  if (position > archive_.size()) return false;
  const std::uint64_t left = archive_.size() - position;
  if (left < kBlockBytes) return all_zero(archive_.subspan(position));
  const Bytes block = archive_.subspan(position, kBlockBytes);
  return header_at(archive_, position).checksum_matches() || all_zero(block);
}

// Links and folders have no payload, but their size field may say otherwise: writers of PAX hard
// links do store one, others give the size of the link's target. What follows tells (libarchive's
// reader decides in the same way).
std::uint64_t Reader::payload_of_non_file(std::uint64_t data_begin, std::uint64_t size) const {
  if (size == 0 || header_or_end_at(data_begin)) return 0;
  if (size > archive_.size() - data_begin) return 0;
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
  Extensions extensions;
  bool extended = false;
  while (true) {
    const std::uint64_t left = archive_.size() - position_;
    if (left == 0) {
      if (extended) return damaged_header("the shard is cut short before a member's header");
      if (archive_.empty()) return damaged_header("the shard is empty (0 bytes)");
      return damaged_header("no end-of-archive marker: the shard is cut short");
    }
    const bool whole = left >= kBlockBytes;
    if (!whole || !header_at(archive_, position_).checksum_matches()) {
      const bool zero = all_zero(archive_.subspan(position_, whole ? kBlockBytes : left));
      if (zero && extended) return damaged_header("an extension header without its member");
      if (zero) return Event::end_marker;
      return damaged_header(whole ? "header checksum does not match"
                                  : "a header is cut short: the shard ends in it");
    }
    const HeaderBlock header = header_at(archive_, position_);
    const std::optional<std::uint64_t> size = header.size();
    if (!size) {
      member.name = extensions.name ? *extensions.name : full_name(header);
      return damaged_header("the size field of a header is not a valid size");
    }
    const std::uint8_t type = header.type();
    if (!is_extension(type)) return finish(header, extensions, *size, member);

    const std::uint64_t payload_begin = position_ + kBlockBytes;
    const std::uint64_t payload_left = archive_.size() - payload_begin;
    if (*size > payload_left || padded(*size) > payload_left) {
      return damaged_header("an extension header is cut short: the shard ends in it");
    }
    if (!add_extension(type, archive_.subspan(payload_begin, *size), extensions)) {
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

  if (type == 'S') {
    bool more = header.sparse_continues();
    while (more) {
      if (archive_.size() - data_begin < kBlockBytes) {
        return damaged_header("a sparse member's map is cut short: the shard ends in it");
      }
      more = archive_[data_begin + kBlockBytes - 8] != 0;
      data_begin += kBlockBytes;
    }
    const std::optional<std::uint64_t> real_size = header.sparse_real_size();
    if (!real_size) return damaged_header("a sparse member's size is not a valid size");
    member.sparse = SparseFormat::old_gnu;
    member.sparse_real_size = *real_size;
    member.sparse_map = archive_.subspan(header_begin, data_begin - header_begin);
  } else if (member.is_file && extensions.sparse != SparseFormat::none) {
    member.sparse = extensions.sparse;
    member.sparse_real_size = extensions.sparse_real_size;
    member.sparse_map = extensions.sparse_records;
  }

  const std::uint64_t left = archive_.size() - data_begin;
  if (size > left || padded(size) > left) {
    damage_ = "a payload is cut short: " + std::to_string(size) + " bytes from byte " +
              std::to_string(data_begin) + ", but the shard has " + std::to_string(archive_.size());
    member.end_bytes = archive_.size();
    return Event::damaged_payload;
  }
  member.data = archive_.subspan(data_begin, size);
  position_ = data_begin + padded(size);
  member.end_bytes = position_;
  return Event::member;
}

std::uint64_t lost_after_end_marker(Bytes archive, std::uint64_t position) {
  const std::uint64_t begin = position + kBlockBytes;
  for (std::uint64_t at = begin; at < archive.size() && archive.size() - at >= kBlockBytes;
       at += kBlockBytes) {
    const HeaderBlock block = header_at(archive, at);
    if (block.checksum_matches()) return archive.size() - begin;
  }
  return 0;
}

bool begins_like_tar(Bytes archive) {
  return archive.size() >= kBlockBytes && header_at(archive, 0).checksum_matches();
}

}  // namespace millrace::tar
