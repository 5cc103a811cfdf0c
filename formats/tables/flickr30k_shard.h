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
bool is_flickr30k(std::string_view file_name, std::span<const std::uint8_t> bytes);

/// Flickr30k's captions in any of three forms: `name.jpg#0<tab>caption` lines, the CSV with bars,
/// Karpathy's JSON. One sample an image, its captions in order (of the lines: a run of lines of one
/// image); its field `json` has `image`, `captions` and, of Karpathy's, `split`. See
/// flickr30k_lines.h and karpathy_shard.h for what is damage.
Result<std::shared_ptr<const Shard>> open_flickr30k(const std::string& path, ShardBytes bytes,
                                                    const ReadOptions& options);

}  // namespace millrace
