#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "millrace/result/result.h"
#include "millrace/transforms/image.h"

namespace millrace {

enum class Filter : std::uint8_t { nearest, box, bilinear, hamming, bicubic, lanczos };
inline constexpr std::array kAllFilters = {Filter::nearest, Filter::box,     Filter::bilinear,
                                           Filter::hamming, Filter::bicubic, Filter::lanczos};
/// "nearest", "box", "bilinear", "hamming", "bicubic", "lanczos".
std::string_view filter_name(Filter filter);

/// Pillow's 8-bit Image.resize for RGB, bit for bit. Holds scratch and the last coefficient tables:
/// one a thread.
class Resizer {
 public:
  Resizer();
  ~Resizer();
  Resizer(const Resizer&) = delete;
  Resizer& operator=(const Resizer&) = delete;

  /// What `resize` makes. The result is the window of `output.width` x `output.height` pixels that
  /// begins at (crop_left, crop_top) of the resized image of full_width x full_height: a crop after
  /// the resize costs only the pixels that stay.
  struct Geometry {
    int full_width = 0;
    int full_height = 0;
    int crop_left = 0;
    int crop_top = 0;
    /// The part of the input that is resized: left, top, right, bottom, in pixels; none:
    /// everything. A box without area is one, too, as in Pillow.
    std::optional<std::array<double, 4>> box;
  };

  /// Errors (bad_image): sizes below 1, a window or box outside, as Pillow refuses them.
  Result<void> resize(ImageView input, const Geometry& geometry, Filter filter,
                      MutableImageView output);

  /// All pixels of an input of this size that `resize` looks at for such an output. Errors: as
  /// there.
  Result<ImageWindow> needed(ImageSize input, const Geometry& geometry, Filter filter,
                             ImageSize output);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace
