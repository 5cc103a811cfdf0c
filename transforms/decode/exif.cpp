#include "millrace/transforms/decode/exif.h"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>

#include "millrace/transforms/decode/image_kind.h"

namespace millrace {
namespace {

using Bytes = std::span<const std::uint8_t>;

/// The types of TIFF 6.0 (and BigTIFF's LONG8) that Pillow reads.
enum class TagType : std::uint16_t {
  byte = 1,
  ascii = 2,
  short_ = 3,
  long_ = 4,
  rational = 5,
  signed_byte = 6,
  undefined = 7,
  signed_short = 8,
  signed_long = 9,
  signed_rational = 10,
  float_ = 11,
  double_ = 12,
  directory = 13,
  long8 = 16,
};

/// Bytes of one value; 0: no type that is read.
std::uint64_t value_bytes(std::uint64_t type) {
  switch (static_cast<TagType>(type)) {
    case TagType::byte:
    case TagType::ascii:
    case TagType::signed_byte:
    case TagType::undefined:
      return 1;
    case TagType::short_:
    case TagType::signed_short:
      return 2;
    case TagType::long_:
    case TagType::signed_long:
    case TagType::float_:
    case TagType::directory:
      return 4;
    case TagType::rational:
    case TagType::signed_rational:
    case TagType::double_:
    case TagType::long8:
      return 8;
  }
  return 0;
}

int known_orientation(double value) {
  const bool is_known =
      value >= 1 && value <= 8 && value == static_cast<double>(static_cast<int>(value));
  return is_known ? static_cast<int>(value) : 1;
}

class TagList {
 public:
  TagList(Bytes tiff, bool big_endian) : tiff_(tiff), big_endian_(big_endian) {}

  std::uint64_t number(Bytes bytes) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value = value << 8 | bytes[big_endian_ ? i : bytes.size() - 1 - i];
    }
    return value;
  }

  /// The orientation in the list that begins at `at`.
  std::optional<int> orientation(std::uint64_t at) const;

 private:
  /// The first value of `type` in `data`, which holds one.
  int orientation_in(TagType type, Bytes data) const;

  std::int64_t signed_number(Bytes bytes) const {
    const std::size_t unused = 64 - 8 * bytes.size();
    return static_cast<std::int64_t>(number(bytes) << unused) >> unused;
  }

  Bytes tiff_;
  bool big_endian_;
};

int TagList::orientation_in(TagType type, Bytes data) const {
  const Bytes first =
      data.first(static_cast<std::size_t>(value_bytes(static_cast<std::uint64_t>(type))));
  switch (type) {
    case TagType::short_:
    case TagType::long_:
    case TagType::directory:
    case TagType::long8:
      return known_orientation(static_cast<double>(number(first)));
    case TagType::signed_byte:
    case TagType::signed_short:
    case TagType::signed_long:
      return known_orientation(static_cast<double>(signed_number(first)));
    case TagType::rational:
    case TagType::signed_rational: {
      const bool is_signed = type == TagType::signed_rational;
      const auto part = [&](std::size_t begin) {
        const Bytes bytes = first.subspan(begin, 4);
        return is_signed ? static_cast<double>(signed_number(bytes))
                         : static_cast<double>(number(bytes));
      };
      return part(4) == 0 ? 1 : known_orientation(part(0) / part(4));
    }
    case TagType::float_: {
      const auto bits = static_cast<std::uint32_t>(number(first));
      float value = 0;
      std::memcpy(&value, &bits, sizeof value);
      return known_orientation(static_cast<double>(value));
    }
    case TagType::double_: {
      const std::uint64_t bits = number(first);
      double value = 0;
      std::memcpy(&value, &bits, sizeof value);
      return known_orientation(value);
    }
    case TagType::byte:
    case TagType::ascii:
    case TagType::undefined:
      break;
  }
  return 1;  // a string of bytes equals no number
}

std::optional<int> TagList::orientation(std::uint64_t at) const {
  constexpr std::uint64_t kOrientation = 0x0112;
  constexpr std::size_t kEntryBytes = 12;
  if (at > tiff_.size() || tiff_.size() - at < 2) return std::nullopt;
  Bytes list = tiff_.subspan(static_cast<std::size_t>(at));
  std::uint64_t entries = number(list.first(2));
  list = list.subspan(2);
  std::bitset<65536> seen;
  std::uint64_t outlying_bytes = 0;
  for (; entries > 0 && list.size() >= kEntryBytes; --entries, list = list.subspan(kEntryBytes)) {
    const std::uint64_t tag = number(list.first(2));
    const std::uint64_t type = number(list.subspan(2, 2));
    if (seen[tag] || value_bytes(type) == 0) continue;
    const std::uint64_t bytes = number(list.subspan(4, 4)) * value_bytes(type);
    Bytes data = list.subspan(8, 4);
    if (bytes > data.size()) {
      outlying_bytes += bytes;
      if (outlying_bytes > tiff_.size()) continue;
      const std::uint64_t place = number(data);
      if (place > tiff_.size() || tiff_.size() - place < bytes) return std::nullopt;
      data = tiff_.subspan(static_cast<std::size_t>(place), static_cast<std::size_t>(bytes));
    }
    if (bytes == 0) continue;
    if (tag == kOrientation) return orientation_in(static_cast<TagType>(type), data);
    seen.set(tag);
  }
  return std::nullopt;
}

}  // namespace

Result<std::optional<int>> read_exif_orientation(Bytes exif, int most_prefixes) {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  for (int i = 0; i < most_prefixes && starts_with(exif, kPrefix); ++i)
    exif = exif.subspan(kPrefix.size());
  if (exif.empty()) return std::nullopt;
  // Either order of the 42's bytes, as Pillow takes it, and BigTIFF's 43 where it is in the wrong
  // order, for then Pillow does not see that it is one.
  const bool big_endian = starts_with(exif, "MM");
  const bool has_mark = starts_with(exif, std::string_view("MM\0\x2a", 4)) ||
                        starts_with(exif, std::string_view("MM\x2a\0", 4)) ||
                        starts_with(exif, std::string_view("MM\0\x2b", 4)) ||
                        starts_with(exif, std::string_view("II\x2a\0", 4)) ||
                        starts_with(exif, std::string_view("II\0\x2a", 4));
  if (!has_mark || exif.size() < 8) return fail(Reason::bad_image, "the EXIF data are damaged");
  const TagList list(exif, big_endian);
  return list.orientation(list.number(exif.subspan(4, 4)));
}

std::optional<int> read_xmp_orientation(Bytes xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  const std::string_view text(reinterpret_cast<const char*>(xmp.data()), xmp.size());
  for (std::size_t at = text.find(kName); at != std::string_view::npos; at = text.find(kName, at)) {
    at += kName.size();
    std::string_view rest = text.substr(at);
    const std::size_t mark = rest.substr(0, 2) == "=\"" ? 2 : rest.substr(0, 1) == ">" ? 1 : 0;
    rest = rest.substr(mark);
    if (mark == 0 || rest.empty() || rest[0] < '0' || rest[0] > '9') continue;
    return known_orientation(rest[0] - '0');
  }
  return std::nullopt;
}

}  // namespace millrace
