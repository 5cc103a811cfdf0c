#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_encoders.h"
#include "image_fixtures.h"
#include "millrace/transforms/decode/image_info.h"
#include "reference_data.h"

namespace millrace {
namespace {

TEST_CASE("the headers of JPEG, PNG and WebP tell size and mode") {
  const test::Pixels pixels = test::make_pixels(123, 45, 1);
  test::JpegChoices gray;
  gray.gray = true;
  gray.h_sampling = gray.v_sampling = 1;
  test::JpegChoices progressive;
  progressive.progressive = true;
  struct Expected {
    std::vector<std::uint8_t> data;
    ImageKind kind;
    std::string_view mode;
  };
  for (const Expected& one :
       {Expected{test::encode_jpeg(pixels, {}), ImageKind::jpeg, "RGB"},
        Expected{test::encode_jpeg(pixels, progressive), ImageKind::jpeg, "RGB"},
        Expected{test::encode_jpeg(pixels, gray), ImageKind::jpeg, "L"},
        Expected{test::encode_png(pixels), ImageKind::png, "RGB"},
        Expected{test::encode_webp(pixels, false), ImageKind::webp, "RGB"},
        Expected{test::encode_webp(pixels, true), ImageKind::webp, "RGB"}}) {
    const ImageInfo info = read_image_info(one.data);
    CHECK(info.kind == one.kind);
    CHECK(info.mode == one.mode);
    CHECK(info.width == 123);
    CHECK(info.height == 45);
    CHECK(info.orientation == 1);
    CHECK_FALSE(info.animated);
    // Cut anywhere, it says less and reads nothing behind the end.
    for (std::size_t length = 0; length < one.data.size(); ++length) {
      const std::vector<std::uint8_t> cut(one.data.begin(),
                                          one.data.begin() + static_cast<std::ptrdiff_t>(length));
      const ImageInfo less = read_image_info(cut);
      CHECK((less.width == 0 || less.width == 123));
    }
  }
}

// What Pillow calls it, which has no 16 bits but in gray.
std::string reference_mode(std::string_view mode) {
  if (mode == "I;16") return "I;16";
  if (mode == "LA;16") return "RGBA";
  return std::string(mode.substr(0, mode.find(';')));
}

TEST_CASE(
    "of every image of the zoos that can be decoded, size, mode and orientation are Pillow's") {
  const auto data = test::reference_data("the images of the zoos");
  if (!data) return;
  for (const std::string folder : {"jpeg_zoo", "png_zoo", "webp_zoo"}) {
    std::size_t modes = 0;
    std::size_t differing = 0;
    test::for_each_json_line(*data / folder / "manifest.jsonl", [&](simdjson::dom::element row) {
      std::string_view format;
      if (!row["ok"].get_bool().value() || row["format"].get(format) != simdjson::SUCCESS) return;
      if (format != "JPEG" && format != "MPO" && format != "PNG" && format != "WEBP") return;
      const std::string file(row["file"].get_string().value());
      const ImageInfo info = read_image_info(test::read_file(*data / folder / file));
      CHECK_MESSAGE(info.width == row["width"].get_int64().value(), file);
      CHECK_MESSAGE(info.height == row["height"].get_int64().value(), file);
      ++modes;
      const std::string_view mode = row["mode"].get_string().value();
      // Its first header denies the alpha channel that its data have.
      const bool lies = file == "gen__vp8x_flags_no_alpha.webp";
      if (reference_mode(info.mode) != mode && !lies) {
        ++differing;
        MESSAGE(file << ": " << std::string(info.mode) << " instead of " << std::string(mode));
      }
      std::int64_t orientation = 1;
      if (row["exif_orientation"].get(orientation) == simdjson::SUCCESS && orientation >= 1 &&
          orientation <= 8) {
        CHECK_MESSAGE(info.orientation == orientation, file);
      }
    });
    CHECK(modes > 100);
    CHECK(differing == 0);
  }
}

}  // namespace
}  // namespace millrace
