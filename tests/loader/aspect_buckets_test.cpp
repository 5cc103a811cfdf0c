#include "millrace/loader/aspect_buckets.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/formats/index/metadata_condition.h"
#include "millrace/loader/loader.h"
#include "millrace/transforms/jpeg/jpeg_encoder.h"
#include "random_rounds.h"
#include "scratch_folder.h"
#include "tar_writer.h"

namespace millrace {
namespace {

std::string jpeg_of(ImageSize size, std::uint8_t shade) {
  const std::vector<std::uint8_t> pixels(
      static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 3, shade);
  const ImageView view = {pixels.data(), size.width, size.height,
                          static_cast<std::size_t>(size.width) * 3};
  JpegEncoder encoder;
  std::vector<std::uint8_t> jpeg;
  REQUIRE(encoder.encode(view, 90, {}, jpeg));
  return {jpeg.begin(), jpeg.end()};
}

/// Shards of JPEGs of all aspect ratios; number n has `num` n, and its size is sizes()[n]. Every
/// 50th cannot be decoded, nor its size be told.
class Pictures {
 public:
  explicit Pictures(std::uint64_t count) {
    Random random(5);
    TarMembers members;
    for (std::uint64_t n = 0; n < count; ++n) {
      const ImageSize size = {static_cast<int>(random.in(8, 40)),
                              static_cast<int>(random.in(8, 40))};
      sizes_.push_back(size);
      const std::string key = "k" + std::to_string(1'000'000 + n);
      members.emplace_back(key + ".jpg",
                           is_broken(n) ? "no image" : jpeg_of(size, static_cast<std::uint8_t>(n)));
      members.emplace_back(key + ".num", std::to_string(n));
      if (members.size() < 120 && n + 1 < count) continue;
      const std::string name = "shard-" + std::to_string(paths_.size()) + ".tar";
      paths_.push_back(folder_.write(name, test::make_tar(members)));
      members.clear();
    }
  }

  static bool is_broken(std::uint64_t n) { return n % 50 == 49; }
  const std::vector<ImageSize>& sizes() const { return sizes_; }

  LoaderOptions options() const {
    LoaderOptions options;
    options.sources = paths_;
    options.columns = {{"n", number("num", Dtype::int64)}};
    ImageOutput output;
    output.dtype = Dtype::uint8;
    output.layout = PixelLayout::hwc;
    options.buckets = aspect_buckets(aspect_sizes(32, 8, 2), output);
    options.batch_size = 8;
    options.threads = 2;
    options.shuffle = true;
    options.seed = 3;
    options.use_index = false;
    options.on_bad_sample = OnBadSample::skip;
    options.error_budget.share = 1;
    return options;
  }

 private:
  using TarMembers = test::TarMembers;
  test::ScratchFolder folder_;
  std::vector<std::string> paths_;
  std::vector<ImageSize> sizes_;
};

std::size_t nearest(const std::vector<AspectBucket>& buckets, ImageSize size) {
  const auto log_aspect = [](ImageSize of) {
    return std::log(static_cast<double>(of.width) / of.height);
  };
  std::size_t best = 0;
  for (std::size_t b = 1; b < buckets.size(); ++b) {
    const double off = std::abs(log_aspect(buckets[b].size) - log_aspect(size));
    if (off < std::abs(log_aspect(buckets[best].size) - log_aspect(size))) best = b;
  }
  return best;
}

/// Sample number -> the bucket in whose shape it came.
using Delivered = std::map<std::int64_t, std::size_t>;

void take(const LoaderOptions& options, const Batch& batch, Delivered& delivered) {
  const BatchColumn& image = batch["image"];
  const auto bucket = std::find_if(
      options.buckets.begin(), options.buckets.end(), [&](const AspectBucket& candidate) {
        const std::vector<std::int64_t> shape = {candidate.size.height, candidate.size.width, 3};
        return image.spec->shape == shape;
      });
  REQUIRE(bucket != options.buckets.end());
  const std::size_t bytes = image.spec->slot_bytes();
  const auto numbers = batch.values<std::int64_t>("n");
  for (std::size_t slot = 0; slot < batch.size; ++slot) {
    const std::int64_t n = numbers[slot];
    REQUIRE(delivered.emplace(n, bucket - options.buckets.begin()).second);
    // Of one shade, so that all of it must be there.
    const auto pixels = image.memory.bytes.subspan(slot * bytes, bytes);
    const int shade = static_cast<std::uint8_t>(n);
    for (const std::byte pixel : {pixels.front(), pixels[bytes / 2], pixels.back()}) {
      CHECK(std::abs(std::to_integer<int>(pixel) - shade) <= 2);
    }
  }
}

Delivered drain(const LoaderOptions& options, Loader& loader) {
  Delivered delivered;
  while (const std::optional<Batch> batch = loader.next()) take(options, *batch, delivered);
  return delivered;
}

TEST_CASE(
    "Batches are of one shape each, and every sample comes once, in the shape nearest to it") {
  const Pictures pictures(900);
  LoaderOptions options = pictures.options();
  Loader loader(options);
  Delivered first;
  std::set<std::size_t> shapes;
  while (const std::optional<Batch> batch = loader.next()) {
    take(options, *batch, first);
    shapes.insert(static_cast<std::size_t>((*batch)["image"].spec->shape[0]));
  }
  CHECK(first.size() == 900 - 18);
  CHECK(loader.ledger().expected == 900);
  CHECK(loader.samples() == 900);
  CHECK(shapes.size() == options.buckets.size());
  std::map<std::size_t, std::size_t> strangers;
  for (const auto& delivered : first) {
    const ImageSize size = pictures.sizes()[static_cast<std::size_t>(delivered.first)];
    const std::size_t bucket = nearest(options.buckets, size);
    if (delivered.second != bucket) ++strangers[bucket];
  }
  for (const auto& of_bucket : strangers) CHECK(of_bucket.second < options.batch_size);

  CHECK(drain(options, loader).size() == first.size());  // the next epoch, other left-overs
  for (const std::size_t threads : {1, 3}) {
    options.threads = threads;
    options.prefetch_batches = 2 * threads;
    Loader again(options);
    CHECK(drain(options, again) == first);
  }
}

TEST_CASE("A run of buckets goes on at another world size with exactly what is left") {
  const Pictures pictures(700);
  LoaderOptions options = pictures.options();
  options.bucket_run = 24;
  Loader loader(options);
  Delivered before;
  for (int i = 0; i < 21; ++i) take(options, *loader.next(), before);
  const std::string state = loader.state();
  const Delivered rest = drain(options, loader);

  for (const std::uint64_t world_size : {1, 2, 3}) {
    Delivered resumed;
    for (std::uint64_t rank = 0; rank < world_size; ++rank) {
      LoaderOptions of_rank = options;
      of_rank.rank = rank;
      of_rank.world_size = world_size;
      of_rank.batch_size = 24 / world_size;
      Loader loader_of_rank(of_rank);
      loader_of_rank.load_state(state);
      Delivered ours;
      std::int64_t padded = 0;
      while (const std::optional<Batch> batch = loader_of_rank.next()) {
        Delivered of_batch;
        take(options, *batch, of_batch);
        for (const auto& delivered : of_batch) {
          // Padding repeats what came at the beginning of the epoch.
          if (before.contains(delivered.first))
            ++padded;
          else
            ours.insert(delivered);
        }
      }
      CHECK(padded <= 1);
      for (const auto& delivered : ours) REQUIRE(resumed.insert(delivered).second);
    }
    REQUIRE(resumed.size() == rest.size());
    for (const auto& delivered : rest) CHECK(resumed.contains(delivered.first));
    if (world_size == 1) {
      // 21 batches of 8 end with a run of 24, so all others come in the shapes they had.
      CHECK(resumed == rest);
    }
  }
  options.bucket_run = 32;
  Loader other(options);
  CHECK_THROWS_WITH_AS(other.load_state(state), doctest::Contains("bucket_run"),
                       std::invalid_argument);
}

TEST_CASE("A bad image is accounted for and replaced by one of its own bucket") {
  const Pictures pictures(600);
  LoaderOptions options = pictures.options();
  options.on_bad_sample = OnBadSample::substitute;
  Loader loader(options);
  std::uint64_t delivered = 0;
  while (const std::optional<Batch> batch = loader.next()) delivered += batch->size;
  const Ledger ledger = loader.ledger();
  CHECK(delivered == 600);
  CHECK(ledger.substituted == 12);
  CHECK(ledger.delivered == 588);
}

TEST_CASE("A selection chooses before the buckets do") {
  const Pictures pictures(300);
  LoaderOptions options = pictures.options();
  options.select.where = "image:width >= 24";
  Loader loader(options);
  const Delivered delivered = drain(options, loader);
  std::size_t expected = 0;
  for (std::size_t n = 0; n < 300; ++n) {
    if (!Pictures::is_broken(n) && pictures.sizes()[n].width >= 24) ++expected;
  }
  CHECK(delivered.size() == expected);
}

TEST_CASE("A selection that leaves nothing says so, and the buckets' order does not matter") {
  const Pictures pictures(200);
  LoaderOptions options = pictures.options();
  Loader sorted(options);
  std::reverse(options.buckets.begin(), options.buckets.end());
  Loader reversed(options);
  const Delivered delivered = drain(options, reversed);
  const std::size_t last = options.buckets.size() - 1;
  for (const auto& in_sorted : drain(pictures.options(), sorted)) {
    CHECK(delivered.at(in_sorted.first) == last - in_sorted.second);
  }
  options.select.where = "image:width > 1000";
  CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains("selection is empty"), LoaderError);
}

TEST_CASE("What images say that are files of their own is read anew for each loader") {
  const test::ScratchFolder folder;
  std::string lines;
  for (int n = 0; n < 8; ++n) {
    const std::string name = std::to_string(n) + ".jpg";
    folder.write("wide-" + name, jpeg_of({40, 10}, 9));
    folder.write(name, jpeg_of({10, 40}, 9));
    lines += R"({"image_id":")" + std::to_string(n) + R"(","image_path":")" + name +
             R"(","width":)" + std::to_string(n) + "}\n";
  }
  lines += R"({"image_id":"gone","image_path":"gone.jpg","width":7})";
  LoaderOptions options;
  options.sources = {folder.write("rows.jsonl", lines)};
  options.columns = {{"key", raw("__key__")}};
  options.threads = 1;
  const auto chosen = [&](const std::string& where) {
    options.select.where = where;
    return Loader(options).samples();
  };
  CHECK(chosen("image:aspect < 1 and json:width >= 0") == 8);
  for (int n = 0; n < 4; ++n) {
    const std::string name = std::to_string(n) + ".jpg";
    folder.write(name, jpeg_of({40, 10}, 9));
  }
  CHECK(chosen("image:aspect < 1") == 4);
  CHECK(chosen("image:aspect > 1") == 4);
  CHECK(chosen("json:width == 7 and image:width is absent") == 1);  // its image alone is unknown
}

TEST_CASE("Sizes for buckets keep within the area and go from the tallest to the widest") {
  const std::vector<ImageSize> sizes = aspect_sizes(224, 32, 2);
  REQUIRE(sizes.size() >= 5);
  bool has_square = false;
  double before = 0;
  for (const ImageSize size : sizes) {
    CHECK(size.width * size.height <= 224 * 224);
    CHECK(size.width % 32 == 0);
    CHECK(size.height % 32 == 0);
    const double aspect = static_cast<double>(size.width) / size.height;
    CHECK(aspect > before);
    CHECK(aspect <= 2);
    CHECK(aspect >= 0.5);
    before = aspect;
    has_square = has_square || size == square(224);
  }
  CHECK(has_square);
  CHECK(aspect_sizes(64, 64, 1) == std::vector<ImageSize>{square(64)});
  CHECK_THROWS_AS(aspect_sizes(100, 32), std::invalid_argument);
  CHECK_THROWS_AS(aspect_sizes(64, 0), std::invalid_argument);
  CHECK_THROWS_AS(aspect_sizes(64, 32, 0.5), std::invalid_argument);
}

TEST_CASE("The conditions of buckets choose each aspect ratio once, and what has none once") {
  const std::vector<AspectBucket> buckets = aspect_buckets(aspect_sizes(128, 16, 3));
  std::vector<double> aspects;
  for (double aspect = 0.01; aspect < 100; aspect *= 1.01) aspects.push_back(aspect);
  aspects.push_back(std::nan(""));
  std::vector<int> chosen(aspects.size(), 0);
  for (const std::string& text : bucket_conditions(buckets)) {
    const MetadataCondition condition(text);
    std::vector<std::uint64_t> bits((aspects.size() + 63) / 64);
    condition.select(aspects.size(), std::vector<std::vector<double>>{aspects}, bits);
    for (std::size_t i = 0; i < aspects.size(); ++i) chosen[i] += bits[i / 64] >> (i % 64) & 1;
  }
  CHECK(std::all_of(chosen.begin(), chosen.end(), [](int times) { return times == 1; }));
}

TEST_CASE("Buckets that cannot be are refused, and why") {
  const Pictures pictures(20);
  const auto refused = [&](auto change, const char* why) {
    LoaderOptions options = pictures.options();
    change(options);
    CHECK_THROWS_WITH_AS(Loader{options}, doctest::Contains(why), std::invalid_argument);
  };
  refused([](LoaderOptions& o) { o.samples_per_epoch = 5; }, "samples_per_epoch");
  refused([](LoaderOptions& o) { o.streaming = true; }, "streams");
  refused([](LoaderOptions& o) { o.buckets.push_back(o.buckets.front()); }, "one aspect ratio");
  refused([](LoaderOptions& o) { o.buckets.back().columns.front().first = "picture"; },
          "other names");
  refused([](LoaderOptions& o) { o.select.every = 2; }, "select.every");
  refused([](LoaderOptions& o) { o.select.where = "a < 1) or (b < 2"; }, "condition");
  refused([](LoaderOptions& o) { o.buckets.back().columns.front().second = raw("jpg"); }, "dtypes");
  refused(
      [](LoaderOptions& o) {
        o.buckets.clear();
        o.columns = clip_columns(32);
        o.bucket_run = 8;
      },
      "no buckets");
}

}  // namespace
}  // namespace millrace
