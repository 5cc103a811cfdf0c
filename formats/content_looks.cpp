#include "millrace/formats/content_looks.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "millrace/formats/plain_text.h"

namespace millrace {

namespace {

constexpr std::size_t kLookedAt = 4096;

struct Magic {
  std::string_view bytes;
  std::string_view what;
};

using namespace std::string_view_literals;

constexpr std::array<Magic, 12> kMagics = {{
    {"PK\x03\x04"sv, "a zip archive; unpack it"},
    {"7z\xbc\xaf"sv, "a 7z archive; unpack it"},
    {"Rar!"sv, "a RAR archive; unpack it"},
    {"\x89HDF"sv, "HDF5"},
    {"\x93NUMPY"sv, "a NumPy array"},
    {"SQLite format 3"sv, "an SQLite database"},
    {"%PDF"sv, "a PDF document"},
    {"\xff\xd8\xff"sv, "a JPEG image; of images name the folder"},
    {"\x89PNG"sv, "a PNG image; of images name the folder"},
    {"GIF8"sv, "a GIF image; of images name the folder"},
    {"<"sv, "XML or HTML"},
    {"\x80\x04"sv, "a Python pickle"},
}};

bool is_text_byte(std::uint8_t byte) {
  return byte >= ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

}  // namespace

bool is_utf16(std::span<const std::uint8_t> bytes) {
  const std::string_view text = as_text(bytes);
  return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
}

std::string looks_of(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return "nothing: it is empty";
  if (is_utf16(bytes)) {
    return "UTF-16, which is not read; convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW";
  }
  std::string_view text = as_text(bytes.first(std::min(bytes.size(), kLookedAt)));
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return std::string(magic.what);
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "white space";
  if (text[begin] == '[') {
    return "a JSON array; JSON lines have one object a line: jq -c '.[]' FILE > FILE.jsonl";
  }
  if (text[begin] == '{') {
    return "a JSON document, none of COCO's or Karpathy's captions; JSON lines have one object a "
           "line";
  }
  const bool is_text = std::all_of(
      text.begin(), text.end(), [](char c) { return is_text_byte(static_cast<std::uint8_t>(c)); });
  return is_text ? "text" : "binary data";
}

}  // namespace millrace
