#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/decode/stored_image.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/native_image.h"

namespace millrace {

/// An image for a resize that takes `box` of it.
struct BoxedImage {
  ImageView pixels;
  /// Left, top, right, bottom of what was asked for, in `pixels`; Resizer::Geometry::box.
  std::array<double, 4> box = {};
};

/// Decodes JPEG, PNG and WebP to RGB: the same pixels as Pillow, and an error where Pillow has one.
/// By default as `Image.open(...).convert("RGB")`; DecodeOptions names the other references. Holds
/// scratch that is kept between images: one a thread.
///
/// Every view is valid until the next call, but those of decode_together() until its next call.
/// Errors: bad_image, unsupported_image, image_too_large.
class ImageDecoder {
 public:
  explicit ImageDecoder(const DecodeOptions& options = {});
  ~ImageDecoder();
  ImageDecoder(const ImageDecoder&) = delete;
  ImageDecoder& operator=(const ImageDecoder&) = delete;

  /// The size that decode() gives, from the headers alone: upright, where exif_orientation says so,
  /// for which a PNG is decoded: its metadata may come last. An image that measures well may still
  /// be one that decode() refuses.
  Result<ImageSize> measure(std::span<const std::uint8_t> data);

  Result<DecodedImage> decode(std::span<const std::uint8_t> data);

  /// A file that may be decoded together with others.
  struct Job {
    std::span<const std::uint8_t> file;
    /// The only pixels of the image that will be looked at, which lie within it: what the others
    /// are is unspecified. None: all will.
    std::optional<ImageWindow> needed;
    std::optional<DecodedImage> image;  ///< what decode_together made of it
    bool was_tried = false;  ///< and could not, though it is the faster way for such files
  };
  static constexpr std::size_t kMostTogether = 8;
  /// Decodes those of the first kMostTogether files that are decoded faster side by side. The
  /// others, large ones, and whatever is bad stay without an image: decode() is to have them.
  void decode_together(std::span<Job> jobs);
  /// As decode() of the file, of a job without an image; the verdict is on the whole image. Throws
  /// std::invalid_argument unless `needed` has pixels and lies within the image.
  Result<DecodedImage> decode(const Job& job);

  /// The pixels that decode() gives within `window`, and its verdict on the whole image. Of a JPEG,
  /// what lies outside is read and not computed. Throws std::invalid_argument unless the window has
  /// pixels and lies within the image that decode() gives.
  Result<ImageView> decode(std::span<const std::uint8_t> data, const ImageWindow& window);

  /// The same, for a resize of `window` to `target`. With DecodeOptions::fast_scale a JPEG that is
  /// to become smaller by half or more is decoded at 1/2, 1/4 or 1/8, never to less than `target`;
  /// the box says where the window came to lie. Otherwise the box is the whole of the pixels.
  Result<BoxedImage> decode_for(std::span<const std::uint8_t> data, const ImageWindow& window,
                                ImageSize target);

 private:
  /// The image as it is stored, of which the upright window is made. With `was_tried`, of a JPEG,
  /// by libjpeg-turbo.
  Result<StoredImage> decode_part(std::span<const std::uint8_t> data, const ImageWindow& window,
                                  bool was_tried);

  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace
