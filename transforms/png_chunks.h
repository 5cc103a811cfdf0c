#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "millrace/result/result.h"

namespace millrace {

/// The kinds of pixels in a PNG, named after Pillow's modes.
enum class PngMode : std::uint8_t {
  none,
  gray1,
  gray2,
  gray4,
  gray8,
  gray16,
  rgb8,
  rgb16,
  palette1,
  palette2,
  palette4,
  palette8,
  gray_alpha8,
  gray_alpha16,
  rgba8,
  rgba16,
};

/// A part of the canvas, in pixels; right and bottom lie outside. Sums of two 32-bit numbers.
struct PngBox {
  std::uint64_t left = 0, top = 0, right = 0, bottom = 0;
};

/// The error that a PNG is not readable, and why.
tl::unexpected<Error> bad_png(std::string message);

/// The chunks of a PNG file, read in the order and with the checks of Pillow's PngImagePlugin:
/// first `open`, then `next_data` until the image is complete, then `finish`.
///
/// Pillow is not libpng: it checks the CRC of every chunk before the image data and of none after,
/// it refuses short ancillary chunks and overlong texts, and takes data that stop early.
class PngChunks {
 public:
  explicit PngChunks(std::span<const std::uint8_t> data) : data_(data) {}

  /// Reads up to the image data. Errors: bad_image.
  Result<void> open();

  std::uint32_t width() const { return width_; }
  std::uint32_t height() const { return height_; }
  PngMode mode() const { return mode_; }
  bool interlaced() const { return interlaced_; }
  std::span<const std::uint8_t> palette() const { return palette_; }
  /// Where the first image lies on the canvas; absent: everywhere.
  const std::optional<PngBox>& box() const { return tile_box_; }

  /// The next piece of compressed data, at most 64 KiB and never empty. An error where the data
  /// end: whoever calls still needs some.
  Result<std::span<const std::uint8_t>> next_data();

  /// Reads what follows the image data.
  Result<void> finish();

 private:
  struct Chunk {
    std::string_view name;
    std::uint64_t length = 0;
  };
  enum class Meaning : std::uint8_t { other, image_data, end };

  std::optional<Chunk> read_chunk();
  /// The body of a chunk that must be there in full.
  Result<std::span<const std::uint8_t>> read_body(std::uint64_t length);
  std::uint32_t read_checksum(bool& complete);
  Result<Meaning> handle(const Chunk& chunk);
  Result<void> read_header(std::span<const std::uint8_t> body);
  Result<void> read_transparency(std::span<const std::uint8_t> body) const;
  Result<void> read_profile(std::span<const std::uint8_t> body) const;
  Result<void> read_text(std::string_view name, std::span<const std::uint8_t> body);
  Result<void> read_international_text(std::span<const std::uint8_t> body);
  Result<void> count_text(std::uint64_t bytes);
  Result<void> read_animation(std::span<const std::uint8_t> body);
  Result<void> read_frame_control(std::span<const std::uint8_t> body);
  Result<void> read_frame_data(const Chunk& chunk);

  std::span<const std::uint8_t> data_;
  std::size_t at_ = 0;
  std::span<const std::uint8_t> body_;
  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
  PngMode mode_ = PngMode::none;
  bool interlaced_ = false;
  std::span<const std::uint8_t> palette_;
  std::optional<PngBox> frame_box_;
  std::optional<PngBox> tile_box_;
  bool default_image_ = false;
  std::optional<std::uint32_t> frame_count_;
  std::optional<std::uint32_t> sequence_;
  bool animated_ = false;
  std::uint64_t text_bytes_ = 0;
  std::uint64_t data_left_ = 0;
};

}  // namespace millrace
