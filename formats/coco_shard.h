#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/unpack.h"
#include "millrace/result/result.h"

namespace millrace {

/// Of ShardFormat.
bool is_coco(std::string_view file_name, std::span<const std::uint8_t> bytes);

/// COCO caption annotations: `images` [{id, file_name}] and `annotations` [{image_id, caption}], in
/// any order. One sample an image, its captions in the order of the annotations.
Result<std::shared_ptr<const Shard>> open_coco(const std::string& path, ShardBytes bytes,
                                               const ReadOptions& options);

}  // namespace millrace
