#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "compressor.h"
#include "golden_samples.h"
#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/shard.h"
#include "reference_data.h"

namespace {

using millrace::test::golden_samples;
using millrace::test::PlainSample;
using millrace::test::read_all;
using millrace::test::ShardContent;
using simdjson::dom::element;

using Names = std::set<std::string>;
using Keys = std::vector<std::pair<std::string, Names>>;

Keys keys_of(const std::vector<PlainSample>& samples) {
  Keys keys;
  for (const PlainSample& sample : samples) {
    keys.emplace_back(sample.key, Names{});
    for (const auto& field : sample.fields) keys.back().second.insert(field.first);
  }
  return keys;
}

// Where our rules differ from webdataset's by design: what such a file gives instead.
const std::map<std::string, Keys>& own_rules() {
  static const std::map<std::string, Keys> rules = {
      // A hard link with a payload: webdataset takes the payload for a header and ends there.
      {"links_pax_hardlink_data.tar", {{"s6", {"txt"}}}},
      // Apple members are passed over, reserved extensions too (webdataset raises).
      {"names_meta.tar",
       {{"__meta__", {"json"}},
        {"__x__", {"jpg"}},
        {"a__b__/c", {"jpg"}},
        {"1", {"jpg"}},
        {"sub/__x__/d", {"jpg"}},
        {"__y/e", {"jpg"}},
        {"__key__", {"jpg"}},
        {"f", {"jpg"}}}},
      {"names_macosx_interleaved.tar",
       {{"s0", {"jpg", "txt"}},
        {"s1", {"jpg", "txt"}},
        {"s2", {"jpg", "txt"}},
        {"s3", {"jpg", "txt"}}}},
      // The prefix field is a prefix only with POSIX's magic.
      {"names_prefix_gnu_magic.tar", {{"c", {"jpg", "txt"}}}},
      {"names_no_magic_prefix.tar", {{"c", {"jpg", "txt"}}}},
      // A global path renames nothing.
      {"pax_global.tar", {{"a", {"jpg", "txt"}}, {"b", {"jpg"}}}},
      // A PAX record that is longer than its header is damage, and the member's name is lost with
      // it.
      {"pax_bad_length.tar", {}},
      // A negative size is damage, not an empty file.
      {"size_bad_negative_base256.tar", {{"a", {"jpg", "txt"}}}},
      {"size_bad_minus_octal.tar", {{"a", {"jpg", "txt"}}}},
      // A repeated extension begins a new sample.
      {"group_duplicate_ext.tar",
       {{"a", {"jpg", "txt"}}, {"a", {"jpg", "txt"}}, {"b", {"jpg", "txt"}}}},
      {"group_duplicate_case.tar", {{"a", {"jpg"}}, {"a", {"jpg"}}, {"b", {"jpg"}}}},
  };
  return rules;
}

// Damage that webdataset does not see and whose row does not say so.
const Names& unseen_damage() {
  static const Names files = {
      "pax_bad_length.tar",
      "size_bad_letters.tar",
      "size_bad_negative_base256.tar",
      "size_bad_minus_octal.tar",
      "nodetar__test.fixtures.tars.bad-cksum.tar",
      // A second archive behind the first one's end.
      "end_second_archive_after.tar",
      "libarchive__test_read_format_tar_concatenated.tar",
      // No end marker: a shard cut between members looks the same.
      "end_no_zero_blocks.tar",
      "nodetar__test.fixtures.tars.links-strip.tar",
      "nodetar__test.fixtures.tars.long-pax.tar",
      "tarrs__tests.archives.empty_filename.tar",
  };
  return files;
}

// webdataset raises here for want of our rules, not because the file is damaged.
const Names& intact_though_webdataset_raises() {
  static const Names files = {"names_meta.tar", "pax_global.tar", "group_duplicate_ext.tar",
                              "group_duplicate_case.tar"};
  return files;
}

// Cut, with a wrong checksum, or with something else behind it.
const Names& damaged_compression() {
  static const Names files = {
      "comp_trunc60.tar.gz",      "comp_trunc60.tar.bz2",      "comp_trunc60.tar.xz",
      "comp_trunc60.tar.zst",     "comp_trunc_minus4.tar.gz",  "comp_trunc_minus4.tar.bz2",
      "comp_trunc_minus4.tar.xz", "comp_trunc_minus4.tar.zst", "comp_noise_after.tar.gz",
      "comp_noise_after.tar.bz2", "comp_noise_after.tar.xz",   "comp_noise_after.tar.zst",
      "comp_bitflip.tar.gz",      "comp_bitflip.tar.bz2",      "comp_bitflip.tar.xz",
      "comp_crc_bad.tar.gz",
  };
  return files;
}

// The samples of the shard that most others were made from.
std::vector<PlainSample> intact_samples(const std::filesystem::path& zoo) {
  const auto intact = millrace::open_shard((zoo / "intact.tar").string());
  REQUIRE(intact);
  return read_all(**intact).samples;
}

struct ZooFile {
  std::string path;
  std::string compression;  // empty: none
};

// Calls `check` with each file of the zoo, its name and its row of the manifest.
void for_each_zoo_file(
    const std::filesystem::path& zoo,
    const std::function<void(const ZooFile& of, const std::string& file, element row)>& check) {
  millrace::test::for_each_zoo_row(zoo / "manifest.jsonl", [&](element row) {
    const std::string file{std::string_view(row["file"])};
    CAPTURE(file);
    const std::string path = (zoo / file).string();
    const auto bytes = millrace::map_file(path);
    REQUIRE(bytes);
    check({path, std::string(millrace::compression_of((*bytes)->bytes()))}, file, row);
  });
}

bool is_true(simdjson::simdjson_result<element> value) {
  bool truth = false;
  return value.get(truth) == simdjson::SUCCESS && truth;
}

bool raises(element row) { return row["webdataset"]["error_type"].error() == simdjson::SUCCESS; }

bool begins_with(const std::vector<PlainSample>& all, const std::vector<PlainSample>& some) {
  return some.size() <= all.size() && std::equal(some.begin(), some.end(), all.begin());
}

// Each sample is one of the parent's, in order; the last one may lack its later fields.
bool comes_from(const std::vector<PlainSample>& samples, const std::vector<PlainSample>& parent) {
  if (samples.empty()) return true;
  if (samples.size() > parent.size()) return false;
  const std::size_t last = samples.size() - 1;
  return std::equal(samples.begin(), samples.end() - 1, parent.begin()) &&
         samples[last].key == parent[last].key &&
         std::includes(parent[last].fields.begin(), parent[last].fields.end(),
                       samples[last].fields.begin(), samples[last].fields.end());
}

TEST_CASE("every shard of the zoo gives webdataset's samples, and every loss is reported") {
  const auto data = millrace::test::reference_data("tar zoo");
  if (!data) return;
  const auto zoo = *data / "tar_zoo";
  const std::vector<PlainSample> parent = intact_samples(zoo);
  std::size_t read = 0;
  for_each_zoo_file(zoo, [&](const ZooFile& of, const std::string& file, element row) {
    if (!of.compression.empty()) return;
    const auto shard = millrace::open_shard(of.path);
    REQUIRE(shard);
    ++read;
    const ShardContent content = read_all(**shard);
    CHECK(content.index.damaged == content.errors.size());
    for (const millrace::Error& error : content.errors) {
      CHECK(error.reason == millrace::Reason::damaged_shard);
    }

    const bool lossy = unseen_damage().contains(file) ||
                       is_true(row["webdataset_silently_short"]) ||
                       (raises(row) && !intact_though_webdataset_raises().contains(file));
    CHECK(content.errors.size() == (lossy ? 1 : 0));

    const std::vector<PlainSample> golden = golden_samples(row["webdataset"]);
    if (const auto rule = own_rules().find(file); rule != own_rules().end()) {
      CHECK(keys_of(content.samples) == rule->second);
    } else if (raises(row)) {
      // webdataset raises before it gives the sample that was complete.
      CHECK(begins_with(content.samples, golden));
    } else {
      CHECK(content.samples == golden);
    }
    std::string_view made_from;
    if (lossy && row["made_from"].get(made_from) == simdjson::SUCCESS &&
        made_from == "intact.tar" && !file.starts_with("damage_512") &&
        !file.starts_with("damage_100")) {
      CHECK(comes_from(content.samples, parent));
    }
  });
  CHECK(read > 150);
}

TEST_CASE("every compressed shard of the zoo is read whole, and every loss is reported") {
  const auto data = millrace::test::reference_data("compressed tars");
  if (!data) return;
  const auto zoo = *data / "tar_zoo";
  const std::vector<PlainSample> parent = intact_samples(zoo);
  std::size_t read = 0;
  for_each_zoo_file(zoo, [&](const ZooFile& of, const std::string& file, element row) {
    if (of.compression.empty()) return;
    const auto shard = millrace::open_shard(of.path);
    if (of.compression == "lzop") {
      REQUIRE_FALSE(shard);
      CHECK(shard.error().reason == millrace::Reason::io_error);
      CHECK(shard.error().message == "compression with lzop is not read; decompress it first");
      return;
    }
    REQUIRE(shard);
    ++read;
    const ShardContent content = read_all(**shard);
    CHECK(content.index.damaged == content.errors.size());
    std::string_view made_from;
    if (row["made_from"].get(made_from) != simdjson::SUCCESS) {
      const auto plain = millrace::tar_shard(
          millrace::memory_source("plain", millrace::test::decompressed(of.path)));
      const ShardContent expected = read_all(*plain);
      CHECK(content.samples == expected.samples);
      CHECK(content.index.sample_offsets == expected.index.sample_offsets);
      CHECK(content.errors.size() == expected.errors.size());
      return;
    }
    REQUIRE(made_from == "intact.tar");
    const bool lossy = damaged_compression().contains(file);
    REQUIRE(content.errors.size() == (lossy ? 1 : 0));
    if (lossy) {
      CHECK(content.errors[0].reason == millrace::Reason::damaged_shard);
      CHECK(content.errors[0].message.find(of.compression + ": ") != std::string::npos);
    }
    if (!raises(row)) {
      CHECK(content.samples == golden_samples(row["webdataset"]));
    } else if (lossy) {
      CHECK(comes_from(content.samples, parent));
    } else if (file == "comp_bitflip.tar.zst") {
      // A frame without a checksum: nothing tells its bytes from right ones.
      CHECK(keys_of(content.samples) == keys_of(parent));
    } else {
      CHECK(content.samples == parent);
    }
  });
  CHECK(read > 40);
}

TEST_CASE("a key never spans two shards") {
  const auto data = millrace::test::reference_data("several shards in a run");
  if (!data) return;
  const auto zoo = *data / "tar_zoo";
  millrace::test::for_each_zoo_row(zoo / "multi_shard.jsonl", [&](element row) {
    std::vector<PlainSample> samples;
    std::size_t errors = 0;
    bool unopened = false;
    std::string shards;
    for (const element name : simdjson::dom::array(row["shards"])) {
      shards += std::string(std::string_view(name)) + " ";
      const auto shard = millrace::open_shard((zoo / std::string_view(name)).string());
      if (!shard) {
        unopened = true;
        continue;
      }
      const ShardContent content = read_all(**shard);
      samples.insert(samples.end(), content.samples.begin(), content.samples.end());
      errors += content.errors.size();
    }
    CAPTURE(shards);
    if (raises(row)) {
      CHECK((errors > 0 || unopened ||
             intact_though_webdataset_raises().contains(
                 std::string(std::string_view(row["shards"].at(0))))));
      CHECK(begins_with(samples, golden_samples(row["webdataset"])));
    } else if (!unopened) {
      for (const PlainSample& sample : golden_samples(row["webdataset"])) {
        CHECK(std::find(samples.begin(), samples.end(), sample) != samples.end());
      }
    }
  });
}

TEST_CASE("the photos are where the manifest says, byte for byte") {
  const auto data = millrace::test::reference_data("photos");
  if (!data) return;
  std::map<std::string, std::shared_ptr<const millrace::Shard>> shards;
  std::map<std::string, millrace::ShardIndex> indexes;
  for (const std::string name : {"photos-000000.tar", "photos-000001.tar"}) {
    const auto shard = millrace::open_shard((*data / "photos" / name).string());
    REQUIRE(shard);
    shards[name] = *shard;
    indexes[name] = *(*shard)->index();
    CHECK(indexes[name].damaged == 0);
  }
  std::map<std::string, std::size_t> seen;
  millrace::Sample sample;
  const std::size_t rows =
      millrace::test::for_each_json_line(*data / "photos" / "manifest.jsonl", [&](element row) {
        const std::string name{std::string_view(row["shard"])};
        const std::uint64_t offset = indexes[name].sample_offsets.at(seen[name]++);
        CHECK(offset == std::uint64_t(row["members"]["jpg"]["header"]));
        REQUIRE(shards[name]->read(offset, sample));
        CHECK(sample.key() == std::string_view(row["key"]));
        CHECK(sample.fields().size() == 3);
        const auto* begin = shards[name]->source().bytes().data();
        for (const std::string_view field : {"jpg", "json", "txt"}) {
          const millrace::Field* found = sample.find(field);
          REQUIRE(found != nullptr);
          CHECK(found->data.data() - begin == std::int64_t(row["members"][field]["data"]));
          CHECK(found->data.size() == std::uint64_t(row["members"][field]["size"]));
        }
        const auto jpg = sample.find("jpg")->data;
        CHECK(millrace::test::sha256_hex(jpg.data(), jpg.size()) ==
              std::string_view(row["jpg_sha256"]));
        const auto json = sample.find("json")->data;
        CHECK(millrace::test::sha256_hex(json.data(), json.size()) ==
              std::string_view(row["json_sha256"]));
        const auto txt = sample.find("txt")->data;
        CHECK(std::string(txt.begin(), txt.end()) == std::string_view(row["caption"]));
      });
  CHECK(rows == indexes["photos-000000.tar"].sample_offsets.size() +
                    indexes["photos-000001.tar"].sample_offsets.size());
}

}  // namespace
