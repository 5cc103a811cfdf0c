#include "millrace/formats/tables/flickr30k_shard.h"

#include <utility>

#include "millrace/formats/tables/caption_json.h"
#include "millrace/formats/tables/flickr30k_lines.h"
#include "millrace/formats/tables/karpathy_shard.h"

namespace millrace {

bool is_flickr30k(std::string_view file_name, std::span<const std::uint8_t> bytes) {
  return flickr30k_lines_of(bytes) != nullptr ||
         caption_json_kind(file_name, bytes) == CaptionJson::karpathy;
}

Result<std::shared_ptr<const Shard>> open_flickr30k(const std::string& path, ShardBytes bytes,
                                                    const ReadOptions& options) {
  if (const Flickr30kLines* lines = flickr30k_lines_of(bytes.source->bytes())) {
    return open_flickr30k_lines(*lines, path, std::move(bytes.source), options);
  }
  return open_karpathy(path, std::move(bytes.source), options);
}

}  // namespace millrace
