#pragma once

#include <memory>
#include <string>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/read_options.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// The splits of Flickr8k, Flickr30k and COCO by Andrej Karpathy: `images` [{filename, filepath,
/// split, sentences [{raw}]}]. One sample an image; opening looks at nothing behind the list's
/// beginning. What is broken in the document is an entry of the index, behind which nothing is
/// read: the record that it is in, or the document's end if it is in none. Errors: damaged_shard if
/// there is no list `images`.
Result<std::shared_ptr<const Shard>> open_karpathy(const std::string& path,
                                                   std::shared_ptr<const ByteSource> source,
                                                   const ReadOptions& options);

}  // namespace millrace
