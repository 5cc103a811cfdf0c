#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "millrace/transforms/image.h"
#include "millrace/transforms/output/image_output.h"
#include "millrace/transforms/output/normalize_kernel.h"

namespace millrace {

/// Bytes to what an ImageOutput says. Immutable, thread-safe.
class Normalizer {
 public:
  /// Throws as ImageOutput::validate.
  explicit Normalizer(const ImageOutput& output = {});

  /// `output` holds height x width x 3 values, aligned for their dtype.
  void normalize(ImageView image, void* output) const;

  /// The float32 that byte `value` of `channel` becomes.
  float operator()(int channel, std::uint8_t value) const {
    return table_[static_cast<std::size_t>(channel)][value];
  }

  /// Whether multiplying by reciprocals gives the very floats of the table, for every byte. Found
  /// out at construction; where it does not, the table itself is used.
  bool reciprocals_are_exact() const { return reciprocals_are_exact_; }

 private:
  void normalize_pixels(const std::uint8_t* rgb, std::size_t count, std::byte* output,
                        std::size_t plane) const;
  template <typename Value>
  void look_up(const std::array<std::array<Value, 256>, 3>& table, const std::uint8_t* rgb,
               std::size_t count, std::byte* output, std::size_t plane) const;

  PixelForm form_;
  std::array<std::array<float, 256>, 3> table_{};
  std::array<std::array<std::uint16_t, 256>, 3> half_table_{};
  NormalizeConstants constants_;
  bool reciprocals_are_exact_ = true;
};

/// `value` in float16 and bfloat16, rounded to nearest, half to even; their bits.
std::uint16_t to_float16(float value);
std::uint16_t to_bfloat16(float value);

}  // namespace millrace
