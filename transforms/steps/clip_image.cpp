#include "millrace/transforms/steps/clip_image.h"

#include <string>

#include "millrace/transforms/json_numbers-inl.h"
#include "millrace/transforms/steps/image_presets.h"
#include "millrace/transforms/steps/image_transform-inl.h"

namespace millrace {
namespace {

/// Fingerprints have these descriptions since before there were steps.
std::string clip_description(const char* type, int size, const DecodeOptions& decode) {
  return R"({"type":")" + std::string(type) + R"(","size":)" + std::to_string(size) + "," +
         json_members(decode);
}

}  // namespace

std::shared_ptr<const Transform> clip_transform(int size, const DecodeOptions& decode) {
  return described_image_transform({decode, open_clip_steps(square(size))},
                                   clip_description("clip_image", size, decode) + R"(,"mean":)" +
                                       json_numbers(kClipNormalization.mean) + R"(,"std":)" +
                                       json_numbers(kClipNormalization.std) + "}");
}

std::shared_ptr<const Transform> clip_pixels(int size, const DecodeOptions& decode) {
  return described_image_transform(
      {decode, open_clip_steps(square(size)), {Dtype::uint8, PixelLayout::hwc}},
      clip_description("clip_pixels", size, decode) + "}");
}

}  // namespace millrace
