#include "pack/packed_keys.h"

#include <algorithm>
#include <array>
#include <utility>

#include "millrace/formats/index/shard_catalog.h"
#include "millrace/formats/plain_text.h"
#include "printable_text.h"

namespace millrace::cli {

namespace {

constexpr std::array<std::string_view, 12> kImageEndings = {
    "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "jfif", "avif", "heic", "heif"};

std::string printable_only(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_character_bytes(text.substr(i));
    const auto c = static_cast<unsigned char>(text[i]);
    if (length == 0 || c < 0x20 || c == 0x7F || c == '\\') {
      result += '_';
    } else {
      result += text.substr(i, length);
    }
    i += std::max<std::size_t>(length, 1);
  }
  return result;
}

bool is_reserved(std::string_view part) {
  return part.size() >= 4 && part.starts_with("__") && part.ends_with("__");
}

std::string_view without_image_ending(std::string_view part) {
  const std::size_t dot = part.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return part;
  const std::string ending = lower(part.substr(dot + 1));
  const bool known =
      std::find(kImageEndings.begin(), kImageEndings.end(), ending) != kImageEndings.end();
  return known ? part.substr(0, dot) : part;
}

}  // namespace

std::string safe_key(std::string_view key) {
  const std::string clean = printable_only(key);
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= clean.size();) {
    const std::size_t end = std::min(clean.find('/', begin), clean.size());
    const std::string part = clean.substr(begin, end - begin);
    begin = end + 1;
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
  }
  if (parts.empty()) return "_";
  std::string& last = parts.back();
  last = std::string(without_image_ending(last));
  std::replace(last.begin(), last.end(), '.', '_');
  std::string result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool reserved = i == 0 && parts.size() > 1 && is_reserved(parts[i]);
    if (i > 0) result += '/';
    if (reserved || parts[i] == "__MACOSX") result += 'x';
    result += parts[i];
  }
  return result;
}

std::string safe_extension(std::string_view extension) {
  std::string result = lower(printable_only(extension));
  std::replace(result.begin(), result.end(), '/', '_');
  // With a key that begins with `__` the whole name may look reserved, too.
  return result.ends_with("__") ? "x" + result + "x" : result;
}

bool UniqueKeys::insert(std::uint64_t hash) {
  if ((count_ + 1) * 2 > slots_.size()) grow();
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] != 0) {
    if (slots_[slot] == hash) return false;
    slot = (slot + 1) & (slots_.size() - 1);
  }
  slots_[slot] = hash;
  ++count_;
  return true;
}

void UniqueKeys::grow() {
  const std::vector<std::uint64_t> before =
      std::exchange(slots_, std::vector<std::uint64_t>(slots_.size() * 2));
  count_ = 0;
  for (const std::uint64_t hash : before) {
    if (hash != 0) insert(hash);
  }
}

bool UniqueKeys::make_unique(std::string& key) {
  const std::uint64_t hash = key_hash(key);
  if (insert(hash)) return false;
  std::string candidate;
  // Where a number was free the last time, the ones before it are taken still.
  std::uint64_t& number = last_number_[hash];
  do {
    candidate = key + "_" + std::to_string(++number);
  } while (!insert(key_hash(candidate)));
  key = std::move(candidate);
  return true;
}

}  // namespace millrace::cli
