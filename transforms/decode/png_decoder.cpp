#include "millrace/transforms/decode/png_decoder.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include <zlib.h>

#include "millrace/transforms/decode/image_kind.h"
#include "millrace/transforms/decode/png_chunks.h"
#include "millrace/transforms/decode/png_pixels.h"

namespace millrace {
namespace {

/// Undoes one row's filter (PNG specification, section 9). `row` and `above` begin with the filter
/// byte; bytes left of the row count as 0. False for an unknown filter.
bool unfilter(std::uint8_t* row, const std::uint8_t* above, std::size_t row_bytes,
              std::size_t pixel_bytes) {
  const std::size_t head = std::min(pixel_bytes, row_bytes);
  std::uint8_t* p = row + 1;
  const std::uint8_t* up = above + 1;
  switch (row[0]) {
    case 0:
      return true;
    case 1:
      for (std::size_t i = head; i < row_bytes; ++i) {
        p[i] = static_cast<std::uint8_t>(p[i] + p[i - pixel_bytes]);
      }
      return true;
    case 2:
      for (std::size_t i = 0; i < row_bytes; ++i) p[i] = static_cast<std::uint8_t>(p[i] + up[i]);
      return true;
    case 3:
      for (std::size_t i = 0; i < head; ++i) p[i] = static_cast<std::uint8_t>(p[i] + up[i] / 2);
      for (std::size_t i = head; i < row_bytes; ++i) {
        p[i] = static_cast<std::uint8_t>(p[i] + (p[i - pixel_bytes] + up[i]) / 2);
      }
      return true;
    case 4:
      for (std::size_t i = 0; i < head; ++i) p[i] = static_cast<std::uint8_t>(p[i] + up[i]);
      for (std::size_t i = head; i < row_bytes; ++i) {
        const int a = p[i - pixel_bytes];
        const int b = up[i];
        const int c = up[i - pixel_bytes];
        const int to_a = std::abs(b - c);
        const int to_b = std::abs(a - c);
        const int to_c = std::abs(a + b - 2 * c);
        const int nearest = to_a <= to_b && to_a <= to_c ? a : to_b <= to_c ? b : c;
        p[i] = static_cast<std::uint8_t>(p[i] + nearest);
      }
      return true;
    default:
      return false;
  }
}

struct Pass {
  int first_column, first_row, column_step, row_step;
};
constexpr std::array<Pass, 7> kAdam7 = {{{0, 0, 8, 8},
                                         {4, 0, 8, 8},
                                         {0, 4, 4, 8},
                                         {2, 0, 4, 4},
                                         {0, 2, 2, 4},
                                         {1, 0, 2, 2},
                                         {0, 1, 1, 2}}};
constexpr Pass kWhole = {0, 0, 1, 1};

}  // namespace

/// zlib's decompressor, kept between images.
class PngDecoder::Inflater {
 public:
  Inflater() {
    if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
};

PngDecoder::PngDecoder(const DecodeOptions& options) : options_(options) {}
PngDecoder::~PngDecoder() = default;

Result<void> PngDecoder::check_size(const PngChunks& chunks) const {
  if (auto fits = check_pixel_count(chunks.width(), chunks.height(), options_); !fits) return fits;
  constexpr std::uint32_t kMostColumns = std::uint32_t{1} << 27;
  if (chunks.width() > kMostColumns || chunks.height() > kMostColumns) {
    return fail(Reason::image_too_large, "PNG: more than 2^27 rows or columns");
  }
  return {};
}

Result<StoredImage> PngDecoder::measure(std::span<const std::uint8_t> data) const {
  PngChunks chunks(data, options_);
  if (auto opened = chunks.open(); !opened) return tl::unexpected(opened.error());
  if (auto fits = check_size(chunks); !fits) return tl::unexpected(fits.error());
  StoredImage image;
  image.pixels.width = static_cast<int>(chunks.width());
  image.pixels.height = static_cast<int>(chunks.height());
  return image;
}

Result<StoredImage> PngDecoder::decode(std::span<const std::uint8_t> data, PixelBuffer& pixels,
                                       NativeBuffers& native) {
  PngChunks chunks(data, options_);
  if (auto opened = chunks.open(); !opened) return tl::unexpected(opened.error());
  if (auto fits = check_size(chunks); !fits) return tl::unexpected(fits.error());
  const ImageSize size{static_cast<int>(chunks.width()), static_cast<int>(chunks.height())};
  const MutableImageView image = rgb_image_in(pixels, size);
  const PngChunks at_data = chunks;
  PngPixels unpack(chunks.mode(), chunks.palette());
  const auto composite = [&] {
    return options_.alpha == AlphaMode::composite
               ? unpack.composite(chunks.transparency(), options_.background)
               : Result<void>();
  };
  if (auto ready = composite(); !ready) return tl::unexpected(ready.error());
  if (auto read = read_rows(chunks, unpack, image); !read) return tl::unexpected(read.error());
  if (auto finished = chunks.finish(); !finished) return tl::unexpected(finished.error());

  // A colour may be called transparent behind the image data.
  const bool changed = !chunks.transparency().same_as(at_data.transparency());
  if (changed && options_.alpha == AlphaMode::composite) {
    unpack = PngPixels(at_data.mode(), at_data.palette());
    if (auto ready = composite(); !ready) return tl::unexpected(ready.error());
    PngChunks again = at_data;
    if (auto read = read_rows(again, unpack, image); !read) return tl::unexpected(read.error());
  }
  StoredImage stored{image, 1, {}};
  if (options_.color_mode == ColorMode::native && options_.alpha == AlphaMode::drop) {
    const Result<NativeImage> planes = read_native(at_data, image, native);
    if (!planes) return tl::unexpected(planes.error());
    stored.native = *planes;
  }
  if (options_.exif_orientation == ExifOrientation::apply) {
    const Result<int> orientation = chunks.orientation();
    if (!orientation) return tl::unexpected(orientation.error());
    stored.orientation = *orientation;
  }
  return stored;
}

Result<NativeImage> PngDecoder::read_native(const PngChunks& at_data, MutableImageView image,
                                            NativeBuffers& native) {
  using Take = PngPixels::Take;
  const PngMode mode = at_data.mode();
  PngPixels unpack(mode, at_data.palette());
  if (is_palette(mode) || mode == PngMode::gray1) {
    palette_ = unpack.colours();
    // One bit is white or black, and nothing else is a number of it.
    if (mode == PngMode::gray1) std::fill(palette_.begin() + 3, palette_.end(), 255);
    return NativeImage{NativeMode::palette, image, {}, palette_.data()};
  }
  const bool is_gray16 = mode == PngMode::gray16;
  if (!is_gray16 && !has_alpha_channel(mode)) return NativeImage{};
  const MutableImageView plane =
      rgb_image_in(is_gray16 ? native.color : native.fourth, {image.width, image.height});
  unpack.take(is_gray16 ? Take::gray16 : Take::alpha);
  PngChunks again = at_data;
  if (auto read = read_rows(again, unpack, plane); !read) return tl::unexpected(read.error());
  if (is_gray16) return NativeImage{NativeMode::gray16, plane, {}, nullptr};
  return NativeImage{NativeMode::alpha, image, plane, nullptr};
}

Result<void> PngDecoder::read_rows(PngChunks& chunks, const PngPixels& unpack,
                                   MutableImageView image) {
  const int width = image.width;
  const int height = image.height;
  const std::size_t stride_bytes = image.stride_bytes;
  // The part of the canvas that the data cover; what they leave stays at pixel value 0.
  int left = 0;
  int top = 0;
  int columns = width;
  int rows = height;
  if (const auto& box = chunks.box(); box && (box->left != 0 || box->right != 0)) {
    left = static_cast<int>(box->left);
    top = static_cast<int>(box->top);
    columns = static_cast<int>(box->right - box->left);
    rows = static_cast<int>(box->bottom - box->top);
    if (columns <= 0 || rows <= 0) return bad_png("a frame without pixels");
  }
  const bool interlaced = chunks.interlaced();
  for (int i = 0; i < height; ++i) unpack.fill_empty(image.row(i), width);

  const std::size_t bits = unpack.bits_per_pixel();
  const std::size_t pixel_bytes = (bits + 7) / 8;
  const std::size_t buffer_bytes = (static_cast<std::size_t>(columns) * bits + 7) / 8 + 1;
  std::uint8_t* row = rows_.reserve(2 * buffer_bytes);
  std::uint8_t* above = row + buffer_bytes;
  std::memset(above, 0, buffer_bytes);

  if (inflater_ == nullptr) inflater_ = std::make_unique<Inflater>();
  z_stream& stream = inflater_->stream;
  if (inflateReset(&stream) != Z_OK) return fail(Reason::internal, "zlib cannot be reset");

  const bool keeps = options_.truncated == TruncatedImages::keep;
  std::size_t pass = 0;
  Pass step = interlaced ? kAdam7[0] : kWhole;
  int y = step.first_row;
  const auto row_pixels = [&] {
    return (columns - step.first_column + step.column_step - 1) / step.column_step;
  };
  const auto row_length = [&] {
    return columns <= step.first_column ? std::size_t{0}
                                        : (static_cast<std::size_t>(row_pixels()) * bits + 7) / 8;
  };
  std::size_t row_bytes = row_length();
  std::size_t filled = 0;

  bool complete = false;
  while (!complete) {
    const auto piece = chunks.next_data();
    if (!piece) return tl::unexpected(piece.error());
    if (piece->empty()) return keeps ? Result<void>() : bad_png("the image data end early");
    stream.next_in = const_cast<Bytef*>(piece->data());  // NOLINT: zlib reads only
    stream.avail_in = static_cast<uInt>(piece->size());
    while (stream.avail_in > 0) {
      stream.next_out = row + filled;
      stream.avail_out = static_cast<uInt>(row_bytes + 1 - filled);
      const int status = inflate(&stream, Z_NO_FLUSH);
      if (status < 0) return keeps ? Result<void>() : bad_png("the compressed data are damaged");
      filled = row_bytes + 1 - stream.avail_out;
      if (stream.avail_out > 0) break;
      if (!unfilter(row, above, row_bytes, pixel_bytes)) {
        return keeps ? Result<void>() : bad_png("a row has an unknown filter");
      }
      filled = 0;

      if (interlaced) {
        // As in Pillow, the frame's place on the canvas does not count here.
        std::uint8_t* out = image.data + static_cast<std::size_t>(y) * stride_bytes +
                            static_cast<std::size_t>(step.first_column) * 3;
        unpack.unpack(row + 1, row_pixels(), out, static_cast<std::size_t>(step.column_step) * 3);
        y += step.row_step;
        while (y >= rows || row_bytes == 0) {
          if (++pass == kAdam7.size()) {
            complete = true;
            break;
          }
          step = kAdam7[pass];
          y = step.first_row;
          row_bytes = row_length();
          std::memset(row, 0, buffer_bytes);
        }
      } else {
        std::uint8_t* out = image.data + static_cast<std::size_t>(top + y) * stride_bytes +
                            static_cast<std::size_t>(left) * 3;
        unpack.unpack(row + 1, columns, out, 3);
        complete = ++y >= rows;
      }
      if (complete || status == Z_STREAM_END) {
        complete = true;
        break;
      }
      std::swap(row, above);
    }
  }
  return {};
}

}  // namespace millrace
