#include "millrace/transforms/decode/webp_decoder.h"

#include <cstring>
#include <memory>
#include <optional>

#include <webp/decode.h>
#include <webp/demux.h>

#include "millrace/transforms/decode/alpha.h"
#include "millrace/transforms/decode/exif.h"
#include "millrace/transforms/decode/image_kind.h"

namespace millrace {
namespace {

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
struct DeleteDecoder {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

using Demuxer = std::unique_ptr<WebPDemuxer, DeleteDemuxer>;

/// A chunk of metadata; empty where there is none.
std::span<const std::uint8_t> find_chunk(const Demuxer& demuxer, const char* name) {
  WebPChunkIterator chunk{};
  if (WebPDemuxGetChunk(demuxer.get(), name, 1, &chunk) == 0) return {};
  const std::span<const std::uint8_t> bytes(chunk.chunk.bytes, chunk.chunk.size);
  WebPDemuxReleaseChunkIterator(&chunk);
  return bytes;  // it lies in the file's own bytes
}

Result<int> read_orientation(const Demuxer& demuxer) {
  const Result<std::optional<int>> exif = read_exif_orientation(find_chunk(demuxer, "EXIF"));
  if (!exif) return fail(Reason::bad_image, "WebP: " + exif.error().message);
  if (*exif) return **exif;
  return read_xmp_orientation(find_chunk(demuxer, "XMP ")).value_or(1);
}

}  // namespace

Result<StoredImage> WebpDecoder::measure(std::span<const std::uint8_t> data) const {
  const WebPData bytes{data.data(), data.size()};
  const Demuxer demuxer(WebPDemux(&bytes));
  if (demuxer == nullptr) return fail(Reason::bad_image, "WebP: the file's structure is broken");
  const std::int64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const std::int64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  if (auto fits = check_pixel_count(width, height, options_); !fits) {
    return tl::unexpected(fits.error());
  }
  StoredImage image;
  image.pixels.width = static_cast<int>(width);
  image.pixels.height = static_cast<int>(height);
  if (options_.exif_orientation == ExifOrientation::apply) {
    const Result<int> orientation = read_orientation(demuxer);
    if (!orientation) return tl::unexpected(orientation.error());
    image.orientation = *orientation;
  }
  return image;
}

Result<StoredImage> WebpDecoder::decode(std::span<const std::uint8_t> data, PixelBuffer& pixels,
                                        NativeBuffers& native) const {
  // The canvas is allocated with the decoder, so its size is checked before.
  Result<StoredImage> image = measure(data);
  if (!image) return image;
  const WebPData bytes{data.data(), data.size()};
  WebPAnimDecoderOptions options;
  if (WebPAnimDecoderOptionsInit(&options) == 0) {
    return fail(Reason::internal, "libwebp and its headers have different versions");
  }
  const std::unique_ptr<WebPAnimDecoder, DeleteDecoder> decoder(
      WebPAnimDecoderNew(&bytes, &options));
  WebPAnimInfo info{};
  if (decoder == nullptr || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0) {
    return fail(Reason::bad_image, "WebP: no image in the file");
  }
  std::uint8_t* rgba = nullptr;
  int timestamp = 0;
  if (WebPAnimDecoderGetNext(decoder.get(), &rgba, &timestamp) == 0) {
    return fail(Reason::bad_image, "WebP: the image data are broken");
  }

  const ImageSize size{static_cast<int>(info.canvas_width), static_cast<int>(info.canvas_height)};
  const MutableImageView rows = rgb_image_in(pixels, size);
  const std::uint32_t features =
      WebPDemuxGetI(WebPAnimDecoderGetDemuxer(decoder.get()), WEBP_FF_FORMAT_FLAGS);
  const bool has_alpha = (features & ALPHA_FLAG) != 0;
  const bool composites = options_.alpha == AlphaMode::composite && has_alpha;
  const bool keeps_alpha = options_.color_mode == ColorMode::native && has_alpha && !composites;
  const MutableImageView alphas =
      keeps_alpha ? rgb_image_in(native.fourth, size) : MutableImageView{};
  for (int y = 0; y < size.height; ++y) {
    std::uint8_t* rgb = rows.row(y);
    std::uint8_t* alpha = keeps_alpha ? alphas.row(y) : nullptr;
    for (int x = 0; x < size.width; ++x, rgb += 3, rgba += 4) {
      if (composites) {
        composite_pixel(rgba, rgba[3], options_.background, rgb);
        continue;
      }
      std::memcpy(rgb, rgba, 3);
      if (keeps_alpha)
        std::memset(alpha + std::size_t{3} * static_cast<std::size_t>(x), rgba[3], 3);
    }
  }
  image->pixels = rows;
  if (keeps_alpha) image->native = {NativeMode::alpha, rows, alphas, nullptr};
  return image;
}

}  // namespace millrace
