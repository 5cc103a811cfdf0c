// Rows of JSON that list their images: MultiMeditron's layout.

#include "millrace/formats/tables/modality_images.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "millrace/formats/shard.h"
#include "reference_data.h"
#include "scratch_folder.h"

namespace {

using millrace::open_shard;
using millrace::ReadOptions;
using millrace::Reason;
using millrace::Sample;
using millrace::Shard;
using millrace::test::ScratchFolder;

using Fields = std::map<std::string, std::string>;

std::shared_ptr<const Shard> opened(const std::string& path, const ReadOptions& options = {}) {
  auto shard = open_shard(path, options);
  REQUIRE_MESSAGE(shard.has_value(), shard.error().to_string());
  return *shard;
}

std::vector<std::uint64_t> offsets_of(const Shard& shard) {
  const auto index = shard.index();
  REQUIRE(index.has_value());
  return index->sample_offsets;
}

// All fields but the line itself.
Fields images_in(const Sample& sample) {
  Fields fields;
  for (const auto& field : sample.fields()) {
    if (field.name == "json") continue;
    fields[field.name] = {reinterpret_cast<const char*>(field.data.data()), field.data.size()};
  }
  return fields;
}

struct Rows {
  ScratchFolder folder;
  std::shared_ptr<const Shard> shard;
  std::vector<std::uint64_t> offsets;
  Sample sample;

  explicit Rows(const std::string& text, const ReadOptions& options = {}) {
    folder.write("a.jpg", "A");
    folder.write("sub/b.jpg", "B");
    shard = opened(folder.write("rows.jsonl", text), options);
    offsets = offsets_of(*shard);
  }
  Fields read(std::size_t row) {
    const auto done = shard->read(offsets.at(row), sample);
    REQUIRE_MESSAGE(done.has_value(), done.error().to_string());
    return images_in(sample);
  }
};

std::string with_modalities(const std::string& list) {
  return R"({"text": "t", "modalities": )" + list + "}\n";
}

}  // namespace

TEST_CASE("every image that a row lists is a field, and so is its path") {
  Rows rows(R"({"conversations":[],"modalities":[{"type":"image","value":"a.jpg"},)"
            R"({"value":"sub\/b.jpg","type":"image"}]})"
            "\n" +
            with_modalities(R"([{"type": "image", "value": "sub/b.jpg"}])") +
            with_modalities("[]") +
            R"({"modalities":[{"type":"image","value":"a.jpg"}],"modalities":[]})");
  CHECK(rows.read(0) == Fields{{"modalities.0.value", "A"},
                               {"modalities.0.value.path", "a.jpg"},
                               {"modalities.1.value", "B"},
                               {"modalities.1.value.path", "sub/b.jpg"}});
  CHECK(rows.sample.key() == "0");
  CHECK(rows.read(1) ==
        Fields{{"modalities.0.value", "B"}, {"modalities.0.value.path", "sub/b.jpg"}});
  CHECK(rows.read(2).empty());
  CHECK(rows.read(3).empty());
}

TEST_CASE("of modalities that are no image file there is what there is") {
  Rows rows(with_modalities(R"([{"type": "audio", "value": "a.jpg"}, )"
                            R"({"type": "image", "value": "https://example.org/a.jpg"}, )"
                            R"({"type": "image", "value": {"bytes": null, "path": "a.jpg"}}, )"
                            R"({"type": "image", "value": {"bytes": "QQ==", "path": "a.jpg"}}, )"
                            R"({"type": "image", "value": null}, {"type": "image"}, )"
                            R"(null, 3, "a.jpg", ["a.jpg"], {"value": "a.jpg"}, )"
                            R"({"type": "image", "value": "sub/b.jpg"}])") +
            with_modalities(R"({"type": "image", "value": "a.jpg"})") + with_modalities("null") +
            R"({"text": "not the key \"modalities\"", "in": {"modalities": [{}]}})");
  CHECK(rows.read(0) == Fields{{"modalities.1.value.path", "https://example.org/a.jpg"},
                               {"modalities.2.value", "A"},
                               {"modalities.2.value.path", "a.jpg"},
                               {"modalities.11.value", "B"},
                               {"modalities.11.value.path", "sub/b.jpg"}});
  for (const std::size_t row : {1U, 2U, 3U}) CHECK(rows.read(row).empty());
}

TEST_CASE("listed images stand beside the one that a column names") {
  Rows rows(
      R"({"image_path":"a.jpg","id":"k","modalities":[{"type":"image","value":"sub/b.jpg"}]})");
  CHECK(rows.read(0) == Fields{{"image", "A"},
                               {"modalities.0.value", "B"},
                               {"modalities.0.value.path", "sub/b.jpg"}});
  CHECK(rows.sample.key() == "k");
}

TEST_CASE("only those images are read that are asked for") {
  const std::string text = with_modalities(
      R"([{"type": "image", "value": "missing.jpg"}, {"type": "image", "value": "a.jpg"}])");
  ReadOptions options;
  options.fields = {"modalities.1.value"};
  Rows one(text, options);
  const Fields fields = one.read(0);
  CHECK(fields.count("modalities.0.value") == 0);
  CHECK(fields.at("modalities.1.value") == "A");
  options.fields = {"json"};
  CHECK(Rows(text, options).read(0).empty());
  options.fields = {"image", "json"};
  CHECK(Rows(text, options).read(0).empty());
}

TEST_CASE("an image that cannot be read is its row's error, and nothing outside is read") {
  Rows rows(R"({"id": "gone", "modalities": [{"type": "image", "value": "missing.jpg"}]})"
            "\n" +
            with_modalities(R"([{"type": "image", "value": "../rows.jsonl"}])") +
            with_modalities(R"([{"type": "image", "value": "/etc/passwd"}])") +
            with_modalities(R"([{"type": "image", "value": "\ud800.jpg"}])") +
            with_modalities(R"([{"type": "image", "value": "a.jpg"}])"));
  for (const std::size_t row : {0U, 1U, 2U, 3U}) {
    CAPTURE(row);
    const auto read = rows.shard->read(rows.offsets.at(row), rows.sample);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().reason == (row == 3 ? Reason::bad_json : Reason::io_error));
    CHECK(read.error().shard == rows.shard->name());
    CHECK(read.error().offset_bytes == rows.offsets.at(row));
    if (row == 0) CHECK(read.error().key == "gone");
  }
  CHECK(rows.read(4).at("modalities.0.value") == "A");
}

TEST_CASE("rows that list images are read without allocating, once the buffers have grown") {
  if (!millrace::test::can_count_allocations()) return;
  std::string text;
  for (int i = 0; i < 50; ++i) {
    text += with_modalities(R"([{"type":"image","value":"a.jpg"},)"
                            R"({"type":"image","value":"sub\/b.jpg"}])");
  }
  Rows rows(text);
  const auto read_all = [&] {
    for (const std::uint64_t offset : rows.offsets) {
      REQUIRE(rows.shard->read(offset, rows.sample).has_value());
    }
  };
  read_all();
  const std::size_t before = millrace::test::allocations_so_far();
  read_all();
  CHECK(millrace::test::allocations_so_far() == before);
}

TEST_CASE("the reference rows that list images give all of them") {
  const auto data = millrace::test::reference_data("JSON lines with modalities");
  if (!data) return;
  const auto folder = *data / "tabular";
  ReadOptions options;
  options.image_root = folder.string();
  for (const char* name : {"conversations_modalities.jsonl", "pretraining_modalities.jsonl"}) {
    CAPTURE(name);
    const auto file = folder / "jsonl" / name;
    std::vector<Fields> expected;
    millrace::test::for_each_json_line(file, [&](simdjson::dom::element row) {
      Fields& fields = expected.emplace_back();
      std::size_t place = 0;
      for (const simdjson::dom::element modality : row["modalities"].get_array()) {
        const std::string_view path = modality["value"];
        const auto image = millrace::test::read_file(folder / path.substr(3));
        const std::string field = "modalities." + std::to_string(place++) + ".value";
        fields[field] = {image.begin(), image.end()};
        fields[field + ".path"] = path;
      }
    });
    const auto shard = opened(file.string(), options);
    const auto offsets = offsets_of(*shard);
    REQUIRE(offsets.size() == 15);
    REQUIRE(expected.size() == 15);
    Sample sample;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const auto read = shard->read(offsets[i], sample);
      REQUIRE_MESSAGE(read.has_value(), read.error().to_string());
      CHECK(images_in(sample) == expected[i]);
    }
  }
}
