#include "millrace/transforms/jpeg/jpeg_baseline.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "image_fixtures.h"
#include "jpeg_files.h"
#include "millrace/transforms/decode/decode.h"
#include "reference_data.h"
#include "sanitized_build.h"
#include "vector_targets.h"

namespace millrace {
namespace {

using Bytes = std::vector<std::uint8_t>;
using test::JpegRecipe;

/// The own decoder in front of libjpeg-turbo, against libjpeg-turbo alone.
class Twins {
 public:
  bool agree(std::span<const std::uint8_t> file) {
    const Result<ImageView> own = own_.decode(file);
    const Result<ImageView> turbo = turbo_.decode(file);
    if (own.has_value() != turbo.has_value()) return false;
    if (!own) return own.error().message == turbo.error().message;
    if (own->width != turbo->width || own->height != turbo->height) return false;
    for (int y = 0; y < own->height; ++y) {
      if (std::memcmp(own->row(y), turbo->row(y), static_cast<std::size_t>(own->width) * 3) != 0) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::uint64_t kMostPixels = 1 << 26;
  ImageDecoder own_{{.max_image_pixels = kMostPixels}};
  ImageDecoder turbo_{{.max_image_pixels = kMostPixels, .jpeg_decoder = JpegPath::turbo}};
};

struct Picture {
  Bytes memory;
  MutableImageView view;

  Picture(int width, int height)
      : memory(PixelBuffer::rgb_stride_bytes(width) * static_cast<std::size_t>(height) +
               jpeg::kRgbSlackBytes),
        view{memory.data(), width, height, PixelBuffer::rgb_stride_bytes(width)} {}
};

/// The whole image.
jpeg::BaselineDecoder::Job job_of(const Bytes& file, MutableImageView pixels) {
  return {file, {pixels.width, pixels.height}, {0, 0, pixels.width, pixels.height}, pixels};
}

bool is_plain(const Bytes& file, int width, int height) {
  Picture picture(width, height);
  return jpeg::BaselineDecoder().decode(file, picture.view);
}

std::string text_of(const JpegRecipe& r) {
  return std::to_string(r.width) + "x" + std::to_string(r.height) + " quality " +
         std::to_string(r.quality) + " sampling " + std::to_string(r.h_sampling) +
         std::to_string(r.v_sampling) + (r.gray ? " gray" : "") + (r.rgb ? " rgb" : "") +
         (r.optimized ? " optimized" : "") + " restart " + std::to_string(r.restart_mcus) + "/" +
         std::to_string(r.restart_rows) + " seed " + std::to_string(r.seed);
}

TEST_CASE("plain baseline files are decoded without libjpeg, to its pixels") {
  Twins twins;
  for (const auto& [h, v] : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}}) {
    for (const bool rgb : {false, true}) {
      for (const unsigned restart : {0U, 3U}) {
        JpegRecipe recipe;
        recipe.width = 101;
        recipe.height = 67;
        recipe.h_sampling = h;
        recipe.v_sampling = v;
        recipe.rgb = rgb;
        recipe.restart_mcus = restart;
        const Bytes file = test::make_jpeg(recipe);
        CHECK_MESSAGE(is_plain(file, 101, 67), text_of(recipe));
        CHECK_MESSAGE(twins.agree(file), text_of(recipe));
      }
    }
  }
  JpegRecipe gray;
  gray.gray = true;
  CHECK(is_plain(test::make_jpeg(gray), 64, 64));
  CHECK(twins.agree(test::make_jpeg(gray)));
}

TEST_CASE("any baseline file that libjpeg writes decodes to libjpeg's pixels") {
  // MILLRACE_JPEG_FILES=100000 makes a longer run of it.
  const char* wanted = std::getenv("MILLRACE_JPEG_FILES");
  const int count = wanted != nullptr ? std::atoi(wanted) : 400;
  std::mt19937 random(wanted != nullptr ? std::random_device{}() : 7);
  Twins twins;
  int plain = 0;
  for (int i = 0; i < count; ++i) {
    const int longest = i % 10 == 0 ? 40 : i % 50 == 1 ? 900 : 200;
    const JpegRecipe recipe = test::any_recipe(random, longest);
    const Bytes file = test::make_jpeg(recipe);
    CHECK_MESSAGE(twins.agree(file), text_of(recipe));
    plain += static_cast<int>(i >= 400 || is_plain(file, recipe.width, recipe.height));
  }
  // Those left over are too narrow.
  CHECK(plain > count * 9 / 10);
}

TEST_CASE("one of several megapixels, one of a single column and one of a single row") {
  Twins twins;
  JpegRecipe recipe;
  recipe.width = 2500;
  recipe.height = 1700;
  CHECK(twins.agree(test::make_jpeg(recipe)));
  recipe.width = 1;
  recipe.height = 20000;
  CHECK(twins.agree(test::make_jpeg(recipe)));
  std::swap(recipe.width, recipe.height);
  CHECK(twins.agree(test::make_jpeg(recipe)));
}

TEST_CASE("every vector instruction set gives the same pixels") {
  test::for_each_vector_target([](const std::string& name) {
    Twins twins;
    std::mt19937 random(11);
    for (int i = 0; i < 60; ++i) {
      const JpegRecipe recipe = test::any_recipe(random, 150);
      CHECK_MESSAGE(twins.agree(test::make_jpeg(recipe)), name << " " << text_of(recipe));
    }
  });
}

TEST_CASE("the inverse transform equals its twin without vectors, whatever the coefficients") {
  test::for_each_vector_target([](const std::string& name) {
    std::mt19937 random(3);
    constexpr std::size_t kTiles = 3;
    constexpr std::size_t kStride = kTiles * 32;
    for (int round = 0; round < 300; ++round) {
      alignas(64) std::array<std::int16_t, kTiles * jpeg::kTileCoefficients> tiles{};
      std::array<std::uint8_t, kTiles * jpeg::kTileBlocks> lengths{};
      jpeg::Dequantization table{};
      for (std::int16_t& factor : table.factors) {
        factor = static_cast<std::int16_t>(1 + random() % (round % 3 == 0 ? 32767 : 99));
      }
      const int range = round % 2 == 0 ? 40 : 32768;
      for (std::size_t block = 0; block < lengths.size(); ++block) {
        lengths[block] = static_cast<std::uint8_t>(round % 5 == 0   ? random() % 2
                                                   : round % 5 == 1 ? random() % 11
                                                                    : random() % 65);
        for (std::size_t k = 0; k < lengths[block]; ++k) {
          const std::size_t natural = jpeg::kNaturalOrder[k];
          tiles[block / 4 * jpeg::kTileCoefficients + natural / 8 * 32 + block % 4 * 8 +
                natural % 8] =
              static_cast<std::int16_t>(static_cast<int>(random() % (2U * range)) - range);
        }
      }
      std::vector<std::int16_t> copy(tiles.begin(), tiles.end());
      std::array<std::uint8_t, 8 * kStride> own{};
      std::array<std::uint8_t, 8 * kStride> twin{};
      const bool fits =
          jpeg::inverse_transform(tiles.data(), lengths.data(), kTiles, table, own.data(), kStride);
      CHECK(fits ==
            jpeg::inverse_transform_scalar(copy.data(), kTiles, table, twin.data(), kStride));
      if (fits) CHECK_MESSAGE(own == twin, name << " round " << round);
      CHECK(std::all_of(tiles.begin(), tiles.end(), [](int c) { return c == 0; }));
    }
  });
}

TEST_CASE("upsampling and colours equal their twins, for every pair of chroma samples") {
  constexpr std::size_t kWidth = 256;
  using Row = std::array<std::uint8_t, kWidth + 2 * jpeg::kRowMargin>;
  test::for_each_vector_target([](const std::string& name) {
    std::mt19937 random(5);
    for (int cb = 0; cb < 256; ++cb) {
      std::array<Row, 5> rows;
      for (Row& row : rows) {
        for (std::uint8_t& sample : row) sample = static_cast<std::uint8_t>(random());
      }
      if (cb % 2 == 0) {  // every cr beside this cb
        for (std::size_t x = 0; x < kWidth; ++x) {
          rows[1][jpeg::kRowMargin + x] = static_cast<std::uint8_t>(cb + static_cast<int>(x & 1));
          rows[2][jpeg::kRowMargin + x] = static_cast<std::uint8_t>(x);
        }
      }
      jpeg::SampleRow row;
      row.first = rows[0].data() + jpeg::kRowMargin;
      for (std::size_t c = 0; c < 2; ++c) {
        row.near[c] = rows[1 + c].data() + jpeg::kRowMargin;
        row.far[c] = rows[3 + c].data() + jpeg::kRowMargin;
      }
      row.far_is_below = cb % 4 < 2;
      for (const auto colors : {jpeg::Colors::gray, jpeg::Colors::rgb, jpeg::Colors::ycc}) {
        for (const auto up : {jpeg::Upsampling::none, jpeg::Upsampling::h2, jpeg::Upsampling::v2,
                              jpeg::Upsampling::h2v2}) {
          const std::size_t width = kWidth - static_cast<std::size_t>(cb % 3);
          Bytes own(kWidth * 3 + jpeg::kRgbSlackBytes);
          Bytes twin(own.size());
          jpeg::convert_row(colors, up, row, width, own.data());
          jpeg::convert_row_scalar(colors, up, row, width, twin.data());
          own.resize(width * 3);
          twin.resize(width * 3);
          CHECK_MESSAGE(own == twin, name << " cb " << cb);
        }
      }
    }
  });
}

TEST_CASE("a JPEG cut at any byte has libjpeg's verdict") {
  std::mt19937 random(17);
  Twins twins;
  for (int i = 0; i < 12; ++i) {
    const Bytes file = test::make_jpeg(test::any_recipe(random, 40));
    for (std::size_t size = 0; size < file.size(); ++size) {
      CHECK(twins.agree(std::span(file).first(size)));
      if (size + 2 > file.size()) continue;
      Bytes closed(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
      closed.insert(closed.end(), {0xFF, 0xD9});
      CHECK(twins.agree(closed));
    }
  }
}

TEST_CASE("a JPEG with bits flipped has libjpeg's verdict and pixels") {
  std::mt19937 random(19);
  Twins twins;
  for (int i = 0; i < 40; ++i) {
    const JpegRecipe recipe = test::any_recipe(random, 64);
    const Bytes file = test::make_jpeg(recipe);
    for (int flip = 0; flip < 60; ++flip) {
      Bytes damaged = file;
      for (int n = flip % 3; n >= 0; --n) {
        damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
      }
      CHECK_MESSAGE(twins.agree(damaged), text_of(recipe) << " flip " << flip);
    }
  }
}

TEST_CASE("images decoded two at a time are as those decoded alone") {
  std::mt19937 random(23);
  jpeg::BaselineDecoder decoder;
  for (const std::size_t count : {1, 2, 3, 8, 21}) {
    std::vector<Bytes> files;
    std::vector<Picture> together;
    std::vector<Picture> alone;
    std::vector<jpeg::BaselineDecoder::Job> jobs;
    for (std::size_t i = 0; i < count; ++i) {
      JpegRecipe recipe = test::any_recipe(random, 200);
      recipe.progressive = i % 7 == 5;
      if (recipe.progressive) recipe.rgb = false;
      files.push_back(test::make_jpeg(recipe));
      if (i % 7 == 3) files.back()[files.back().size() / 2] ^= 0x55;
      together.emplace_back(recipe.width, recipe.height);
      alone.emplace_back(recipe.width, recipe.height);
    }
    for (std::size_t i = 0; i < count; ++i) jobs.push_back(job_of(files[i], together[i].view));
    decoder.decode(jobs);
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(jobs[i].decoded == jpeg::BaselineDecoder().decode(files[i], alone[i].view));
      if (jobs[i].decoded) {
        CHECK(test::packed_rgb(together[i].view) == test::packed_rgb(alone[i].view));
      }
    }
  }
}

TEST_CASE("tiny images are left to libjpeg until their tables come again") {
  jpeg::BaselineDecoder decoder(true);
  test::JpegRecipe recipe;
  recipe.width = recipe.height = 16;
  const auto decodes = [&](const test::JpegRecipe& of) {
    const Bytes file = test::make_jpeg(of);
    Picture picture(of.width, of.height);
    return decoder.decode(file, picture.view);
  };
  int left = 0;
  while (left < 10 && !decodes(recipe)) ++left;
  CHECK(left > 0);
  CHECK(left < 10);
  recipe.optimized = true;
  for (recipe.seed = 2; recipe.seed < 12; ++recipe.seed) CHECK_FALSE(decodes(recipe));
  recipe.width = recipe.height = 40;
  CHECK(decodes(recipe));
}

TEST_CASE("a window of a JPEG has the pixels of the whole") {
  std::mt19937 random(31);
  jpeg::BaselineDecoder decoder;
  for (int i = 0; i < 300; ++i) {
    const JpegRecipe recipe = test::any_recipe(random, 300);
    const Bytes file = test::make_jpeg(recipe);
    Picture whole(recipe.width, recipe.height);
    if (!decoder.decode(file, whole.view)) continue;
    ImageWindow window;
    window.left = static_cast<int>(random() % static_cast<unsigned>(recipe.width));
    window.top = static_cast<int>(random() % static_cast<unsigned>(recipe.height));
    window.width =
        1 + static_cast<int>(random() % static_cast<unsigned>(recipe.width - window.left));
    window.height =
        1 + static_cast<int>(random() % static_cast<unsigned>(recipe.height - window.top));
    Picture part(recipe.width, window.height);
    REQUIRE(decoder.decode(file, {recipe.width, recipe.height}, window, part.view));
    for (int y = 0; y < window.height; ++y) {
      const std::ptrdiff_t left = static_cast<std::ptrdiff_t>(window.left) * 3;
      CHECK_MESSAGE(std::memcmp(part.view.row(y) + left, whole.view.row(window.top + y) + left,
                                static_cast<std::size_t>(window.width) * 3) == 0,
                    text_of(recipe));
    }
  }
}

TEST_CASE("decoding never reads behind the end of the file") {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  constexpr std::size_t kPages = 16;
  void* const memory = mmap(nullptr, (kPages + 1) * page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);  // NOLINT: the macro's own cast
  auto* const end = static_cast<std::uint8_t*>(memory) + kPages * page;
  REQUIRE(mprotect(end, page, PROT_NONE) == 0);
  std::mt19937 random(29);
  Twins twins;
  for (int i = 0; i < 100; ++i) {
    const Bytes file = test::make_jpeg(test::any_recipe(random, 100));
    REQUIRE(file.size() <= kPages * page);
    const std::size_t cut = i % 2 == 0 ? 0 : random() % file.size();
    std::uint8_t* const begin = end - (file.size() - cut);
    std::memcpy(begin, file.data(), file.size() - cut);
    CHECK(twins.agree({begin, file.size() - cut}));
  }
  munmap(memory, (kPages + 1) * page);
}

TEST_CASE("every JPEG of the references is as libjpeg decodes it") {
  const auto data = test::reference_data("the photos");
  if (!data) return;
  Twins twins;
  std::size_t photos = 0;
  for (const auto& [name, file] : test::read_photos(*data)) {
    const std::string photo = name;  // clang 14 lets no lambda use a structured binding
    CHECK_MESSAGE(twins.agree(file), photo);
    ++photos;
  }
  CHECK(photos > 0);
  std::size_t number = 0;
  test::for_each_json_line(*data / "jpeg_zoo" / "manifest.jsonl", [&](simdjson::dom::element row) {
    if (number++ % test::kSanitizedStride != 0) return;
    const std::string file(row["file"].get_string().value());
    CHECK_MESSAGE(twins.agree(test::read_file(*data / "jpeg_zoo" / file)), file);
  });
}

TEST_CASE("the choice of the JPEG decoder is not part of what an output is called") {
  CHECK(json_members({.jpeg_decoder = JpegPath::turbo}) == json_members({}));
}

}  // namespace
}  // namespace millrace
