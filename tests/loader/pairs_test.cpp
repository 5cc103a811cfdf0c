// Workers take two samples together, and decode two plain JPEGs side by side: nothing of that may
// show but the time.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "image_encoders.h"
#include "millrace/loader/loader.h"
#include "millrace/transforms/output/image_patches.h"
#include "scratch_folder.h"
#include "tar_writer.h"

namespace millrace {
namespace {

using test::Bytes;

/// One image a sample, `num` counts them.
class ImageShard {
 public:
  void add(const Bytes& image) {
    const std::string key = "s" + std::to_string(1000 + members_.size() / 2);
    members_.emplace_back(key + ".img", std::string(image.begin(), image.end()));
    members_.emplace_back(key + ".num", std::to_string(members_.size() / 2));
  }

  LoaderOptions options() {
    LoaderOptions options;
    options.sources = {folder_.write("images.tar", test::make_tar(members_))};
    options.columns = columns(JpegPath::automatic);
    options.batch_size = 7;
    options.threads = 2;
    return options;
  }

  /// Two columns of which the second sees what the first has decoded.
  static Columns columns(JpegPath path) {
    DecodeOptions decode;
    decode.jpeg_decoder = path;
    return {{"n", number("num", Dtype::int64)},
            {"image", image("img", clip_pixels(32, decode))},
            {"small", image("img", clip_pixels(16, decode))}};
  }

 private:
  test::ScratchFolder folder_;
  test::TarMembers members_;
};

Bytes jpeg(int n, const test::JpegChoices& choices = {}) {
  return test::encode_jpeg(test::make_pixels(40 + n * 7 % 90, 40 + n * 11 % 70, 5U + unsigned(n)),
                           choices);
}

Bytes cut(Bytes image) {
  image.resize(image.size() / 2);
  return image;
}

Bytes spoilt(Bytes image) {
  for (std::size_t i = image.size() / 2; i + 40 < image.size(); i += 9) image[i] ^= 0x5A;
  return image;
}

/// The n-th image of a mixture in which plain files, others and bad ones are each other's
/// neighbours in both orders.
Bytes any_image(int n) {
  switch (n * n % 11) {
    case 1:
      return test::encode_png(test::make_pixels(50, 40, unsigned(n)));
    case 3:
      return test::encode_webp(test::make_pixels(45, 60, unsigned(n)), true);
    case 4:
      return jpeg(n, {.progressive = true});
    case 5:
      return n % 2 == 0 ? cut(jpeg(n)) : spoilt(jpeg(n));
    case 9:
      return n % 3 == 0 ? Bytes{1, 2, 3}
                        : jpeg(n, {.h_sampling = 1, .v_sampling = 1, .gray = true});
    default:
      return jpeg(n, {.h_sampling = 1 + n % 2, .v_sampling = 1 + n / 2 % 2, .restart_rows = n % 3});
  }
}

struct Delivered {
  std::vector<std::int64_t> numbers;
  std::vector<std::uint8_t> pixels;
  std::string ledger;
  bool operator==(const Delivered&) const = default;
};

std::span<const std::uint8_t> row_of(const Batch& batch, const char* name, std::size_t row) {
  const auto all = batch.values<std::uint8_t>(name);
  const std::size_t bytes = all.size() / batch.size;
  return all.subspan(row * bytes, bytes);
}

void take(const Batch& batch, Delivered& all) {
  const auto numbers = batch.values<std::int64_t>("n");
  all.numbers.insert(all.numbers.end(), numbers.begin(), numbers.end());
  for (std::size_t i = 0; i < batch.size; ++i) {
    for (const char* name : {"image", "small"}) {
      const auto row = row_of(batch, name, i);
      all.pixels.insert(all.pixels.end(), row.begin(), row.end());
    }
  }
}

std::string told(const Ledger& ledger) {
  std::string text = std::to_string(ledger.delivered) + " " + std::to_string(ledger.substituted) +
                     " " + std::to_string(ledger.accounted());
  for (const auto& [reason, count] : ledger.bad_samples) {
    text += " " + reason + " " + std::to_string(count);
  }
  for (const Error& error : ledger.errors) text += "\n" + error.key + ": " + error.message;
  return text;
}

Delivered deliver(const LoaderOptions& options) {
  Loader loader(options);
  Delivered all;
  while (const std::optional<Batch> batch = loader.next()) take(*batch, all);
  all.ledger = told(loader.ledger());
  return all;
}

void add_mixture(ImageShard& shard) {
  for (int n = 0; n < 75; ++n) shard.add(any_image(n));
}

TEST_CASE(
    "images made together are those of one worker, of libjpeg-turbo alone, and of any batch") {
  ImageShard shard;
  add_mixture(shard);
  for (const OnBadSample policy : {OnBadSample::skip, OnBadSample::substitute}) {
    LoaderOptions options = shard.options();
    options.on_bad_sample = policy;
    options.shuffle = policy == OnBadSample::substitute;
    // Of one slot a batch nothing is made together.
    options.batch_size = 1;
    options.threads = 1;
    options.columns = ImageShard::columns(JpegPath::turbo);
    const Delivered alone = deliver(options);
    CHECK(alone.numbers.size() > 50);
    for (const JpegPath path : {JpegPath::automatic, JpegPath::turbo}) {
      for (const std::size_t threads : {1, 2, 5}) {
        for (const std::size_t batch_size : {2, 7, 75}) {
          CAPTURE(threads);
          CAPTURE(batch_size);
          options.columns = ImageShard::columns(path);
          options.threads = threads;
          options.batch_size = batch_size;
          const Delivered together = deliver(options);
          CHECK(together.numbers == alone.numbers);
          CHECK(together.pixels == alone.pixels);
          CHECK(together.ledger == alone.ledger);
        }
      }
    }
  }
}

TEST_CASE("a bad image leaves its neighbour alone, on either side") {
  for (const bool first_is_bad : {true, false}) {
    for (const bool is_cut : {true, false}) {
      const Bytes good = jpeg(3);
      const Bytes bad = is_cut ? cut(jpeg(8)) : Bytes(40, 0xFF);
      ImageShard shard;
      for (int i = 0; i < 3; ++i) {
        shard.add(first_is_bad ? bad : good);
        shard.add(first_is_bad ? good : bad);
      }
      LoaderOptions options = shard.options();
      options.threads = 1;
      options.batch_size = 6;
      options.on_bad_sample = OnBadSample::skip;
      Loader loader(options);
      const std::optional<Batch> batch = loader.next();
      REQUIRE(batch);
      REQUIRE(batch->size == 3);
      std::vector<std::uint8_t> expected(32 * 32 * 3);
      StageTimes times;
      REQUIRE(clip_pixels(32)->make_writer()->write(
          good, std::as_writable_bytes(std::span(expected)), {}, times));
      for (std::size_t i = 0; i < 3; ++i) {
        const auto row = row_of(*batch, "image", i);
        CHECK(std::equal(row.begin(), row.end(), expected.begin(), expected.end()));
      }
      CHECK(loader.ledger().bad_samples.at("bad_image") == 3);
      CHECK(loader.stats().stages[Stage::decode].items == 6);
    }
  }
}

TEST_CASE("a bad image that is raised ends the epoch at its slot, whatever is beside it") {
  for (const int bad : {4, 5}) {
    ImageShard shard;
    for (int n = 0; n < 10; ++n) shard.add(n == bad ? cut(jpeg(n)) : jpeg(n));
    LoaderOptions options = shard.options();
    options.on_bad_sample = OnBadSample::raise;
    options.batch_size = 4;
    options.threads = 1;
    Loader loader(options);
    REQUIRE(loader.next());
    try {
      loader.next();
      FAIL("the bad image passed");
    } catch (const LoaderError& error) {
      CHECK(error.error().key == "s100" + std::to_string(bad));
    }
  }
}

TEST_CASE("each image is decoded once for all its columns, and counted once") {
  ImageShard shard;
  for (int n = 0; n < 24; ++n) {
    shard.add(n % 5 == 1   ? jpeg(n, {.progressive = true})
              : n % 5 == 2 ? test::encode_png(test::make_pixels(50, 40, 1))
                           : jpeg(n));
  }
  LoaderOptions options = shard.options();
  PatchOptions patches;
  patches.patch_size = 4;
  patches.max_patches = 16;
  options.columns.emplace_back("patches", image("img", image_patches(patches, PatchPart::pixels)));
  Loader loader(options);
  while (loader.next()) {
  }
  const Statistics stats = loader.stats();
  CHECK(stats.samples == 24);
  CHECK(stats.stages[Stage::decode].items == 24);
}

TEST_CASE("an epoch goes on in the middle with the same images") {
  ImageShard shard;
  add_mixture(shard);
  LoaderOptions options = shard.options();
  options.shuffle = true;
  const Delivered whole = deliver(options);
  Loader loader(options);
  Delivered both;
  for (int i = 0; i < 3; ++i) take(*loader.next(), both);
  const std::string state = loader.state();
  options.threads = 1;
  Loader other(options);
  other.load_state(state, {});
  while (const std::optional<Batch> batch = other.next()) take(*batch, both);
  CHECK(both.numbers == whole.numbers);
  CHECK(both.pixels == whole.pixels);
}

TEST_CASE("in steady state images made together cost no allocation each") {
  if (!test::can_count_allocations()) return;
  ImageShard shard;
  // Of one size: tables of weights for many grow for longer than a test should last.
  const auto image = test::make_pixels(90, 70, 3);
  for (int n = 0; n < 256; ++n) shard.add(test::encode_jpeg(image, {.progressive = n % 7 == 3}));
  LoaderOptions options = shard.options();
  options.batch_size = 128;
  Loader loader(options);
  std::size_t least = SIZE_MAX;
  for (int epoch = 0; epoch < 7; ++epoch) {
    const std::size_t before = test::allocations_so_far();
    while (loader.next()) {
    }
    least = std::min(least, test::allocations_so_far() - before);
  }
  MESSAGE("allocations of an epoch of 256 images: " << least);
  CHECK(least < 128);
}

}  // namespace
}  // namespace millrace
