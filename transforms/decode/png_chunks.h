#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/decode/png_texts.h"

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

inline bool is_palette(PngMode mode) {
  return mode >= PngMode::palette1 && mode <= PngMode::palette8;
}

inline bool has_alpha_channel(PngMode mode) {
  return mode == PngMode::gray_alpha8 || mode == PngMode::gray_alpha16 || mode == PngMode::rgba8 ||
         mode == PngMode::rgba16;
}

/// A part of the canvas, in pixels; right and bottom lie outside. Sums of two 32-bit numbers.
struct PngBox {
  std::uint64_t left = 0, top = 0, right = 0, bottom = 0;
};

/// What chunk tRNS says, as Pillow keeps it.
struct PngTransparency {
  enum class Kind : std::uint8_t { none, palette_alphas, palette_index, gray, rgb };
  Kind kind = Kind::none;
  std::span<const std::uint8_t> alphas;  ///< of the palette's first colours
  std::size_t index = 0;                 ///< of the one palette colour that is not opaque
  std::array<std::uint16_t, 3> key{};    ///< the samples of the one transparent colour

  /// Whether it is the same chunk that said so.
  bool same_as(const PngTransparency& other) const {
    return kind == other.kind && alphas.data() == other.alphas.data() && index == other.index &&
           key == other.key;
  }
};

/// The error that a PNG is not readable, and why.
tl::unexpected<Error> bad_png(std::string message);

/// The chunks of a PNG file, read in the order and with the checks of Pillow's PngImagePlugin:
/// first `open`, then `next_data` until the image is complete, then `finish`.
///
/// Pillow is not libpng: it checks the CRC of every chunk before the image data and of none after,
/// it refuses short ancillary chunks and overlong texts, and takes data that stop early. With
/// TruncatedImages::keep the rules are those of LOAD_TRUNCATED_IMAGES.
class PngChunks {
 public:
  /// Both must outlive it.
  PngChunks(std::span<const std::uint8_t> data, const DecodeOptions& options)
      : data_(data),
        keeps_truncated_(options.truncated == TruncatedImages::keep),
        texts_(options) {}

  /// Reads up to the image data. Errors: bad_image.
  Result<void> open();

  std::uint32_t width() const { return width_; }
  std::uint32_t height() const { return height_; }
  PngMode mode() const { return mode_; }
  bool interlaced() const { return interlaced_; }
  std::span<const std::uint8_t> palette() const { return palette_; }
  /// Where the first image lies on the canvas; absent: everywhere.
  const std::optional<PngBox>& box() const { return tile_box_; }

  /// By the chunks read so far: those behind the image data count, too.
  const PngTransparency& transparency() const { return transparency_; }
  Result<int> orientation() const { return texts_.orientation(); }

  /// The next piece of compressed data, at most 64 KiB and never empty. An error where the data
  /// end: whoever calls still needs some.
  Result<std::span<const std::uint8_t>> next_data();

  /// Reads what follows the image data, of which some may be left.
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
  Result<void> read_transparency(std::span<const std::uint8_t> body);
  Result<void> read_animation(std::span<const std::uint8_t> body);
  Result<void> read_frame_control(std::span<const std::uint8_t> body);
  Result<void> read_frame_data(const Chunk& chunk);

  /// Nothing, or the error that a chunk is too short, which does not matter where truncated images
  /// are kept.
  Result<void> too_short(std::string_view name) const;

  std::span<const std::uint8_t> data_;
  bool keeps_truncated_;
  PngTexts texts_;
  std::size_t at_ = 0;
  std::optional<Chunk> interrupting_;  ///< what stood where image data were expected
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
  PngTransparency transparency_;
  std::uint64_t data_left_ = 0;
};

}  // namespace millrace
