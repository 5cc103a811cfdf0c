#include "millrace/transforms/webp_decoder.h"

#include <memory>

#include <webp/decode.h>
#include <webp/demux.h>

#include "millrace/transforms/image_kind.h"

namespace millrace {
namespace {

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
struct DeleteDecoder {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

}  // namespace

Result<ImageView> WebpDecoder::decode(std::span<const std::uint8_t> data,
                                      PixelBuffer& pixels) const {
  const WebPData bytes{data.data(), data.size()};
  {
    // The canvas is allocated with the decoder, so its size is checked before.
    const std::unique_ptr<WebPDemuxer, DeleteDemuxer> demuxer(WebPDemux(&bytes));
    if (demuxer == nullptr) return fail(Reason::bad_image, "WebP: the file's structure is broken");
    const std::int64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
    const std::int64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
    if (auto fits = check_pixel_count(width, height, options_); !fits) {
      return tl::unexpected(fits.error());
    }
  }

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

  const auto width = static_cast<int>(info.canvas_width);
  const auto height = static_cast<int>(info.canvas_height);
  const std::size_t stride_bytes = PixelBuffer::rgb_stride_bytes(width);
  std::uint8_t* rows = pixels.reserve(stride_bytes * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    std::uint8_t* rgb = rows + static_cast<std::size_t>(y) * stride_bytes;
    for (int x = 0; x < width; ++x, rgb += 3, rgba += 4) {
      rgb[0] = rgba[0];
      rgb[1] = rgba[1];
      rgb[2] = rgba[2];
    }
  }
  return ImageView{rows, width, height, stride_bytes};
}

}  // namespace millrace
