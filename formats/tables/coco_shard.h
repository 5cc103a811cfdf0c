#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// Of ShardFormat.
bool is_coco(std::string_view file_name, std::span<const std::uint8_t> bytes);

/// COCO caption annotations: `images` [{id, file_name}] and `annotations` [{image_id, caption}], in
/// any order. One sample an image, at the byte of its record: its field `json` has `image_id`,
/// `file_name`, `captions` in the order of the annotations, and the record's other scalar members.
/// The whole document is walked here; its tables are held (Shard::unpacked_bytes). Of images with
/// one id the first has the captions, the others are errors. Annotations without a caption are
/// passed over, and so are captions of images that are not listed, which are counted
/// (SkippedRecords). Errors: damaged_shard at the byte where the document
/// is no JSON, no UTF-8 or no captions, or if no caption meets its image.
Result<std::shared_ptr<const Shard>> open_coco(const std::string& path, ShardBytes bytes,
                                               const ReadOptions& options);

}  // namespace millrace
