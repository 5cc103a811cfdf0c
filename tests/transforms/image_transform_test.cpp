#include "millrace/transforms/steps/image_transform.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_encoders.h"
#include "image_fixtures.h"
#include "millrace/transforms/decode/decoded_images.h"
#include "millrace/transforms/steps/clip_image.h"
#include "millrace/transforms/steps/image_presets.h"
#include "millrace/transforms/steps/mirror.h"
#include "millrace/transforms/steps/step_geometry-inl.h"
#include "sanitized_build.h"

namespace millrace {
namespace {

using test::make_pixels;
using test::Pixels;

const ImageOutput kBytes = {Dtype::uint8, PixelLayout::hwc};

/// What the options make of an image as bytes.
std::vector<std::uint8_t> bytes_of(const ImageTransformOptions& options, ImageView image,
                                   Draw draw = {}) {
  std::vector<std::uint8_t> slot(options.spec().slot_bytes());
  StageTimes times;
  REQUIRE(
      ImageProcessor(options).apply(image, draw, std::as_writable_bytes(std::span(slot)), times));
  return slot;
}

std::vector<std::uint8_t> bytes_of(const std::vector<ImageStep>& steps, ImageView image,
                                   Draw draw = {}) {
  return bytes_of(ImageTransformOptions{{}, steps, kBytes}, image, draw);
}

Pixels resized(ImageView image, ImageSize size, Filter filter) {
  Pixels output(size.width, size.height);
  Resizer resizer;
  REQUIRE(resizer.resize(image, {size.width, size.height, 0, 0, {}}, filter, output.view()));
  return output;
}

/// The placed image on `fill`, pixel by pixel.
std::vector<std::uint8_t> slowly_placed(const Pixels& image, const CenterCrop& crop) {
  const CropPlacement placed = place_center_crop(crop, {image.width, image.height});
  std::vector<std::uint8_t> output;
  for (int y = 0; y < crop.size.height; ++y) {
    for (int x = 0; x < crop.size.width; ++x) {
      const int from_x = x - placed.left + placed.kept.left;
      const int from_y = y - placed.top + placed.kept.top;
      const bool inside =
          from_x >= 0 && from_y >= 0 && from_x < image.width && from_y < image.height;
      for (std::size_t c = 0; c < 3; ++c) {
        output.push_back(inside ? image.view().row(from_y)[static_cast<std::size_t>(from_x) * 3 + c]
                                : crop.fill[c]);
      }
    }
  }
  return output;
}

TEST_CASE("a resize with a crop after it is the crop of the whole resize, padded where smaller") {
  for (const auto& [width, height] : {std::pair{61, 40}, {40, 61}, {17, 90}, {33, 33}, {9, 5}}) {
    const Pixels image = make_pixels(width, height, 3);
    for (const ResizeTo to :
         {ResizeTo::shortest, ResizeTo::longest, ResizeTo::cover, ResizeTo::exact}) {
      for (const CropRounding rounding : {CropRounding::half_even, CropRounding::floor}) {
        const Resize resize{to, square(31), Filter::lanczos};
        const CenterCrop crop{{28, 35}, rounding, {9, 8, 7}};
        const ImageSize full = *resized_size(resize, {width, height});
        const Pixels whole = resized(image.view(), full, Filter::lanczos);
        CHECK(bytes_of({resize, crop}, image.view()) == slowly_placed(whole, crop));
        CHECK(bytes_of({crop}, image.view()) == slowly_placed(image, crop));
      }
    }
  }
}

TEST_CASE("where the difference is odd, the two roundings differ, and so does the padding") {
  const auto place = [](CropRounding rounding, int from, int to) {
    const CropPlacement placed = place_center_crop({{to, to}, rounding, {}}, {from, from});
    return std::pair{placed.kept.left, placed.left};
  };
  using Placed = std::pair<int, int>;
  CHECK(place(CropRounding::half_even, 10, 7) == Placed{2, 0});  // round(1.5) = 2
  CHECK(place(CropRounding::half_even, 12, 7) == Placed{2, 0});  // round(2.5) = 2
  CHECK(place(CropRounding::floor, 10, 7) == Placed{1, 0});
  CHECK(place(CropRounding::floor, 12, 7) == Placed{2, 0});
  CHECK(place(CropRounding::half_even, 7, 10) == Placed{0, 1});
  CHECK(place(CropRounding::floor, 7, 10) == Placed{0, 2});
}

TEST_CASE("a random resized crop is Pillow's resize of the part that was drawn") {
  const Pixels image = make_pixels(70, 50, 4);
  RandomResizedCrop crop;
  crop.size = {24, 20};
  std::set<std::vector<std::uint8_t>> different;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto made = bytes_of({crop}, image.view(), {seed});
    CHECK(made == bytes_of({crop}, image.view(), {seed}));
    different.insert(made);
  }
  CHECK(different.size() == 30);

  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    RandomNumbers numbers({seed}, 1);
    const ImageWindow part = draw_crop(crop, {70, 50}, numbers);
    CHECK(part.left >= 0);
    CHECK(part.top >= 0);
    CHECK(part.left + part.width <= 70);
    CHECK(part.top + part.height <= 50);
    const double share = part.width * part.height / (70.0 * 50.0);
    CHECK(share > 0.05);
    CHECK(static_cast<double>(part.width) / part.height < 1.45);
    CHECK(static_cast<double>(part.width) / part.height > 0.69);
  }
}

TEST_CASE("where no part fits, the crop is torchvision's one in the middle") {
  RandomResizedCrop crop;
  crop.size = square(8);
  crop.scale = {1, 1};
  RandomNumbers numbers({1}, 1);
  CHECK(draw_crop(crop, {10, 100}, numbers) == ImageWindow{0, 43, 10, 13});  // round(10 / 0.75)
  CHECK(draw_crop(crop, {100, 10}, numbers) == ImageWindow{43, 0, 13, 10});  // round(10 * 4 / 3)
  CHECK(draw_crop(crop, {1, 1}, numbers) == ImageWindow{0, 0, 1, 1});
  for (const ImageSize size : {ImageSize{1, 5000}, {5000, 1}, {2, 3}}) {
    const ImageWindow part = draw_crop(crop, size, numbers);
    CHECK(part.width >= 1);
    CHECK(part.height >= 1);
  }
}

TEST_CASE("a flip mirrors every row, at every width, and comes as often as it should") {
  for (int width = 1; width <= 120; ++width) {
    const Pixels image = make_pixels(width, 3, static_cast<std::uint32_t>(width));
    Pixels mirrored = image;
    mirror_rows(mirrored.view());
    bool equal = true;
    for (int y = 0; y < 3; ++y) {
      for (int x = 0; x < width; ++x) {
        equal = equal &&
                std::equal(mirrored.view().row(y) + static_cast<std::ptrdiff_t>(x) * 3,
                           mirrored.view().row(y) + static_cast<std::ptrdiff_t>(x) * 3 + 3,
                           image.view().row(y) + static_cast<std::ptrdiff_t>(width - 1 - x) * 3);
      }
    }
    CHECK(equal);
  }
  const Pixels image = make_pixels(20, 20, 1);
  const std::vector<ImageStep> steps = {CenterCrop{square(16)}, HorizontalFlip{0.25F}};
  const auto plain = bytes_of({steps[0]}, image.view());
  int flipped = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    flipped += bytes_of(steps, image.view(), {seed}) != plain ? 1 : 0;
  }
  CHECK(flipped > 900);
  CHECK(flipped < 1100);
  // The image itself is not touched: it may be another column's, too.
  CHECK(image.rgb == make_pixels(20, 20, 1).rgb);
}

TEST_CASE("image and mask with equal steps draw equally, whatever else one of them has") {
  const Pixels image = make_pixels(70, 50, 4);
  RandomResizedCrop crop;
  crop.size = square(24);
  const ImageTransformOptions plain{{}, {crop, HorizontalFlip{}}, kBytes};
  const ImageTransformOptions padded{
      {}, {Resize{ResizeTo::exact, {70, 50}}, crop, HorizontalFlip{}}, kBytes};
  ImageTransformOptions other_stream = plain;
  other_stream.stream = 1;
  int same = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto made = bytes_of(plain, image.view(), {seed});
    CHECK(made == bytes_of(padded, image.view(), {seed}));
    same += made == bytes_of(other_stream, image.view(), {seed}) ? 1 : 0;
  }
  CHECK(same == 0);
}

TEST_CASE("each view draws numbers of its own, the first ones whatever their number") {
  const Pixels image = make_pixels(70, 50, 4);
  RandomResizedCrop crop;
  crop.size = square(24);
  ImageTransformOptions options{{}, {crop, HorizontalFlip{}}, kBytes};
  const auto one = bytes_of(options, image.view(), {5});
  options.views = 4;
  CHECK(options.spec().shape == std::vector<std::int64_t>{4, 24, 24, 3});
  const auto four = bytes_of(options, image.view(), {5});
  std::set<std::vector<std::uint8_t>> different;
  for (std::size_t view = 0; view < 4; ++view) {
    const auto begin = four.begin() + static_cast<std::ptrdiff_t>(view * one.size());
    different.insert({begin, begin + static_cast<std::ptrdiff_t>(one.size())});
  }
  CHECK(different.size() == 4);
  CHECK(std::equal(one.begin(), one.end(), four.begin()));
}

TEST_CASE("one decoding serves all columns of a field, and not the next sample's") {
  const Pixels pixels = make_pixels(60, 40, 1);
  auto jpeg = test::encode_jpeg(pixels, {});
  DecodedImages decoded;
  const auto transform = image_transform({{}, open_clip_steps(square(16)), kBytes});
  const auto global = transform->make_sharing_writer(decoded);
  const auto local = clip_pixels(16)->make_sharing_writer(decoded);
  DecodeOptions strict;
  strict.max_image_pixels = 60 * 40;
  const auto other = clip_pixels(16, strict)->make_sharing_writer(decoded);
  StageTimes times;
  const auto write = [&](SlotWriter& writer) {
    std::vector<std::uint8_t> slot(16 * 16 * 3);
    REQUIRE(writer.write(jpeg, std::as_writable_bytes(std::span(slot)), {}, times));
    return slot;
  };
  const auto first = write(*global);
  CHECK(write(*local) == first);
  CHECK(times[Stage::decode].items == 1);
  CHECK(write(*other) == first);
  CHECK(times[Stage::decode].items == 2);

  const auto next = test::encode_jpeg(make_pixels(60, 40, 2), {});
  REQUIRE(next.size() >= jpeg.size() - 200);
  jpeg = next;
  decoded.forget();
  CHECK(write(*global) != first);
  CHECK(times[Stage::decode].items == 3);
}

TEST_CASE("clip_transform is what its steps make, with the time of each stage") {
  const auto jpeg = test::encode_jpeg(make_pixels(150, 90, 1), {});
  const auto clip = clip_transform(64);
  const auto same = image_transform({{}, open_clip_steps(square(64))});
  std::vector<float> a(3 * 64 * 64);
  std::vector<float> b(a.size(), -1);
  StageTimes times;
  REQUIRE(clip->make_writer()->write(jpeg, std::as_writable_bytes(std::span(a)), {}, times));
  CHECK(times[Stage::decode].items == 1);
  CHECK(times[Stage::resize].items == 1);
  CHECK(times[Stage::normalize].items == 1);
  REQUIRE(same->make_writer()->write(jpeg, std::as_writable_bytes(std::span(b)), {}, times));
  CHECK(a == b);
}

TEST_CASE("an image transform says what it makes") {
  ImageTransformOptions options;
  options.steps = {Resize{ResizeTo::longest, {288, 224}, Filter::bilinear},
                   CenterCrop{{288, 224}, CropRounding::floor, {1, 2, 3}}, HorizontalFlip{}};
  options.output = {Dtype::bfloat16, PixelLayout::hwc, kInceptionNormalization};
  CHECK(
      options.describe() ==
      R"({"type":"image","decode":{"max_image_pixels":178956970,"max_jpeg_scans":500},)"
      R"("steps":[{"step":"resize","to":"longest","size":[224,288],"filter":"bilinear"},)"
      R"({"step":"center_crop","size":[224,288],"rounding":"floor","fill":[1,2,3]},)"
      R"({"step":"horizontal_flip","probability":0.5}],)"
      R"("output":{"dtype":"bfloat16","layout":"hwc","mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5]}})");
  CHECK(options.spec().shape == std::vector<std::int64_t>{224, 288, 3});
  CHECK(options.spec().slot_bytes() == 224 * 288 * 3 * 2);
  RandomResizedCrop crop;
  crop.size = square(96);
  options.steps = {crop};
  options.output = {Dtype::uint8, PixelLayout::chw};
  options.views = 8;
  options.stream = 2;
  CHECK(options.describe() ==
        R"({"type":"image","decode":{"max_image_pixels":178956970,"max_jpeg_scans":500},)"
        R"("steps":[{"step":"random_resized_crop","size":96,"scale":[0.08,1],)"
        R"("ratio":[0.75,1.3333334],"filter":"bicubic"}],)"
        R"("output":{"dtype":"uint8","layout":"chw"},"views":8,"stream":2})");
  CHECK(options.spec().shape == std::vector<std::int64_t>{8, 3, 96, 96});
}

TEST_CASE("options that make no sense are refused by name") {
  const auto refused = [](const ImageTransformOptions& options, const char* what) {
    CHECK_THROWS_WITH_AS(image_transform(options), doctest::Contains(what), std::invalid_argument);
  };
  const CenterCrop crop{square(8)};
  refused({}, "no step depends on the image");
  refused({{}, {Resize{ResizeTo::shortest, square(8)}}},
          "steps[0] (resize) depends on the image; end with a center_crop");
  refused({{}, {crop, Resize{ResizeTo::exact, square(0)}}},
          "steps[1]: resize: size = 0: each side must be 1 to 8192");
  refused({{}, {CenterCrop{{9000, 1}}}}, "center_crop: size = [1,9000]");
  refused({{}, {Resize{ResizeTo::shortest, {8, 9}}, crop}}, "\"cover\" takes a height and a width");
  refused({{}, {crop, HorizontalFlip{1.5F}}}, "horizontal_flip: probability = 1.5");
  refused({{}, {crop, HorizontalFlip{std::numeric_limits<float>::quiet_NaN()}}}, "probability");
  RandomResizedCrop wrong;
  wrong.size = square(8);
  wrong.scale = {0.5F, 0.4F};
  refused({{}, {wrong}}, "scale = [0.5,0.4]");
  wrong.scale = {0, 1};
  refused({{}, {wrong}}, "scale = [0,1]");
  wrong.scale = {0.1F, 1};
  wrong.ratio = {2, 1};
  refused({{}, {wrong}}, "ratio = [2,1]");
  refused({{}, {crop}, {Dtype::int64}}, "dtype must be");
  ImageOutput output;
  output.normalization.std = {1, 0, 1};
  refused({{}, {crop}, output}, "std = [1,0,1]");
  ImageTransformOptions many{{}, {crop}};
  many.views = 0;
  refused(many, "views = 0");
  CHECK_NOTHROW(image_transform({{}, {crop, Resize{ResizeTo::shortest, square(4)}}}));
}

/// What a writer of the transform makes of an encoded image.
std::vector<std::uint8_t> written(SlotWriter& writer, const ImageTransformOptions& options,
                                  const std::vector<std::uint8_t>& field, Draw draw) {
  std::vector<std::uint8_t> slot(options.spec().slot_bytes());
  StageTimes times;
  REQUIRE(writer.write(field, std::as_writable_bytes(std::span(slot)), draw, times));
  CHECK(times[Stage::decode].items == 1);
  return slot;
}

TEST_CASE("a writer that decodes for itself alone makes the bytes of steps on the whole image") {
  const RandomResizedCrop crop{square(32), {0.08F, 0.5F}};
  const Resize resize{ResizeTo::shortest, square(32)};
  for (const std::vector<ImageStep>& steps : {std::vector<ImageStep>{crop, HorizontalFlip{}},
                                              {resize, CenterCrop{square(32)}},
                                              {Resize{ResizeTo::exact, {64, 48}}},
                                              {CenterCrop{square(20)}, crop}}) {
    const ImageTransformOptions options{{}, steps, kBytes};
    const auto transform = image_transform(options);
    const auto writer = transform->make_writer();
    ImageDecoder decoder;
    for (std::uint64_t n = 0; n < 30; ++n) {
      const Pixels pixels =
          make_pixels(64 + static_cast<int>(n * 5), 48 + static_cast<int>(n % 7), n);
      for (const auto& field : {test::encode_jpeg(pixels, {}), test::encode_png(pixels)}) {
        const Result<ImageView> image = decoder.decode(field);
        REQUIRE(image);
        CHECK(written(*writer, options, field, {n}) == bytes_of(options, *image, {n}));
      }
    }
    std::vector<std::uint8_t> slot(options.spec().slot_bytes());
    StageTimes times;
    const std::vector<std::uint8_t> broken = {0xFF, 0xD8, 0xFF, 0xE0, 0, 4};
    CHECK(!writer->write(broken, std::as_writable_bytes(std::span(slot)), {}, times));
  }
}

/// A window's pixels, and noise around it.
Pixels with_noise_around(const Pixels& whole, const ImageWindow& window) {
  Pixels image = make_pixels(whole.width, whole.height, 99);
  const ImageView from = part_of(whole.view(), window);
  const MutableImageView to = part_of(image.view(), window);
  for (int y = 0; y < window.height; ++y) {
    std::memcpy(to.row(y), from.row(y), static_cast<std::size_t>(window.width) * 3);
  }
  return image;
}

TEST_CASE("what steps do not need of an image does not change what they make") {
  const CenterCrop crop{square(24)};
  std::vector<std::vector<ImageStep>> all = {{crop, HorizontalFlip{}},
                                             {RandomResizedCrop{square(24), {0.1F, 0.6F}}},
                                             {HorizontalFlip{}, crop}};
  for (const Filter filter : kAllFilters) {
    for (const ResizeTo to : {ResizeTo::shortest, ResizeTo::longest, ResizeTo::cover}) {
      all.push_back({Resize{to, square(to == ResizeTo::longest ? 40 : 24), filter}, crop});
    }
  }
  RandomNumbers random(Draw{11}, 0);
  std::size_t spared = 0;
  for (const std::vector<ImageStep>& steps : all) {
    for (int views = 1; views <= 2; ++views) {
      ImageTransformOptions options{{}, steps, kBytes};
      options.views = views;
      ImageProcessor processor(options);
      for (std::uint64_t n = 0; n < 60; n += test::kSanitizedStride) {
        const Pixels whole = make_pixels(static_cast<int>(10 + random.next() % 90),
                                         static_cast<int>(10 + random.next() % 90), 3);
        const std::optional<ImageWindow> needed =
            processor.needed({whole.width, whole.height}, {n});
        if (!needed) continue;
        if (*needed != ImageWindow{0, 0, whole.width, whole.height}) ++spared;
        const Pixels other = with_noise_around(whole, *needed);
        CHECK(bytes_of(options, whole.view(), {n}) == bytes_of(options, other.view(), {n}));
      }
    }
  }
  CHECK(spared * test::kSanitizedStride > 1000);
}

TEST_CASE("columns that need different parts of a field get theirs of one decoding") {
  const ImageTransformOptions eval{{}, open_clip_steps(square(16)), kBytes};
  const ImageTransformOptions train{{}, {RandomResizedCrop{square(16), {0.1F, 0.3F}}}, kBytes};
  ImageTransformOptions other_train = train;
  other_train.stream = 1;
  std::vector<std::vector<std::uint8_t>> files;
  for (unsigned n = 0; n < 5; ++n) {
    files.push_back(n == 3 ? test::encode_png(make_pixels(80, 50, n))
                           : test::encode_jpeg(make_pixels(120 + static_cast<int>(n), 60, n),
                                               {.progressive = n == 1}));
  }
  for (const auto& columns :
       {std::vector{train, other_train}, {eval}, {train}, {eval, train, other_train}}) {
    DecodedImages decoded;
    StageTimes times;
    std::vector<std::unique_ptr<SlotWriter>> writers;
    writers.reserve(columns.size());
    for (const auto& options : columns) {
      writers.push_back(image_transform(options)->make_sharing_writer(decoded));
    }
    for (std::uint64_t round = 0; round < 3; ++round) {
      decoded.forget();
      for (const auto& writer : writers) {
        for (const auto& file : files) writer->announce(file, {round});
      }
      decoded.decode_announced(times);
      for (const auto& file : files) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
          std::vector<std::uint8_t> slot(columns[i].spec().slot_bytes());
          REQUIRE(writers[i]->write(file, std::as_writable_bytes(std::span(slot)), {round}, times));
          CHECK(slot == bytes_of(columns[i], *ImageDecoder().decode(file), {round}));
          const auto alone = image_transform(columns[i])->make_writer();
          CHECK(slot == written(*alone, columns[i], file, {round}));
        }
      }
      CHECK(times[Stage::decode].items == 5 * (round + 1));
    }
  }
}

TEST_CASE("with fast_scale a transform decodes less and stays near, shared or alone") {
  for (const std::vector<ImageStep>& steps :
       {std::vector<ImageStep>{RandomResizedCrop{square(32), {0.3F, 1.0F}}},
        {Resize{ResizeTo::shortest, square(32)}, CenterCrop{square(32)}}}) {
    const ImageTransformOptions exact{{}, steps, kBytes};
    ImageTransformOptions fast = exact;
    fast.decode.fast_scale = true;
    DecodedImages shared;
    const auto writer = image_transform(fast)->make_sharing_writer(shared);
    const auto alone = image_transform(fast)->make_writer();
    const auto reference = image_transform(exact)->make_writer();
    bool differs = false;
    for (std::uint64_t n = 0; n < 10; ++n) {
      // Smooth, as photos are: what is left out are the highest frequencies.
      Pixels pixels(300, 200 + static_cast<int>(n));
      for (int y = 0; y < pixels.height; ++y) {
        for (int x = 0; x < pixels.width; ++x) {
          std::uint8_t* pixel = pixels.view().row(y) + static_cast<std::size_t>(x) * 3;
          pixel[0] = static_cast<std::uint8_t>(x * 255 / pixels.width);
          pixel[1] = static_cast<std::uint8_t>(y * 255 / pixels.height);
          pixel[2] = static_cast<std::uint8_t>((x + y + static_cast<int>(n) * 9) / 3);
        }
      }
      const auto field = test::encode_jpeg(pixels, {});
      const std::vector<std::uint8_t> near = written(*writer, fast, field, {n});
      CHECK(near == written(*alone, fast, field, {n}));
      const std::vector<std::uint8_t> wanted = written(*reference, exact, field, {n});
      differs = differs || near != wanted;
      int most = 0;
      for (std::size_t i = 0; i < near.size(); ++i)
        most = std::max(most, std::abs(near[i] - wanted[i]));
      CHECK(most <= 8);
    }
    CHECK(differs);
  }
}

TEST_CASE("an image too narrow for a step, or too large on the way, is an error") {
  const Pixels narrow = make_pixels(3000, 1, 1);
  std::vector<std::uint8_t> slot(16 * 16 * 3);
  StageTimes times;
  const auto reason = [&](const std::vector<ImageStep>& steps, const DecodeOptions& decode = {}) {
    ImageProcessor processor({decode, steps, kBytes});
    const auto done =
        processor.apply(narrow.view(), {}, std::as_writable_bytes(std::span(slot)), times);
    REQUIRE(!done);
    return done.error().reason;
  };
  const CenterCrop crop{square(16)};
  CHECK(reason({Resize{ResizeTo::longest, square(16)}, crop}) == Reason::bad_image);
  // 48,000 x 16 pixels: not for a crop that comes at once, but for a flip in between.
  const Resize resize{ResizeTo::shortest, square(16)};
  CHECK_NOTHROW(bytes_of({resize, crop}, narrow.view()));
  DecodeOptions small;
  small.max_image_pixels = 100'000;
  CHECK(reason({resize, HorizontalFlip{1}, crop}, small) == Reason::image_too_large);
  ImageProcessor processor({{}, {crop}, kBytes});
  CHECK(!processor.apply({}, {}, std::as_writable_bytes(std::span(slot)), times));
}

}  // namespace
}  // namespace millrace
