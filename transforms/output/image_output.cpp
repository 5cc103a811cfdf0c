#include "millrace/transforms/output/image_output.h"

#include <cmath>
#include <stdexcept>

#include "millrace/transforms/json_numbers-inl.h"

namespace millrace {

Normalization normalization_named(std::string_view name) {
  if (name == "clip") return kClipNormalization;
  if (name == "imagenet") return kImagenetNormalization;
  if (name == "siglip" || name == "inception") return kInceptionNormalization;
  throw std::invalid_argument("normalization = \"" + std::string(name) +
                              "\": must be clip, imagenet, siglip or inception");
}

std::string_view pixel_layout_name(PixelLayout layout) {
  return layout == PixelLayout::chw ? "chw" : "hwc";
}

void ImageOutput::validate() const {
  if (dtype != Dtype::float32 && dtype != Dtype::float16 && dtype != Dtype::bfloat16 &&
      dtype != Dtype::uint8) {
    throw std::invalid_argument("output: dtype must be float32, float16, bfloat16 or uint8, not " +
                                std::string(dtype_name(dtype)));
  }
  if (dtype == Dtype::uint8) return;
  for (const float mean : normalization.mean) {
    if (!std::isfinite(mean)) {
      throw std::invalid_argument("output: mean = " + json_numbers(normalization.mean) +
                                  ": must be finite");
    }
  }
  for (const float std : normalization.std) {
    if (!std::isfinite(std) || std == 0) {
      throw std::invalid_argument("output: std = " + json_numbers(normalization.std) +
                                  ": must be finite and not 0");
    }
  }
}

OutputSpec ImageOutput::spec(ImageSize size) const {
  if (layout == PixelLayout::hwc) return {dtype, {size.height, size.width, 3}};
  return {dtype, {3, size.height, size.width}};
}

std::string ImageOutput::describe() const {
  std::string text = R"({"dtype":")" + std::string(dtype_name(dtype)) + R"(","layout":")" +
                     std::string(pixel_layout_name(layout)) + "\"";
  if (dtype != Dtype::uint8) {
    text += R"(,"mean":)" + json_numbers(normalization.mean) + R"(,"std":)" +
            json_numbers(normalization.std);
  }
  return text + "}";
}

}  // namespace millrace
