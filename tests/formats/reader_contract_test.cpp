// What holds for every reader, over a small dataset of each format.

#include "reader_contract.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <doctest/doctest.h>

#include "tar_writer.h"

namespace {

using millrace::test::check_contract;
using millrace::test::make_tar;
using millrace::test::Specimen;
using millrace::test::TemporaryFolder;
using millrace::test::write_file;

constexpr std::size_t kSamples = 5;

std::string number(std::size_t i) { return "00" + std::to_string(i); }
std::string image_name(std::size_t i) { return number(i) + ".jpg"; }
std::string image_bytes(std::size_t i) {
  return "image " + number(i) + std::string(40 * i, static_cast<char>('a' + i));
}

// The images that rows name, below `folder`/images.
void write_images(const TemporaryFolder& folder) {
  for (std::size_t i = 0; i < kSamples; ++i) {
    write_file(folder / ("images/" + image_name(i)), image_bytes(i));
  }
}

std::string tar_bytes() {
  millrace::test::TarMembers members;
  for (std::size_t i = 0; i < kSamples; ++i) {
    members.emplace_back(image_name(i), image_bytes(i));
    members.emplace_back(number(i) + ".txt", "caption " + number(i));
  }
  return make_tar(members);
}

// `bytes` as one compressed file, by libarchive.
std::string packed(const std::string& bytes, int (*add_filter)(archive*)) {
  std::string result(bytes.size() + 65'536, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  REQUIRE(archive_write_set_format_raw(writer) == ARCHIVE_OK);
  REQUIRE(add_filter(writer) == ARCHIVE_OK);
  archive_write_set_bytes_in_last_block(writer, 1);  // no padding behind the stream
  REQUIRE(archive_write_open_memory(writer, result.data(), result.size(), &used) == ARCHIVE_OK);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_pathname(entry, "data");
  REQUIRE(archive_write_header(writer, entry) == ARCHIVE_OK);
  REQUIRE(archive_write_data(writer, bytes.data(), bytes.size()) ==
          static_cast<la_ssize_t>(bytes.size()));
  archive_entry_free(entry);
  REQUIRE(archive_write_close(writer) == ARCHIVE_OK);
  archive_write_free(writer);
  result.resize(used);
  return result;
}

Specimen file_specimen(const TemporaryFolder& folder, const std::string& format,
                       const std::string& name, const std::string& content) {
  Specimen specimen;
  specimen.format = format;
  specimen.path = folder / name;
  specimen.file = specimen.path;
  specimen.samples = kSamples;
  write_file(specimen.path, content);
  return specimen;
}

// A text that stops where a line does is a right one; so is one that lacks only its last line feed.
bool stops_with_a_line(const std::string& bytes, std::size_t length) {
  return length == 0 || bytes[length - 1] == '\n' || bytes[length] == '\n' ||
         (bytes[length] == '\r' && bytes[length + 1] == '\n');
}

std::string json_lines() {
  std::string lines;
  for (std::size_t i = 0; i < kSamples; ++i) {
    lines += R"({"image_id": ")" + number(i) + R"(", "image_path": "images/)" + image_name(i) +
             R"(", "texts": ["caption )" + number(i) + R"(", "another\n\u00e9"], "quality": 0.)" +
             std::to_string(i) + "}" + (i % 2 == 0 ? "\n" : "\r\n\n");
  }
  return lines;
}

TEST_CASE("tar shards keep the contract of readers") {
  const TemporaryFolder folder;
  check_contract(file_specimen(folder, "tar", "specimen.tar", tar_bytes()));
}

TEST_CASE("compressed tar shards keep the contract of readers") {
  const TemporaryFolder folder;
  SUBCASE("gzip") {
    check_contract(file_specimen(folder, "tar.gz", "specimen.tar.gz",
                                 packed(tar_bytes(), archive_write_add_filter_gzip)));
  }
  SUBCASE("bzip2") {
    check_contract(file_specimen(folder, "tar.bz2", "specimen.tar.bz2",
                                 packed(tar_bytes(), archive_write_add_filter_bzip2)));
  }
  SUBCASE("xz") {
    check_contract(file_specimen(folder, "tar.xz", "specimen.tar.xz",
                                 packed(tar_bytes(), archive_write_add_filter_xz)));
  }
  SUBCASE("zstd") {
    check_contract(file_specimen(folder, "tar.zst", "specimen.tar.zst",
                                 packed(tar_bytes(), archive_write_add_filter_zstd)));
  }
}

TEST_CASE("JSON lines keep the contract of readers") {
  const TemporaryFolder folder;
  write_images(folder);
  SUBCASE("plain") {
    Specimen specimen = file_specimen(folder, "jsonl", "specimen.jsonl", json_lines());
    specimen.may_end = stops_with_a_line;
    check_contract(specimen);
  }
  SUBCASE("compressed") {
    check_contract(file_specimen(folder, "jsonl.gz", "specimen.jsonl.gz",
                                 packed(json_lines(), archive_write_add_filter_gzip)));
  }
  SUBCASE("with images in tars") {
    write_file(folder / "tars/images.tar", tar_bytes());
    std::string lines;
    for (std::size_t i = 0; i < kSamples; ++i) {
      lines += R"({"image": ")" + image_name(i) + "\"}\n";
    }
    Specimen specimen = file_specimen(folder, "jsonl", "specimen.jsonl", lines);
    specimen.options.image_tars = {folder / "tars/images.tar"};
    specimen.may_end = stops_with_a_line;
    check_contract(specimen);
  }
}

TEST_CASE("CSV and TSV keep the contract of readers") {
  const TemporaryFolder folder;
  write_images(folder);
  const auto rows = [](char separator) {
    std::string text = std::string("filepath") + separator + "title\n";
    for (std::size_t i = 0; i < kSamples; ++i) {
      text += "images/" + image_name(i) + separator;
      // The last cell has quotes as well, so that a file that ends within it shows.
      text +=
          i % 2 == 0 ? "\"a \"\"quoted\"\"\ncaption " + number(i) + "\"\n" : "plain caption\r\n";
    }
    return text;
  };
  for (const char separator : {',', '\t'}) {
    const std::string name = separator == ',' ? "specimen.csv" : "specimen.tsv";
    SUBCASE(name.c_str()) {
      Specimen specimen = file_specimen(folder, "csv", name, rows(separator));
      specimen.last_may_differ = true;  // an unquoted cell may end anywhere
      specimen.may_end = [](const std::string&, std::size_t) { return true; };
      check_contract(specimen);
    }
  }
}

TEST_CASE("COCO captions keep the contract of readers") {
  const TemporaryFolder folder;
  write_images(folder);
  std::string images;
  std::string annotations;
  for (std::size_t i = 0; i < kSamples; ++i) {
    images += (i > 0 ? ", " : "") + std::string(R"({"id": )") + std::to_string(7 * i + 1) +
              R"(, "file_name": "images/)" + image_name(i) + R"("})";
    for (std::size_t j = 0; j <= i % 3; ++j) {
      annotations += (annotations.empty() ? "" : ", ") + std::string(R"({"image_id": )") +
                     std::to_string(7 * i + 1) + R"(, "caption": "caption )" + std::to_string(j) +
                     R"("})";
    }
  }
  check_contract(file_specimen(
      folder, "coco", "specimen.json",
      R"({"info": {}, "images": [)" + images + R"(], "annotations": [)" + annotations + "]}\n"));
}

TEST_CASE("Flickr30k captions keep the contract of readers") {
  const TemporaryFolder folder;
  write_images(folder);
  SUBCASE("token file") {
    std::string lines;
    for (std::size_t i = 0; i < kSamples; ++i) {
      for (int j = 0; j < 3; ++j) {
        lines += "images/" + image_name(i) + "#" + std::to_string(j) + "\tcaption " +
                 std::to_string(j) + "\n";
      }
    }
    Specimen specimen = file_specimen(folder, "flickr30k", "specimen.token", lines);
    specimen.last_may_differ = true;
    specimen.may_end = [](const std::string&, std::size_t) { return true; };
    check_contract(specimen);
  }
  SUBCASE("CSV with bars") {
    std::string lines = "image_name| comment_number| comment\n";
    for (std::size_t i = 0; i < kSamples; ++i) {
      for (int j = 0; j < 3; ++j) {
        lines += "images/" + image_name(i) + "| " + std::to_string(j) + "| caption " +
                 std::to_string(j) + " .\n";
      }
    }
    Specimen specimen = file_specimen(folder, "flickr30k", "specimen.csv", lines);
    specimen.last_may_differ = true;
    specimen.may_end = [](const std::string&, std::size_t) { return true; };
    check_contract(specimen);
  }
  SUBCASE("Karpathy's JSON") {
    std::string images;
    for (std::size_t i = 0; i < kSamples; ++i) {
      images += (i > 0 ? ", " : "") + std::string(R"({"filename": "images/)") + image_name(i) +
                R"(", "imgid": )" + std::to_string(i) +
                R"(, "sentences": [{"raw": "one"}, {"raw": "two"}], "split": "train"})";
    }
    check_contract(file_specimen(folder, "flickr30k", "specimen.json",
                                 R"({"images": [)" + images + R"(], "dataset": "flickr30k"})"));
  }
}

TEST_CASE("folders of images keep the contract of readers") {
  const TemporaryFolder folder;
  write_images(folder);
  for (std::size_t i = 0; i < kSamples; ++i) {
    write_file(folder / ("images/" + number(i) + ".txt"), "caption " + number(i));
  }
  Specimen specimen;
  specimen.format = "images";
  specimen.path = folder / "images";
  specimen.samples = kSamples;
  check_contract(specimen);
}

void append_number(std::string& bytes, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xff);
}

// One shard of MosaicML's form: count, offsets, the configuration, the samples.
std::string mds_bytes() {
  const std::string config =
      R"({"column_encodings": ["str", "bytes"], "column_names": ["caption", "jpg"], )"
      R"("column_sizes": [null, null], "compression": null, "format": "mds", "hashes": [], )"
      R"("size_limit": 67108864, "version": 2})";
  std::vector<std::string> samples;
  for (std::size_t i = 0; i < kSamples; ++i) {
    const std::string caption = "caption " + number(i);
    std::string sample;
    append_number(sample, static_cast<std::uint32_t>(caption.size()));
    append_number(sample, static_cast<std::uint32_t>(image_bytes(i).size()));
    samples.push_back(sample + caption + image_bytes(i));
  }
  std::string bytes;
  append_number(bytes, kSamples);
  auto at = static_cast<std::uint32_t>(4 + 4 * (kSamples + 1) + config.size());
  append_number(bytes, at);
  for (const std::string& sample : samples) {
    at += static_cast<std::uint32_t>(sample.size());
    append_number(bytes, at);
  }
  bytes += config;
  for (const std::string& sample : samples) bytes += sample;
  return bytes;
}

Specimen mds_specimen(const TemporaryFolder& folder, bool zipped) {
  const std::string bytes = mds_bytes();
  const std::string content = zipped ? packed(bytes, archive_write_add_filter_zstd) : bytes;
  const auto info = [](const std::string& name, std::size_t size) {
    return R"({"basename": ")" + name + R"(", "bytes": )" + std::to_string(size) +
           R"(, "hashes": {}})";
  };
  write_file(folder / "index.json",
             R"({"version": 2, "shards": [{"column_encodings": ["str", "bytes"], )"
             R"("column_names": ["caption", "jpg"], "column_sizes": [null, null], )"
             R"("compression": )" +
                 std::string(zipped ? R"("zstd:7")" : "null") +
                 R"(, "format": "mds", "hashes": [], "raw_data": )" +
                 info("specimen.mds", bytes.size()) + R"(, "samples": )" +
                 std::to_string(kSamples) +
                 R"(, "size_limit": 67108864, "version": 2, "zip_data": )" +
                 (zipped ? info("specimen.mds.zstd", content.size()) : "null") + "}]}");
  Specimen specimen = file_specimen(folder, zipped ? "mds.zstd" : "mds",
                                    zipped ? "specimen.mds.zstd" : "specimen.mds", content);
  specimen.path = folder.path().string();
  return specimen;
}

TEST_CASE("MDS shards keep the contract of readers") {
  const TemporaryFolder folder;
  SUBCASE("plain") { check_contract(mds_specimen(folder, false)); }
  SUBCASE("compressed") { check_contract(mds_specimen(folder, true)); }
}

}  // namespace
