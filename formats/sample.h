#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/result/result.h"

namespace millrace {

/// One named part of a sample. `name` is the lower-cased extension ("jpg", "seg.png") or the name
/// of a column; `data` points into the shard's bytes, or into what the sample keeps.
struct Field {
  std::string name;
  std::span<const std::uint8_t> data;
  /// `data` is JSON that stands for the value of a column which is no text: a list, a structure.
  bool is_json_value = false;
};

/// One sample, undecoded. Views into its shard: valid while the shard lives and until the sample is
/// read again. Meant to be reused: reading into the same object allocates nothing once its buffers
/// have grown. Not thread-safe.
class Sample {
 public:
  std::string_view key() const { return key_; }
  std::string_view shard() const { return shard_; }
  /// Where the sample's first record begins and its last one ends (exclusive) in the shard, in
  /// `offset_unit()`s.
  std::uint64_t begin_bytes() const { return begin_bytes_; }
  std::uint64_t end_bytes() const { return end_bytes_; }
  OffsetUnit offset_unit() const { return unit_; }
  /// In the order of the shard.
  std::span<const Field> fields() const { return {fields_.data(), field_count_}; }
  /// Null if the sample has no such field. `name` must be lower case.
  const Field* find(std::string_view name) const;

  // For readers that fill a sample.
  void reset(std::string_view shard, std::uint64_t begin_bytes, OffsetUnit unit = OffsetUnit::byte);
  void set_key(std::string_view key) { key_.assign(key); }
  void set_end_bytes(std::uint64_t end_bytes) { end_bytes_ = end_bytes; }
  /// `name` is lower-cased (ASCII) here.
  void add_field(std::string_view name, std::span<const std::uint8_t> data,
                 bool is_json_value = false);
  /// Bytes that the shard does not hold in one piece (sparse members, unescaped text, image files
  /// that a row names); kept by the sample, empty at first.
  std::vector<std::uint8_t>& own_bytes();
  /// The same where the length is known before: whatever was there, to be overwritten.
  std::span<std::uint8_t> own_space(std::size_t bytes);
  /// A file besides the shard was found, of this size and time of modification.
  void note_file(std::uint64_t bytes, std::int64_t mtime_ns);

  // For those who want to know whether such files are still what they were.
  /// The files besides the shard that the sample was read from: images that a row names, those of
  /// a folder.
  std::size_t files() const { return files_; }
  /// Made of their sizes and times of modification, in their order.
  std::uint64_t files_stamp() const { return files_stamp_; }
  /// From now on such files are found, but not read: their fields are empty.
  void leave_files_unread() { leaves_files_unread_ = true; }
  bool leaves_files_unread() const { return leaves_files_unread_; }

 private:
  std::string key_;
  std::string_view shard_;
  std::uint64_t begin_bytes_ = 0;
  std::uint64_t end_bytes_ = 0;
  OffsetUnit unit_ = OffsetUnit::byte;
  std::vector<Field> fields_;  // grows only; the first field_count_ are in use
  std::size_t field_count_ = 0;
  std::deque<std::vector<std::uint8_t>> owned_;  // a deque: addresses stay when it grows
  std::size_t owned_count_ = 0;
  std::size_t files_ = 0;
  std::uint64_t files_stamp_ = 0;
  bool leaves_files_unread_ = false;
};

}  // namespace millrace
