#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "millrace/transforms/column.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/steps/image_transform.h"

namespace millrace {

/// Images of about one aspect ratio, and what is made of them.
struct AspectBucket {
  ImageSize size;   ///< whose aspect ratio the bucket's images are nearest to
  Columns columns;  ///< in each batch of the bucket, besides those that all batches have
};

/// Sizes for buckets, from the tallest to the widest: of each multiple of `step` as width the
/// largest multiple as height that leaves the area within side * side, and the other way round, as
/// far as the longer side is at most `max_aspect` times the shorter one. Throws
/// std::invalid_argument: `side` is no multiple of `step`, or one of them or `max_aspect` is below
/// 1.
std::vector<ImageSize> aspect_sizes(int side, int step = 32, double max_aspect = 2);

/// Buckets of these sizes whose column `name` is the image resized to cover the size, what hangs
/// over cut off on both sides; bicubic. Throws std::invalid_argument as image_transform.
std::vector<AspectBucket> aspect_buckets(const std::vector<ImageSize>& sizes,
                                         const ImageOutput& output = {},
                                         const std::string& name = "image");

/// The buckets' numbers, from the tallest to the widest.
std::vector<std::size_t> buckets_by_aspect(const std::vector<AspectBucket>& buckets);

/// For each bucket the condition (metadata_condition.h) that chooses its samples: those with an
/// aspect ratio whose logarithm is nearest to that of the bucket's. Samples of which it is not
/// known, damaged places among them, are chosen by the bucket that is nearest to a square. Throws
/// std::invalid_argument: a side below 1, two buckets with one aspect ratio.
std::vector<std::string> bucket_conditions(const std::vector<AspectBucket>& buckets);

/// How a bucket is called: "192x256" for a height of 192 and a width of 256.
std::string bucket_name(const AspectBucket& bucket);

}  // namespace millrace
