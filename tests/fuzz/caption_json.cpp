// Any bytes are a COCO document, one of Karpathy's or Flickr30k's lines, or refused: opening and
// reading must end, stay inside the bytes, and account for every entry; and the walk must call JSON
// what simdjson calls JSON.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/json_value.h"
#include "millrace/formats/tables/coco_shard.h"
#include "millrace/formats/tables/flickr30k_shard.h"
#include "millrace/formats/tables/json_text.h"
#include "millrace/formats/tables/json_walk.h"
#include "require.h"
#include "sample_reading.h"

namespace {

using millrace::fuzz::require;

bool is_json(const std::vector<std::uint8_t>& bytes) {
  static const std::vector<std::string> path = {"no such member"};
  static millrace::JsonValueReader reader;
  return reader.find(bytes, path).found != millrace::JsonValueReader::Found::invalid;
}

void check_walk(std::string_view text, const std::vector<std::uint8_t>& bytes) {
  if (text.find('\0') != std::string_view::npos || text.find("\\u") != std::string_view::npos ||
      text.starts_with("\xef\xbb\xbf")) {
    return;  // a lone surrogate in a key is invalid there, because the key is looked at
  }
  millrace::JsonWalk walk(text);
  std::string_view value;
  const bool walked = walk.value(value) && walk.at_end() &&
                      millrace::first_bad_utf8(text) == std::string_view::npos;
  require(walked == is_json(bytes));
}

void check_utf8(std::string_view text) {
  const std::size_t bad = millrace::first_bad_utf8(text);
  if (bad == std::string_view::npos) return;
  require(bad < text.size());
  require(millrace::first_bad_utf8(text.substr(0, bad)) == std::string_view::npos);
  require(millrace::first_bad_utf8(text.substr(bad)) == 0);
}

void check_json(const millrace::Sample& sample) {
  const millrace::Field* json = sample.find("json");
  require(json != nullptr);
  require(is_json({json->data.begin(), json->data.end()}) ||
          std::string_view(reinterpret_cast<const char*>(json->data.data()), json->data.size())
                  .find("\\u") != std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> bytes(data, data + size);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), size);
  check_walk(text, bytes);
  check_utf8(text);
  millrace::ReadOptions options;
  options.fields = std::vector<std::string>{"json"};
  const auto source = millrace::memory_source("fuzz.json", bytes);
  if (const auto shard = millrace::open_coco("fuzz.json", {source, {}, 0}, options)) {
    millrace::fuzz::read_samples(**shard, size, check_json);
  }
  if (const auto shard = millrace::open_flickr30k("fuzz.json", {source, {}, 0}, options)) {
    millrace::fuzz::read_samples(**shard, size, check_json);
  }
  return 0;
}
