#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "millrace/transforms/image.h"
#include "millrace/transforms/normalize_kernel.h"

namespace millrace {

/// Bytes to floats as torchvision's ToTensor and Normalize: x / 255, minus the mean, over the
/// standard deviation, each rounded to float32 in that order. Immutable, thread-safe.
class Normalizer {
 public:
  /// OpenAI's CLIP: mean and standard deviation per channel.
  static constexpr std::array<float, 3> kClipMean = {0.48145466F, 0.4578275F, 0.40821073F};
  static constexpr std::array<float, 3> kClipStd = {0.26862954F, 0.26130258F, 0.27577711F};

  explicit Normalizer(const std::array<float, 3>& mean = kClipMean,
                      const std::array<float, 3>& std = kClipStd);

  /// `output` holds 3 planes of height x width floats, one a channel.
  void normalize(ImageView image, float* output) const;

  /// The float that byte `value` of `channel` becomes.
  float operator()(int channel, std::uint8_t value) const {
    return table_[static_cast<std::size_t>(channel)][value];
  }

  /// Whether multiplying by reciprocals gives the very floats of the table, for every byte. Found
  /// out at construction; where it does not, the table itself is used.
  bool reciprocals_are_exact() const { return reciprocals_are_exact_; }

 private:
  void normalize_pixels(const std::uint8_t* rgb, std::size_t count, float* output,
                        std::size_t plane) const;

  std::array<std::array<float, 256>, 3> table_{};
  NormalizeConstants constants_;
  bool reciprocals_are_exact_ = true;
};

}  // namespace millrace
