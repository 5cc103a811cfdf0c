#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/sample.h"
#include "millrace/result/result.h"

namespace millrace::cli {

/// What a sample becomes in a pack.
struct PackedMember {
  std::string extension;
  std::span<const std::uint8_t> data;
  std::uint32_t crc = 0;  ///< tar::padded_crc32 of the data
};

/// Views into the sample it was made of, and bytes of its own. Reused.
struct PackedSample {
  std::string key;  ///< safe, not yet unique
  bool key_changed = false;
  std::vector<PackedMember> members;
  std::uint64_t reencoded = 0;  ///< how many images were
  std::deque<std::vector<std::uint8_t>> own;
};

/// How samples become members.
struct PackedShape {
  std::vector<std::string> fields;  ///< only these of the source; empty: all
  std::vector<std::string> images;  ///< fields that are images, whatever they look like
  std::string caption;              ///< a selector of the caption; empty: the usual ones, of rows
  int max_side = 0;                 ///< 0: images are left as they are
  int quality = 90;

  /// Throws std::invalid_argument that names what is out of range.
  void validate() const;
};

/// Makes members of samples; the rules are in this folder's README. Holds scratch: one a thread.
class SamplePacker {
 public:
  /// Throws std::invalid_argument on a caption that is no selector.
  explicit SamplePacker(PackedShape shape);
  ~SamplePacker();
  SamplePacker(const SamplePacker&) = delete;
  SamplePacker& operator=(const SamplePacker&) = delete;

  /// `from_tar`: the sample's fields are files of a tar, which stay as they are; else columns.
  /// Errors, without their place: those of ImageDecoder where images are re-encoded; missing_field
  /// if the sample has nothing to pack.
  Result<void> pack(const Sample& sample, bool from_tar, PackedSample& packed);

 private:
  struct Parts;
  struct Draft;

  bool is_wanted(std::string_view field) const;
  bool is_named_image(std::string_view field) const;
  void keep_files(const Sample& sample, Draft& draft) const;
  void sort_columns(const Sample& sample, Draft& draft) const;
  void add_caption(const Sample& sample, bool from_tar, Draft& draft);
  void name_images(Draft& draft) const;
  void add_row(const Sample& sample, Draft& draft);
  Result<void> shrink_images(Draft& draft);

  PackedShape shape_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace::cli
