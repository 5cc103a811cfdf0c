#include "golden_samples.h"

#include <fstream>
#include <regex>

#include <doctest/doctest.h>

#include "reference_data.h"

namespace millrace::test {

namespace {

// The length of the UTF-8 character at the front, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::string python_text(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length > 0) {
      text += bytes.substr(0, length);
    } else {
      const auto byte = static_cast<unsigned char>(bytes[0]);
      text += "\\udc";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
    bytes.remove_prefix(length > 0 ? length : 1);
  }
  return text;
}

void for_each_zoo_row(const std::filesystem::path& manifest,
                      const std::function<void(simdjson::dom::element)>& row) {
  static const std::regex huge_number(R"(: \d{20,}([,}]))");
  std::ifstream in(manifest);
  REQUIRE(in);
  simdjson::dom::parser parser;
  for (std::string line; std::getline(in, line);) {
    row(parser.parse(std::regex_replace(line, huge_number, ": 0$1")));
  }
}

ShardContent read_all(const Shard& shard) {
  ShardContent content;
  const auto index = shard.index();
  REQUIRE(index.has_value());
  content.index = *index;
  Sample sample;
  std::uint64_t end_of_last = 0;
  for (const std::uint64_t offset : index->sample_offsets) {
    CHECK(offset >= end_of_last);
    const auto read = shard.read(offset, sample);
    if (!read) {
      CHECK(read.error().shard == shard.name());
      CHECK(read.error().offset_bytes == offset);
      CHECK_FALSE(read.error().message.empty());
      content.errors.push_back(read.error());
      continue;
    }
    CHECK(sample.shard() == shard.name());
    CHECK(sample.begin_bytes() == offset);
    CHECK(sample.end_bytes() <= shard.source().bytes().size());
    CHECK_FALSE(sample.fields().empty());
    end_of_last = sample.end_bytes();
    PlainSample plain;
    plain.key = python_text(sample.key());
    for (const Field& field : sample.fields()) {
      const bool added =
          plain.fields
              .emplace(python_text(field.name), sha256_hex(field.data.data(), field.data.size()))
              .second;
      CHECK(added);
    }
    content.samples.push_back(std::move(plain));
  }
  return content;
}

std::vector<PlainSample> golden_samples(simdjson::dom::element webdataset) {
  std::vector<PlainSample> samples;
  for (const simdjson::dom::element golden : simdjson::dom::array(webdataset["samples"])) {
    PlainSample sample;
    sample.key = std::string_view(golden["key"]);
    for (const auto& [extension, sha256] : simdjson::dom::object(golden["fields"])) {
      sample.fields.emplace(extension, std::string_view(sha256));
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace millrace::test
