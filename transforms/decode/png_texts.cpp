#include "millrace/transforms/decode/png_texts.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <zlib.h>

#include "millrace/transforms/decode/exif.h"
#include "millrace/transforms/decode/image_kind.h"
#include "millrace/transforms/decode/png_chunks.h"

namespace millrace {
namespace {

constexpr std::string_view kXmpKey = "XML:com.adobe.xmp";
constexpr std::string_view kExifKey = "exif";
constexpr std::string_view kExifProfileKey = "Raw profile type exif";

enum class Inflated : std::uint8_t { whole, damaged, too_long };

/// Decompresses a text or a profile, and counts its bytes. Of damaged data there are none, as
/// Pillow drops them. `text` may be null.
Inflated inflate_text(std::span<const std::uint8_t> data, std::uint64_t limit_bytes,
                      std::uint64_t& bytes, std::vector<std::uint8_t>* text) {
  bytes = 0;
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return Inflated::damaged;
  stream.next_in = const_cast<Bytef*>(data.data());  // NOLINT: zlib reads only
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(data.size(), UINT32_MAX));
  std::array<std::uint8_t, 16384> out{};
  Inflated outcome = Inflated::whole;
  while (true) {
    const auto room = std::min<std::uint64_t>(out.size(), limit_bytes - bytes);
    if (room == 0) {
      if (stream.avail_in > 0) outcome = Inflated::too_long;
      break;
    }
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_SYNC_FLUSH);
    if (status != Z_OK && status != Z_BUF_ERROR && status != Z_STREAM_END) {
      outcome = Inflated::damaged;
      break;
    }
    const std::uint64_t fresh = room - stream.avail_out;
    bytes += fresh;
    if (text != nullptr) {
      text->insert(text->end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(fresh));
    }
    if (status == Z_STREAM_END || stream.avail_out > 0) break;
  }
  inflateEnd(&stream);
  if (outcome != Inflated::whole) {
    bytes = 0;
    if (text != nullptr) text->clear();
  }
  return outcome;
}

/// The part of `text` before the first zero byte; all of it if there is none.
std::span<const std::uint8_t> until_zero(std::span<const std::uint8_t> text) {
  const auto zero = std::find(text.begin(), text.end(), std::uint8_t{0});
  return text.first(static_cast<std::size_t>(zero - text.begin()));
}

bool equals(std::span<const std::uint8_t> bytes, std::string_view text) {
  return bytes.size() == text.size() && starts_with(bytes, text);
}

bool is_utf8(std::span<const std::uint8_t> text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::uint8_t lead = text[at++];
    if (lead < 0x80) continue;
    const int more = lead >= 0xC2 && lead <= 0xDF   ? 1
                     : lead >= 0xE0 && lead <= 0xEF ? 2
                     : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                    : 0;
    if (more == 0 || text.size() - at < static_cast<std::size_t>(more)) return false;
    // The second byte has a narrower range behind some leads: no overlong forms, no surrogates,
    // nothing past U+10FFFF.
    const std::uint8_t least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const std::uint8_t most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (text[at] < least || text[at] > most) return false;
    for (int i = 1; i < more; ++i) {
      if ((text[at + static_cast<std::size_t>(i)] & 0xC0) != 0x80) return false;
    }
    at += static_cast<std::size_t>(more);
  }
  return true;
}

/// The bytes that hexadecimal digits stand for, behind the third line break; white space may stand
/// between two bytes. Nothing where it is not that.
std::optional<std::vector<std::uint8_t>> unhex_profile(std::span<const std::uint8_t> text) {
  for (int line = 0; line < 3; ++line) {
    const auto end = std::find(text.begin(), text.end(), std::uint8_t{'\n'});
    if (end == text.end()) return std::vector<std::uint8_t>();
    text = text.subspan(static_cast<std::size_t>(end - text.begin()) + 1);
  }
  const auto digit = [](std::uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::vector<std::uint8_t> bytes;
  int high = -1;
  for (const std::uint8_t c : text) {
    if (c == '\n') continue;  // the lines are joined before they are read
    const bool is_space = c == ' ' || (c >= '\t' && c <= '\r');
    if (is_space && high < 0) continue;
    const int value = digit(c);
    if (value < 0) return std::nullopt;
    if (high < 0) {
      high = value;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(high << 4 | value));
      high = -1;
    }
  }
  if (high >= 0) return std::nullopt;
  return bytes;
}

}  // namespace

Result<void> PngTexts::read_profile(Bytes body) const {
  const std::size_t zero = until_zero(body).size();
  // Without a zero byte Pillow takes the first byte for the method.
  const std::size_t method = zero == body.size() ? 0 : zero + 1;
  if (method >= body.size() || body[method] != 0) {
    return bad_png("the colour profile's compression is unknown");
  }
  std::uint64_t bytes = 0;
  const Inflated profile =
      inflate_text(body.subspan(method + 1), options_->max_png_text_bytes, bytes, nullptr);
  if (profile == Inflated::too_long && options_->truncated == TruncatedImages::error) {
    return bad_png("the colour profile is too long");
  }
  return {};
}

Result<void> PngTexts::read_text(std::string_view name, Bytes body) {
  const Bytes key = until_zero(body);
  Bytes value = body.subspan(std::min(key.size() + 1, body.size()));
  std::uint64_t bytes = value.size();
  const bool is_noted = keeps_metadata() && (equals(key, kXmpKey) || equals(key, kExifKey) ||
                                             equals(key, kExifProfileKey));
  if (name == "zTXt") {
    if (!value.empty() && value[0] != 0) return bad_png("a text's compression is unknown");
    std::vector<std::uint8_t>* text = is_noted ? &inflated_.emplace_back() : nullptr;
    const Inflated outcome = inflate_text(value.subspan(std::min<std::size_t>(1, value.size())),
                                          options_->max_png_text_bytes, bytes, text);
    if (outcome == Inflated::too_long && options_->truncated == TruncatedImages::error) {
      return bad_png("a text is too long");
    }
    if (text != nullptr) value = *text;
  }
  if (key.empty()) return {};
  if (is_noted) {
    note(key, value);
    if (equals(key, kExifKey)) exif_is_text_ = name == "zTXt";
  }
  return count_text(bytes);
}

Result<void> PngTexts::read_international_text(Bytes body) {
  const Bytes key = until_zero(body);
  Bytes rest = body.subspan(std::min(key.size() + 1, body.size()));
  if (key.size() == body.size() || rest.size() < 2) return {};
  const bool compressed = rest[0] != 0;
  const int method = rest[1];
  rest = rest.subspan(2);
  bool is_text = true;
  for (int part = 0; part < 2; ++part) {  // the language, the translated key
    const Bytes skipped = until_zero(rest);
    if (skipped.size() == rest.size()) return {};
    is_text = is_text && is_utf8(skipped);
    rest = rest.subspan(skipped.size() + 1);
  }
  std::uint64_t bytes = rest.size();
  if (compressed) {
    if (method != 0) return {};
    std::vector<std::uint8_t>* text = keeps_metadata() ? &inflated_.emplace_back() : nullptr;
    const Inflated outcome = inflate_text(rest, options_->max_png_text_bytes, bytes, text);
    if (outcome == Inflated::too_long && options_->truncated == TruncatedImages::error) {
      return bad_png("a text is too long");
    }
    if (outcome != Inflated::whole) return {};
    if (text != nullptr) rest = *text;
  }
  if (keeps_metadata()) {
    if (equals(key, kXmpKey)) undecoded_xmp_ = rest;
    if (is_text && is_utf8(rest)) {
      note(key, rest);
      if (equals(key, kExifKey)) exif_is_text_ = true;
    }
  }
  return count_text(bytes);
}

void PngTexts::read_exif(Bytes body) {
  exif_ = body;
  exif_is_text_ = false;
  exif_prefixes_ = 1;  // Pillow puts one before it, and strips up to two
}

void PngTexts::note(Bytes key, Bytes text) {
  if (equals(key, kXmpKey)) xmp_ = text;
  if (equals(key, kExifProfileKey)) exif_profile_ = text;
  if (equals(key, kExifKey)) {
    exif_ = text;
    exif_prefixes_ = 2;
  }
}

Result<void> PngTexts::count_text(std::uint64_t bytes) {
  text_bytes_ += bytes;
  if (text_bytes_ > options_->max_png_texts_bytes) return bad_png("the texts are too long");
  return {};
}

Result<std::optional<int>> PngTexts::exif_orientation() const {
  if (exif_) {
    if (exif_is_text_) return bad_png("EXIF data where a text is expected");
    return read_exif_orientation(*exif_, exif_prefixes_);
  }
  if (!exif_profile_) return std::nullopt;
  const std::optional<std::vector<std::uint8_t>> profile = unhex_profile(*exif_profile_);
  if (!profile) return bad_png("the EXIF profile is damaged");
  return read_exif_orientation(*profile);
}

Result<int> PngTexts::orientation() const {
  const Result<std::optional<int>> exif = exif_orientation();
  if (!exif) return bad_png(exif.error().message);
  if (*exif) return **exif;
  return read_xmp_orientation(xmp_.empty() ? undecoded_xmp_ : xmp_).value_or(1);
}

}  // namespace millrace
