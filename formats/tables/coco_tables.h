#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "millrace/formats/byte_source.h"
#include "millrace/result/result.h"

namespace millrace {

/// Which captions belong to which image of a COCO document: 12 bytes an image and 8 a caption.
struct CocoTables {
  /// Where the records of `images` begin, in the order of the file.
  std::vector<std::uint64_t> image_offsets;
  /// Image i has captions[first_caption[i]] to before captions[first_caption[i + 1]].
  std::vector<std::uint32_t> first_caption;
  /// Where the captions' strings begin; of one image in the order of the file.
  std::vector<std::uint64_t> captions;
  /// Images whose id an earlier one has, and that one. Rising.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> repeated;
  /// How many captions are of images that are not listed.
  std::uint64_t orphans = 0;

  /// Checks the whole document. Errors: damaged_shard at the byte where it is no JSON, no UTF-8 or
  /// no captions; io_error if the file changed its size.
  static Result<CocoTables> make(const ByteSource& source);

  std::span<const std::uint64_t> captions_of(std::size_t image) const;
  std::optional<std::size_t> first_of_id(std::size_t image) const;
};

}  // namespace millrace
