#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "millrace/transforms/image.h"
#include "millrace/transforms/jpeg/jpeg_color.h"
#include "millrace/transforms/jpeg/jpeg_entropy.h"
#include "millrace/transforms/jpeg/jpeg_header.h"
#include "millrace/transforms/jpeg/jpeg_huffman.h"
#include "millrace/transforms/jpeg/jpeg_idct.h"
#include "millrace/transforms/pixel_buffer.h"

namespace millrace::jpeg {

/// One image in work: its stream of symbols, and what becomes of a row of MCUs once it is whole.
/// All memory is kept for the next image.
class BaselineImage {
 public:
  BaselineImage() = default;
  ~BaselineImage() { end(); }
  BaselineImage(const BaselineImage&) = delete;
  BaselineImage& operator=(const BaselineImage&) = delete;

  /// Reads the headers and prepares the first stretch of the stream. False: not an image of this
  /// kind, or of another size than `size`. See BaselineDecoder::Job for `pixels` and `window`.
  bool begin(std::span<const std::uint8_t> file, ImageSize size, const ImageWindow& window,
             MutableImageView pixels, HuffmanCache& tables);

  EntropyStream& stream() { return stream_; }

  enum class State : std::uint8_t { running, finished, failed };
  /// After the stream has come to the end of its places: makes pixels, sets it up to go on.
  State advance();

  /// Gives the tables back.
  void end();

 private:
  /// Samples of one component: one row of MCUs, two in turn where rows are blended.
  struct Plane {
    std::uint8_t* samples = nullptr;
    std::size_t stride_bytes = 0;
    int rows = 0;    ///< of an MCU row
    int across = 0;  ///< samples that belong to the image
    int down = 0;
    std::size_t first_tile = 0;
    std::size_t tiles = 0;        ///< of one row of blocks
    std::size_t wanted_tile = 0;  ///< the first of them that the window needs
    std::size_t wanted_tiles = 0;
    Dequantization table;
    std::int32_t largest_dc = 0;
  };

  bool acquire_tables(HuffmanCache& tables);
  bool unstuff_scan();
  void lay_out_planes();
  void lay_out_places();
  void next_stretch();
  bool interval_ends_well() const;
  bool sum_dc();
  bool is_row_wanted() const;
  bool make_samples();
  bool make_samples(std::size_t component, std::size_t block_row, std::uint8_t* samples);
  void make_pixels();
  const std::uint8_t* sample_row(std::size_t component, int y) const;

  Header header_;
  MutableImageView pixels_;
  ImageWindow window_;
  int first_column_ = 0;  // of the pixels that are made
  Colors colors_ = Colors::gray;
  Upsampling upsampling_ = Upsampling::none;

  std::array<HuffmanCache::Slot*, 6> slots_{};
  std::size_t slot_count_ = 0;

  PixelBuffer scan_;
  std::vector<std::size_t> interval_ends_;  // in scan_
  std::size_t interval_ = 0;
  std::uint32_t mcus_to_restart_ = 0;

  PixelBuffer tiles_;
  std::vector<std::uint8_t> lengths_;
  std::vector<BlockPlace> places_;
  std::size_t blocks_per_mcu_ = 0;

  PixelBuffer samples_;
  std::array<Plane, 3> planes_;
  std::array<std::int32_t, 3> dc_{};
  std::uint32_t dc_to_restart_ = 0;

  std::size_t mcu_row_ = 0;
  std::size_t mcu_ = 0;  // in its row
  int next_y_ = 0;       // of the pixels to be made

  EntropyStream stream_;
};

/// Decodes plain baseline files: the pixels of libjpeg-turbo with its defaults, or nothing. One a
/// thread.
class BaselineDecoder {
 public:
  /// An image, or a window of it, to be decoded. What lies outside is read, but not computed.
  struct Job {
    std::span<const std::uint8_t> file;
    ImageSize size;      ///< of the image, as its header says
    ImageWindow window;  ///< lies within it
    /// The rows of the window, as wide as the image; the window's columns are where they are in the
    /// image, and what is beside them is unspecified. kRgbSlackBytes behind the end are written,
    /// too.
    MutableImageView pixels;
    bool decoded = false;
  };

  /// With `leaves_tiny`, images so small that libjpeg decodes them while tables are built here are
  /// left to it, too, unless their tables have been met before.
  explicit BaselineDecoder(bool leaves_tiny = false) : tables_(leaves_tiny ? kFewPixels : 0) {}

  /// False, and the pixels unspecified, for a file that is not of the plain kind (see read_header)
  /// or in which anything is odd: libjpeg-turbo is to judge it.
  bool decode(std::span<const std::uint8_t> file, ImageSize size, const ImageWindow& window,
              MutableImageView pixels);
  /// The whole image.
  bool decode(std::span<const std::uint8_t> file, MutableImageView pixels) {
    const ImageSize size{pixels.width, pixels.height};
    return decode(file, size, {0, 0, size.width, size.height}, pixels);
  }

  /// Each job as by itself, two at a time.
  void decode(std::span<Job> jobs);

 private:
  /// Of files with tables of their own, those of 24 x 18 pixels are mostly slower here (0.8 to 1.3
  /// times libjpeg-turbo's speed), those of 32 x 24 now and then (0.87 to 2), those of 64 x 48
  /// never.
  static constexpr std::uint64_t kFewPixels = 1200;

  HuffmanCache tables_;
  std::array<BaselineImage, 2> images_;
};

}  // namespace millrace::jpeg
