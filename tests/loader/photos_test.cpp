#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include "millrace/loader/loader.h"
#include "reference_data.h"
#include "sanitized_build.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;

struct Golden {
  std::string pixels;  // SHA-256 of uint8 [size, size, 3] before normalisation
  std::string floats;  // SHA-256 of float32 [3, size, size] after it
};

bool is_plain_clip(simdjson::dom::element row, int size) {
  const simdjson::dom::object args = row["args"];
  std::int64_t image_size = 0;
  return std::string_view(row["impl"]) == "open_clip.image_transform" &&
         std::string_view(row["input"]["kind"]) == "photo" &&
         (std::string_view(row["in_mode"]) == "RGB" || bool(row["converted_to_rgb_before"])) &&
         args.size() == 1 && args["image_size"].get(image_size) == simdjson::SUCCESS &&
         image_size == size;
}

std::map<std::string, Golden> goldens_of(const fs::path& data, int size) {
  std::map<std::string, Golden> goldens;
  test::for_each_json_line(data / "resize" / "preprocess.jsonl", [&](simdjson::dom::element row) {
    if (!is_plain_clip(row, size)) return;
    goldens[std::string(std::string_view(row["input"]["key"]))] = {
        std::string(std::string_view(row["sha256_u8_hwc"])),
        std::string(std::string_view(row["sha256_f32_chw"]))};
  });
  return goldens;
}

std::map<std::string, std::vector<std::int64_t>> ids_of_captions(const fs::path& data) {
  std::map<std::string, std::vector<std::int64_t>> ids;
  test::for_each_json_line(data / "clip_tokenizer" / "cases.jsonl",
                           [&](simdjson::dom::element row) {
                             if (std::string_view(row["group"]) != "photo_captions") return;
                             auto& of_text = ids[std::string(std::string_view(row["text"]))];
                             of_text.clear();
                             for (const std::int64_t id : row["ids77"].get_array())
                               of_text.push_back(id);
                           });
  return ids;
}

template <typename T>
std::span<const T> row_of(const Batch& batch, std::string_view name, std::size_t row) {
  const std::span<const T> all = batch.values<T>(name);
  const std::size_t values = all.size() / batch.size;
  return all.subspan(row * values, values);
}

TEST_CASE(
    "the reference photos come out of the loader as open_clip makes them, at any thread count") {
  const auto data = test::reference_data("photos through the loader");
  if (!data) return;
  const auto ids = ids_of_captions(*data);
  for (const auto& run : {std::pair{224, 1}, {224, 2}, {224, 5}, {336, 3}}) {
    const int size = run.first;
    const int threads = run.second;
    if (test::kSanitizedStride > 1 && threads != 3) continue;  // one run tells, at any size
    CAPTURE(size);
    CAPTURE(threads);
    const auto goldens = goldens_of(*data, size);
    REQUIRE(goldens.size() >= 30);
    LoaderOptions options;
    options.sources = {(*data / "photos" / "photos-{000000..000001}.tar").string()};
    options.columns = clip_columns(size);
    options.columns.emplace_back("pixels", image("jpg", clip_pixels(size)));
    options.columns.emplace_back("key", raw("__key__"));
    options.columns.emplace_back("caption", raw("txt"));
    options.batch_size = 48;
    options.threads = static_cast<std::size_t>(threads);
    Loader loader(options);
    std::size_t images = 0;
    std::size_t captions = 0;
    while (const std::optional<Batch> batch = loader.next()) {
      for (std::size_t i = 0; i < batch->size; ++i) {
        if (const auto found = ids.find((*batch)["caption"].strings[i]); found != ids.end()) {
          const auto row = row_of<std::int64_t>(*batch, "text", i);
          CHECK(std::vector<std::int64_t>(row.begin(), row.end()) == found->second);
          ++captions;
        }
        const auto golden = goldens.find((*batch)["key"].strings[i]);
        if (golden == goldens.end()) continue;
        const auto pixels = row_of<std::uint8_t>(*batch, "pixels", i);
        const auto floats = row_of<float>(*batch, "image", i);
        CHECK(test::sha256_hex(pixels.data(), pixels.size_bytes()) == golden->second.pixels);
        CHECK(test::sha256_hex(floats.data(), floats.size_bytes()) == golden->second.floats);
        ++images;
      }
    }
    CHECK(images == goldens.size());
    CHECK(captions > 100);
    CHECK(loader.ledger().delivered == 600);
  }
}

}  // namespace
}  // namespace millrace
