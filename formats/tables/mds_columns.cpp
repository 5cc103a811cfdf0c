#include "millrace/formats/tables/mds_columns.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "millrace/formats/index/little_endian-inl.h"

namespace millrace {

namespace {

constexpr std::size_t kMostColumns = 65'536;
constexpr std::uint64_t kNoSize = ~std::uint64_t{0};

struct NumberEncoding {
  std::string_view name;
  MdsKind kind;
  std::uint32_t bytes;
};

constexpr std::array<NumberEncoding, 13> kNumbers = {{
    {"int", MdsKind::int64, 8},
    {"uint8", MdsKind::uint8, 1},
    {"uint16", MdsKind::uint16, 2},
    {"uint32", MdsKind::uint32, 4},
    {"uint64", MdsKind::uint64, 8},
    {"int8", MdsKind::int8, 1},
    {"int16", MdsKind::int16, 2},
    {"int32", MdsKind::int32, 4},
    {"int64", MdsKind::int64, 8},
    {"float16", MdsKind::float16, 2},
    {"float32", MdsKind::float32, 4},
    {"float64", MdsKind::float64, 8},
    {"bool", MdsKind::boolean, 1},
}};

// IEEE 754 binary16, clause 3.4.
double half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023;
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else if (exponent < 31) {
    value = std::ldexp(fraction + 1024, exponent - 25);
  } else {
    value = fraction == 0 ? HUGE_VAL : std::nan("");
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

template <typename Number>
void append_digits(Number number, std::vector<std::uint8_t>& text) {
  std::array<char, kMostMdsNumberBytes> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  text.insert(text.end(), digits.data(), end);
}

void append_text(std::string_view word, std::vector<std::uint8_t>& text) {
  text.insert(text.end(), word.begin(), word.end());
}

void append_float(double number, std::vector<std::uint8_t>& text) {
  if (std::isnan(number)) return append_text("NaN", text);
  if (std::isinf(number)) return append_text(number < 0 ? "-Infinity" : "Infinity", text);
  std::array<char, kMostMdsNumberBytes> digits;
  // Python changes to exponents below 1e-4 and from 1e16 on.
  const double size = std::abs(number);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  const std::string_view written(digits.data(), static_cast<std::size_t>(end - digits.data()));
  append_text(written, text);
  if (plain && written.find('.') == std::string_view::npos) append_text(".0", text);
}

template <typename Integer>
Integer load(std::span<const std::uint8_t> value) {
  return little_endian::load<Integer>(value.data());
}

}  // namespace

Result<std::vector<MdsColumn>> mds_columns(const std::vector<std::string>& names,
                                           const std::vector<std::string>& encodings,
                                           const std::vector<std::uint64_t>& sizes) {
  const auto damage = [](std::string message) {
    return fail(Reason::damaged_shard, std::move(message));
  };
  if (names.size() != encodings.size() || names.size() != sizes.size()) {
    return damage("there are " + std::to_string(names.size()) + " column names, " +
                  std::to_string(encodings.size()) + " encodings and " +
                  std::to_string(sizes.size()) + " sizes");
  }
  if (names.size() > kMostColumns) {
    return damage(std::to_string(names.size()) + " columns are more than " +
                  std::to_string(kMostColumns));
  }
  std::unordered_set<std::string_view> seen;
  std::vector<MdsColumn> columns;
  for (std::size_t i = 0; i < names.size(); ++i) {
    MdsColumn column{names[i], encodings[i], MdsKind::bytes, std::nullopt};
    if (!seen.insert(names[i]).second) return damage("column '" + names[i] + "' is there twice");
    if (sizes[i] != kNoSize) {
      if (sizes[i] > 0xffff'ffffU) return damage("column '" + names[i] + "' is too large");
      column.fixed_bytes = static_cast<std::uint32_t>(sizes[i]);
    }
    for (const NumberEncoding& number : kNumbers) {
      if (number.name != encodings[i]) continue;
      if (column.fixed_bytes != number.bytes) {
        return damage("column '" + names[i] + "' (" + encodings[i] + ") must have " +
                      std::to_string(number.bytes) + " bytes a value");
      }
      column.kind = number.kind;
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

void append_mds_number(MdsKind kind, std::span<const std::uint8_t> value,
                       std::vector<std::uint8_t>& text) {
  switch (kind) {
    case MdsKind::bytes:
      return;
    case MdsKind::boolean:
      return append_text(value[0] != 0 ? "true" : "false", text);
    case MdsKind::uint8:
      return append_digits(load<std::uint8_t>(value), text);
    case MdsKind::uint16:
      return append_digits(load<std::uint16_t>(value), text);
    case MdsKind::uint32:
      return append_digits(load<std::uint32_t>(value), text);
    case MdsKind::uint64:
      return append_digits(load<std::uint64_t>(value), text);
    case MdsKind::int8:
      return append_digits(static_cast<std::int8_t>(load<std::uint8_t>(value)), text);
    case MdsKind::int16:
      return append_digits(static_cast<std::int16_t>(load<std::uint16_t>(value)), text);
    case MdsKind::int32:
      return append_digits(static_cast<std::int32_t>(load<std::uint32_t>(value)), text);
    case MdsKind::int64:
      return append_digits(static_cast<std::int64_t>(load<std::uint64_t>(value)), text);
    case MdsKind::float16:
      return append_float(half(load<std::uint16_t>(value)), text);
    case MdsKind::float32:
      return append_float(double{std::bit_cast<float>(load<std::uint32_t>(value))}, text);
    case MdsKind::float64:
      return append_float(std::bit_cast<double>(load<std::uint64_t>(value)), text);
  }
}

}  // namespace millrace
