#include "millrace/loader/image_sizes.h"

#include "millrace/transforms/column.h"
#include "millrace/transforms/decode/image_info.h"

namespace millrace {

ImageSizeReader image_size_reader() {
  return {std::string(kImageFields), [](std::span<const std::uint8_t> image) {
            const ImageInfo info = read_image_info(image);
            return ImageSizeReader::Size{info.width, info.height};
          }};
}

}  // namespace millrace
