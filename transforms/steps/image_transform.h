#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/draw.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/output/image_output.h"
#include "millrace/transforms/steps/image_steps.h"
#include "millrace/transforms/transform.h"

namespace millrace {

/// From an encoded image to a slot: decoded, through the steps, handed over.
///
/// What is random is a function of the sample's draw, `stream`, the view, the kind of the step and
/// how many of that kind come before it. So columns with equal steps of one sample, an image and
/// its mask, draw equally, also where one of them has further steps of other kinds in between.
struct ImageTransformOptions {
  DecodeOptions decode = {};
  std::vector<ImageStep> steps = {};
  ImageOutput output = {};
  /// Of one decoded image; each draws numbers of its own. More than one come as [views, ...].
  int views = 1;
  /// Columns with another stream draw other numbers: for further views of other sizes.
  std::uint64_t stream = 0;

  /// Throws std::invalid_argument: what the steps and the output refuse, steps that do not make
  /// images of one size, views outside 1..kMostViews.
  void validate() const;
  OutputSpec spec() const;
  /// {"type":"image","decode":{...},"steps":[...],"output":{...}}, and "views" and "stream" where
  /// they are not at their defaults.
  std::string describe() const;

  static constexpr int kMostViews = 256;
};

/// Throws as ImageTransformOptions::validate.
std::shared_ptr<const Transform> image_transform(const ImageTransformOptions& options);

/// The steps and the output for an image that is decoded already. Holds scratch that is kept
/// between images: one a thread.
class ImageProcessor {
 public:
  /// Throws as ImageTransformOptions::validate.
  explicit ImageProcessor(const ImageTransformOptions& options);
  ~ImageProcessor();
  ImageProcessor(const ImageProcessor&) = delete;
  ImageProcessor& operator=(const ImageProcessor&) = delete;

  /// Writes all views to `slot`, which is spec().slot_bytes() long. Errors: bad_image for an image
  /// without pixels or so narrow that a side becomes nothing or too long, image_too_large where a
  /// step on the way would need more than decode.max_image_pixels.
  Result<void> apply(const DecodedImage& image, const Draw& draw, std::span<std::byte> slot,
                     StageTimes& times);

  /// All pixels of an image of this size that `apply` looks at for the sample's draw. Nothing where
  /// it is all of them, as far as is known.
  std::optional<ImageWindow> needed(ImageSize stored, const Draw& draw);

  /// For DecodeOptions::fast_scale: the part that the first step looks at, and the size that it
  /// makes of it. What ImageDecoder::decode_for takes.
  struct Wanted {
    ImageWindow window;
    ImageSize target;
  };
  /// Whether steps may want an image at another scale: there is one view, and the first step
  /// resizes.
  bool wants_scaled() const;
  /// Of an image of this size, for the sample's draw. Nothing where it is wanted as it is.
  std::optional<Wanted> wanted(ImageSize stored, const Draw& draw) const;
  /// The same as `apply` with the whole image, given what was wanted of one of size `stored`.
  Result<void> apply_wanted(const BoxedImage& image, ImageSize stored, const Draw& draw,
                            std::span<std::byte> slot, StageTimes& times);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace
