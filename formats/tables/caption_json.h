#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/result/result.h"

namespace millrace {

/// The kinds of JSON documents that hold the captions of a whole dataset.
enum class CaptionJson : std::uint8_t {
  none,
  coco,      ///< `images` and `annotations` of COCO
  karpathy,  ///< `images` with `sentences`, as in Karpathy's splits of Flickr8k, Flickr30k and COCO
};

/// Told by the names of the members in the document's first MiB.
CaptionJson caption_json_kind(std::string_view file_name, std::span<const std::uint8_t> bytes);

/// Behind a byte order mark.
std::size_t json_begin(std::string_view text);

/// What is wrong with a document, and the byte where.
Error broken_document(std::string_view shard, std::uint64_t offset_bytes, std::string_view why);

}  // namespace millrace
