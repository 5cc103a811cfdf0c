#include "millrace/formats/tables/mds_shard.h"

#include <bit>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "allocation_counter.h"
#include "compressor.h"
#include "golden_samples.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/tables/mds_index.h"
#include "opened_shard.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "text.h"

namespace {

using millrace::Field;
using millrace::ReadOptions;
using millrace::Reason;
using millrace::Sample;
using millrace::test::opened;
using millrace::test::ScratchFolder;
using millrace::test::ShardContent;
using millrace::test::text_of;

std::string le32(std::uint64_t value) {
  std::string bytes(4, '\0');
  for (int i = 0; i < 4; ++i)
    bytes[static_cast<std::size_t>(i)] = static_cast<char>(value >> 8 * i);
  return bytes;
}

template <typename Number>
std::string raw(Number number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

// caption: str, id: int, image: jpeg, score: float64.
constexpr char kColumns[] =
    R"("column_encodings": ["str", "int", "jpeg", "float64"], )"
    R"("column_names": ["caption", "id", "image", "score"], "column_sizes": [null, 8, null, 8])";

std::string sample_bytes(const std::string& caption, std::int64_t id, const std::string& image,
                         double score) {
  return le32(caption.size()) + le32(image.size()) + caption + raw(id) + image + raw(score);
}

std::string shard_bytes(const std::vector<std::string>& samples,
                        const std::string& config = "{" + std::string(kColumns) + "}") {
  std::uint64_t at = 4 * (samples.size() + 2) + config.size();
  std::string bytes = le32(samples.size()) + le32(at);
  for (const std::string& sample : samples) bytes += le32(at += sample.size());
  bytes += config;
  for (const std::string& sample : samples) bytes += sample;
  return bytes;
}

std::vector<std::string> three_samples() {
  return {sample_bytes("one", -3, "IMAGE", 0.5), sample_bytes("", 9'999'999'997, "", 0.0),
          sample_bytes("three", 7, std::string(300, 'i'), 1e300)};
}

std::string index_entry(const std::string& name, std::size_t bytes, std::size_t samples,
                        const std::string& packed = "null", const std::string& columns = kColumns) {
  return "{" + columns + R"(, "compression": null, "format": "mds", "hashes": [], )" +
         R"("raw_data": {"basename": ")" + name + R"(", "bytes": )" + std::to_string(bytes) +
         R"(, "hashes": {}}, "samples": )" + std::to_string(samples) +
         R"(, "size_limit": null, "version": 2, "zip_data": )" + packed + "}";
}

std::string index_text(const std::vector<std::string>& entries) {
  std::string text = R"({"shards": [)";
  for (std::size_t i = 0; i < entries.size(); ++i) text += (i > 0 ? ", " : "") + entries[i];
  return text + R"(], "version": 2})";
}

ReadOptions without_keys() {
  ReadOptions options;
  options.keys = {};
  return options;
}

// {bytes, sha256} or an image, an array or a plain value, as the manifest gives it.
void check_value(const Sample& sample, const std::string& name, simdjson::dom::element golden) {
  CAPTURE(name);
  const Field* found = sample.find(name);
  REQUIRE(found != nullptr);
  const std::string text(found->data.begin(), found->data.end());
  const std::string sha256 = millrace::test::sha256_hex(text.data(), text.size());
  simdjson::dom::object object;
  std::string_view expected;
  std::int64_t integer = 0;
  double real = 0;
  if (golden.get(expected) == simdjson::SUCCESS) {
    CHECK(text == expected);
  } else if (golden.get(integer) == simdjson::SUCCESS) {
    CHECK(text == std::to_string(integer));
  } else if (golden.get(real) == simdjson::SUCCESS) {
    CHECK(std::stod(text) == real);
  } else if (golden["bytes"].get(integer) == simdjson::SUCCESS) {
    CHECK(text.size() == static_cast<std::size_t>(integer));
    CHECK(sha256 == std::string_view(golden["sha256"]));
  } else if (golden["ndarray"].get(expected) == simdjson::SUCCESS) {
    // A column without shape and dtype begins each value with them: here one byte, one of the
    // number of axes, and a byte for each.
    std::size_t begin = 0;
    if (name == "anyarr") {
      std::size_t axes = 0;
      for (const simdjson::dom::element length : simdjson::dom::array(golden["shape"])) {
        CHECK(static_cast<std::uint8_t>(text.at(2 + axes++)) == std::uint64_t(length));
      }
      begin = 2 + axes;
    }
    CHECK(millrace::test::sha256_hex(text.data() + begin, text.size() - begin) ==
          std::string_view(golden["sha256"]));
  } else if (golden["PIL"].get(expected) == simdjson::SUCCESS) {
    CHECK(text.starts_with("\xff\xd8\xff"));
  } else {
    simdjson::dom::parser parser;
    CHECK(simdjson::minify(parser.parse(text)) == simdjson::minify(golden));
  }
}

TEST_CASE("every MDS dataset gives the samples that MosaicML streaming does") {
  const auto data = millrace::test::reference_data("MDS");
  if (!data) return;
  const auto folder = *data / "tabular" / "mds";
  std::size_t values = 0;
  millrace::test::for_each_json_line(folder / "manifest.jsonl", [&](simdjson::dom::element row) {
    const std::string dataset{std::string_view(row["dataset"])};
    CAPTURE(dataset);
    REQUIRE(millrace::is_mds_folder((folder / dataset).string()));
    const auto paths = millrace::mds_shards((folder / dataset).string());
    REQUIRE(paths);
    std::vector<std::uint64_t> counts;
    for (const simdjson::dom::element count : simdjson::dom::array(row["shards"])) {
      counts.push_back(std::uint64_t(count));
    }
    REQUIRE(paths->size() == counts.size());
    const simdjson::dom::array golden = row["samples"];
    std::size_t number = 0;
    Sample sample;
    for (std::size_t i = 0; i < paths->size(); ++i) {
      const auto shard = opened((*paths)[i], without_keys());
      const auto index = shard->index();
      REQUIRE(index);
      CHECK(index->damaged == 0);
      CHECK(index->sample_offsets.size() == counts[i]);
      for (const std::uint64_t offset : index->sample_offsets) {
        REQUIRE(shard->read(offset, sample));
        const std::string digits = std::to_string(number);
        CHECK(sample.key() == std::string(9 - digits.size(), '0') + digits);
        const simdjson::dom::object expected = golden.at(number++);
        CHECK(sample.fields().size() == expected.size());
        for (const auto& [name, value] : expected) {
          check_value(sample, std::string(name), value);
          ++values;
        }
      }
    }
    CHECK(number == std::uint64_t(row["num_samples"]));
  });
  CHECK(values > 4 * 16 * 8);
}

TEST_CASE("an MDS shard's columns are fields, and its numbers are as JSON writes them") {
  const ScratchFolder folder;
  const std::string bytes = shard_bytes(three_samples());
  folder.write("index.json", index_text({index_entry("other.mds", 1, 40),
                                         index_entry("shard.00001.mds", bytes.size(), 3)}));
  const std::string path = folder.write("shard.00001.mds", bytes);
  const auto shard = opened(path);
  const auto index = shard->index();
  REQUIRE(index->sample_offsets.size() == 3);
  Sample sample;
  REQUIRE(shard->read(index->sample_offsets[0], sample));
  CHECK(sample.key() == "-3");  // the column `id` is one of the usual keys
  CHECK(text_of(sample, "caption") == "one");
  CHECK(text_of(sample, "id") == "-3");
  CHECK(text_of(sample, "image") == "IMAGE");
  CHECK(text_of(sample, "score") == "0.5");
  REQUIRE(shard->read(index->sample_offsets[1], sample));
  CHECK(text_of(sample, "caption").empty());
  CHECK(text_of(sample, "score") == "0.0");
  REQUIRE(shard->read(index->sample_offsets[2], sample));
  CHECK(text_of(sample, "score") == "1e+300");
  CHECK(sample.end_bytes() == bytes.size());

  ReadOptions some;
  some.keys = {};
  some.fields = {{"caption"}};
  const auto projected = opened(path, some);
  REQUIRE(projected->read(index->sample_offsets[2], sample));
  CHECK(sample.key() == "000000042");
  CHECK(sample.fields().size() == 1);
  CHECK(text_of(sample, "caption") == "three");
}

TEST_CASE("a JSON column of MDS is a JSON value, one of text is not, whatever it holds") {
  const ScratchFolder folder;
  const std::string texts = R"(["one", "two"])";
  const std::string path = folder.write(
      "shard.00000.mds",
      shard_bytes({le32(texts.size()) + le32(texts.size()) + texts + texts},
                  R"({"column_encodings": ["json", "str"], "column_names": ["texts", "title"], )"
                  R"("column_sizes": [null, null]})"));
  const auto shard = opened(path);
  Sample sample;
  REQUIRE(shard->read(shard->index()->sample_offsets.at(0), sample));
  CHECK(text_of(sample, "texts") == texts);
  CHECK(sample.find("texts")->is_json_value);
  CHECK(text_of(sample, "title") == texts);
  CHECK_FALSE(sample.find("title")->is_json_value);
}

TEST_CASE("every kind of number in MDS is read") {
  const std::vector<std::pair<std::string, std::pair<std::string, std::string>>> values = {
      {"int", {raw(std::int64_t{-9'223'372'036'854'775'807 - 1}), "-9223372036854775808"}},
      {"uint8", {raw(std::uint8_t{255}), "255"}},
      {"uint16", {raw(std::uint16_t{65535}), "65535"}},
      {"uint32", {raw(std::uint32_t{4'294'967'295}), "4294967295"}},
      {"uint64", {raw(~std::uint64_t{0}), "18446744073709551615"}},
      {"int8", {raw(std::int8_t{-128}), "-128"}},
      {"int16", {raw(std::int16_t{-2}), "-2"}},
      {"int32", {raw(std::int32_t{-2}), "-2"}},
      {"int64", {raw(std::int64_t{5}), "5"}},
      {"float16", {raw(std::uint16_t{0x2e66}), "0.0999755859375"}},
      {"float16", {raw(std::uint16_t{0x0001}), "5.960464477539063e-08"}},
      {"float16", {raw(std::uint16_t{0xfc00}), "-Infinity"}},
      {"float32", {raw(0.1F), "0.10000000149011612"}},
      {"float32", {raw(std::bit_cast<float>(0x7fc00000U)), "NaN"}},
      {"float64", {raw(1e16), "1e+16"}},
      {"float64", {raw(9007199254740993.0), "9007199254740992.0"}},
      {"float64", {raw(-0.0001), "-0.0001"}},
      {"bool", {raw(std::uint8_t{1}), "true"}},
  };
  const ScratchFolder folder;
  for (const auto& encoding_and_value : values) {
    const std::string& encoding = encoding_and_value.first;
    const auto& value = encoding_and_value.second;
    CAPTURE(encoding);
    CAPTURE(value.second);
    const std::string config = R"({"column_encodings": [")" + encoding +
                               R"("], "column_names": ["V"], "column_sizes": [)" +
                               std::to_string(value.first.size()) + "]}";
    const auto shard = opened(folder.write("a.mds", shard_bytes({value.first}, config)));
    Sample sample;
    REQUIRE(shard->read(shard->index()->sample_offsets.at(0), sample));
    CHECK(text_of(sample, "v") == value.second);
    CHECK(sample.key() == "000000000");
  }
}

TEST_CASE("an MDS folder lists its shards in order, plain ones before compressed ones") {
  const ScratchFolder folder;
  const std::string bytes = shard_bytes(three_samples());
  const auto zip = [](const std::string& name) {
    return R"({"basename": ")" + name + R"(", "bytes": 1, "hashes": {}})";
  };
  folder.write("index.json", index_text({index_entry("b.mds", bytes.size(), 3, zip("b.mds.zstd")),
                                         index_entry("a.mds", bytes.size(), 3, zip("a.mds.gz")),
                                         index_entry("sub/c.mds", bytes.size(), 3)}));
  folder.write("a.mds.gz", millrace::test::compressed("gzip", bytes));
  folder.write("b.mds", bytes);
  folder.write("b.mds.zstd", millrace::test::compressed("zstd", bytes));
  folder.write("sub/c.mds", bytes);
  CHECK(millrace::is_mds_folder(folder.path("")));
  const auto paths = millrace::mds_shards(folder.path(""));
  REQUIRE(paths);
  CHECK(*paths ==
        std::vector{folder.path("b.mds"), folder.path("a.mds.gz"), folder.path("sub/c.mds")});
  Sample sample;
  for (std::size_t i = 0; i < paths->size(); ++i) {
    const auto shard = opened((*paths)[i], without_keys());
    REQUIRE(shard->read(shard->index()->sample_offsets.at(1), sample));
    CHECK(sample.key() == "00000000" + std::to_string(3 * i + 1));
  }
  CHECK((opened(folder.path("a.mds.gz"))->unpacked_bytes() == bytes.size()));
}

TEST_CASE("an MDS index finds a shard by the name of either file, among many") {
  std::vector<std::string> entries;
  constexpr std::size_t kShards = 3000;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::string name = "shard." + std::to_string(i) + ".mds";
    const std::string packed = R"({"basename": ")" + name + R"(.zstd", "bytes": 1, "hashes": {}})";
    entries.push_back(index_entry(name, 1, i, i % 2 == 0 ? packed : "null"));
  }
  entries.push_back(index_entry("shard.7.mds", 1, 1));  // again: the first one counts
  const std::string text = index_text(entries);
  const auto index =
      millrace::parse_mds_index({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  REQUIRE_MESSAGE(index.has_value(), index.error().to_string());
  REQUIRE(index->shards().size() == kShards + 1);
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::string name = "shard." + std::to_string(i) + ".mds";
    CHECK(index->find(name) == &index->shards()[i]);
    CHECK(index->find(name + ".zstd") == (i % 2 == 0 ? &index->shards()[i] : nullptr));
  }
  CHECK(index->find("shard.10000.mds") == nullptr);
  CHECK(index->find("") == nullptr);
  CHECK(index->shards().back().first_sample == kShards * (kShards - 1) / 2);
}

TEST_CASE("an MDS index says the hashes of the plain files") {
  const std::string text = index_text({index_entry("a.mds", 1, 1)});
  std::string hashed = text;
  const std::string none = R"("hashes": {})";
  hashed.replace(hashed.find(none), none.size(),
                 R"("hashes": {"sha1": "00ff", "xxh64": "0123456789abcdef", "odd": 3})");
  const auto parse = [](const std::string& json) {
    auto index = millrace::parse_mds_index(
        {reinterpret_cast<const std::uint8_t*>(json.data()), json.size()});
    REQUIRE(index.has_value());
    return index->shards().at(0).hashes;
  };
  CHECK(parse(text).empty());
  CHECK(parse(hashed) == std::vector<std::pair<std::string, std::string>>{
                             {"sha1", "00ff"}, {"xxh64", "0123456789abcdef"}});
}

TEST_CASE("an index.json of something else is not taken for one of MDS, a broken one is named") {
  const ScratchFolder folder;
  CHECK_FALSE(millrace::is_mds_folder(folder.path("")));
  folder.write("index.json", R"({"__kind__": "wids-shard-index-v1", "shardlist": []})");
  CHECK_FALSE(millrace::is_mds_folder(folder.path("")));
  const std::string whole = index_text({index_entry("a.mds", 10, 1)});
  const auto error_of = [&](const std::string& text) {
    const std::string path = folder.write("index.json", text);
    CHECK(millrace::is_mds_folder(folder.path("")));
    const auto shards = millrace::mds_shards(folder.path(""));
    REQUIRE_FALSE(shards);
    CHECK(shards.error().reason == Reason::damaged_shard);
    CHECK(std::filesystem::path(shards.error().shard) == std::filesystem::path(path));
    return shards.error().message;
  };
  CHECK(error_of(whole.substr(0, whole.size() - 5)).starts_with("no valid JSON"));
  CHECK(error_of(index_text({index_entry("../a.mds", 10, 1)})) ==
        "shard 0: the file '../a.mds' lies outside of the folder");
  CHECK(error_of(index_text({index_entry("/etc/a.mds", 10, 1)})) ==
        "shard 0: the file '/etc/a.mds' lies outside of the folder");
  CHECK(error_of(
            index_text({index_entry("a.mds", 10, ~std::size_t{0}), index_entry("b.mds", 10, 1)})) ==
        "the shards have more than 2^64 samples");
  const std::string sizes =
      R"("column_encodings": ["int"], "column_names": ["a"], "column_sizes": [4])";
  CHECK(error_of(index_text({index_entry("a.mds", 10, 1, "null", sizes)})) ==
        "shard 0: column 'a' (int) must have 8 bytes a value");
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    const std::string cut = whole.substr(0, size);
    CHECK_FALSE(millrace::parse_mds_index(millrace::test::bytes_of(cut)));
  }
}

TEST_CASE("an MDS shard cut at any byte gives the whole samples, and an error for each lost one") {
  const ScratchFolder folder;
  const std::string bytes = shard_bytes(three_samples());
  folder.write("index.json", index_text({index_entry("a.mds", bytes.size(), 3)}));
  const auto whole = millrace::test::read_all(*opened(folder.write("a.mds", bytes)));
  REQUIRE(whole.samples.size() == 3);
  const std::size_t table = 4 * 5;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    const auto shard = millrace::open_shard(folder.write("a.mds", bytes.substr(0, size)));
    if (!shard) {
      CHECK(size < table);
      CHECK(shard.error().reason == Reason::damaged_shard);
      CHECK(shard.error().shard == folder.path("a.mds"));
      continue;
    }
    const auto index = (*shard)->index();
    REQUIRE(index);
    CHECK(index->sample_offsets == whole.index.sample_offsets);
    Sample sample;
    std::uint64_t lost = 0;
    for (const std::uint64_t offset : index->sample_offsets) {
      const auto read = (*shard)->read(offset, sample);
      if (read) continue;
      ++lost;
      CHECK(read.error().offset_bytes == offset);
      CHECK(read.error().reason == Reason::damaged_shard);
    }
    CHECK(lost == index->damaged);
    CHECK(lost >= 1);
  }
}

TEST_CASE("a compressed MDS shard that is cut says so with each lost sample's error, or at open") {
  const ScratchFolder folder;
  const std::string bytes = shard_bytes(three_samples());
  const std::string packed = millrace::test::compressed("gzip", bytes);
  for (std::size_t size = 20; size < packed.size(); ++size) {
    const auto shard = millrace::open_shard(folder.write("a.mds.gz", packed.substr(0, size)));
    if (!shard) {
      CHECK(shard.error().message.find("; gzip: the data ends too early") != std::string::npos);
      continue;
    }
    const auto index = (*shard)->index();
    CHECK(index->damaged >= 1);
    Sample sample;
    const auto last = (*shard)->read(index->sample_offsets.back(), sample);
    REQUIRE_FALSE(last);
    CHECK(last.error().message.find("gzip: the data ends too early") != std::string::npos);
  }
}

TEST_CASE("counts, offsets and sizes that cannot be are damage, and nothing is read by them") {
  const ScratchFolder folder;
  const std::string good = shard_bytes(three_samples());
  const auto open_error = [&](std::string bytes) {
    const auto shard = millrace::open_shard(folder.write("a.mds", bytes));
    REQUIRE_FALSE(shard);
    CHECK(shard.error().reason == Reason::damaged_shard);
    return shard.error().message;
  };
  const auto with = [&good](std::size_t at, std::uint64_t value) {
    return std::string(good).replace(at, 4, le32(value));
  };
  CHECK(open_error(with(0, 0xffff'ffff)).starts_with("the offsets of 4294967295 samples need"));
  CHECK(open_error(with(4, 3)) ==
        "the first sample begins at byte 3, inside of the table of offsets");
  CHECK(open_error(with(4, good.size() + 1)).starts_with("the config is cut"));

  // The second sample ends before it begins: it and the third are lost.
  const auto content = millrace::test::read_all(*opened(folder.write("a.mds", with(12, 30))));
  CHECK(content.samples.size() == 1);
  REQUIRE(content.errors.size() == 1);
  CHECK(content.errors[0].message.find("it and the 1 behind it are lost") != std::string::npos);

  const auto behind = millrace::test::read_all(*opened(folder.write("a.mds", good + "more")));
  CHECK(behind.samples.size() == 3);
  REQUIRE(behind.errors.size() == 1);
  CHECK(behind.errors[0].message == "4 bytes follow the last sample");

  const std::size_t first = good.find(three_samples()[0]);
  for (const std::uint64_t size :
       {std::uint64_t{4}, std::uint64_t{2}, std::uint64_t{0xffff'ffff}}) {
    const auto wrong = opened(folder.write("a.mds", with(first, size)));
    Sample sample;
    const auto read = wrong->read(first, sample);
    REQUIRE_FALSE(read);
    CHECK(read.error().reason == Reason::damaged_shard);
    CHECK(read.error().offset_bytes == first);
    CHECK(wrong->read(wrong->index()->sample_offsets[1], sample));
  }
  CHECK_FALSE(opened(folder.write("a.mds", good))->read(first + 1, *std::make_unique<Sample>()));
}

TEST_CASE("an index.json that contradicts its shard is an error, not another dataset") {
  const ScratchFolder folder;
  const std::string bytes = shard_bytes(three_samples());
  folder.write("a.mds", bytes);
  const auto message = [&](const std::string& entry) {
    folder.write("index.json", index_text({entry}));
    const auto shard = millrace::open_shard(folder.path("a.mds"));
    REQUIRE_FALSE(shard);
    CHECK(shard.error().reason == Reason::damaged_shard);
    return shard.error().message;
  };
  CHECK(message(index_entry("a.mds", bytes.size(), 4)) ==
        "index.json gives it 4 samples, its header 3");
  CHECK(message(index_entry("a.mds", bytes.size() + 9, 3))
            .starts_with("index.json gives it " + std::to_string(bytes.size() + 9)));
  const std::string other =
      R"("column_encodings": ["bytes"], "column_names": ["a"], "column_sizes": [null])";
  CHECK(message(index_entry("a.mds", bytes.size(), 3, "null", other)) ==
        "index.json gives it other columns than its own config");
}

TEST_CASE("reading MDS allocates nothing once the sample's buffers have grown") {
  const ScratchFolder folder;
  const auto shard = opened(folder.write("a.mds", shard_bytes(three_samples())));
  millrace::test::check_reading_allocates_nothing(*shard, 3);
}

}  // namespace
