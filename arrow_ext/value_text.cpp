#include "millrace/arrow_ext/value_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/decimal.h>
#include <arrow/util/float16.h>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/tables/json_text.h"

namespace millrace::arrow_ext {

namespace {

using Text = std::vector<std::uint8_t>;

template <typename T>
void append_integer(T value, Text& text) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  append_text({digits.data(), static_cast<std::size_t>(end - digits.data())}, text);
}

void append_padded(std::int64_t value, int width, Text& text) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  for (auto length = end - digits.data(); length < width; ++length) text.push_back('0');
  append_text({digits.data(), static_cast<std::size_t>(end - digits.data())}, text);
}

// Python's repr: the fewest digits; an exponent below 1e-4 and from 1e16 on.
void append_double(double value, Text& text) {
  if (std::isnan(value)) return append_text("NaN", text);
  if (std::isinf(value)) return append_text(value < 0 ? "-Infinity" : "Infinity", text);
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  const std::string_view written(digits.data(), static_cast<std::size_t>(end - digits.data()));
  append_text(written, text);
  if (fixed && written.find('.') == std::string_view::npos) append_text(".0", text);
}

double floating(const Column& column, std::int64_t row) {
  const std::uint8_t* at = column.value(row);
  switch (column.type().id()) {
    case arrow::Type::HALF_FLOAT:
      return arrow::util::Float16::FromBits(load<std::uint16_t>(at)).ToDouble();
    case arrow::Type::FLOAT:
      return load<float>(at);
    default:
      return load<double>(at);
  }
}

bool is_floating(const Column& column) {
  const auto id = column.type().id();
  return id == arrow::Type::HALF_FLOAT || id == arrow::Type::FLOAT || id == arrow::Type::DOUBLE;
}

void append_number(const Column& column, std::int64_t row, Text& text) {
  const std::uint8_t* at = column.value(row);
  const arrow::DataType& type = column.type();
  switch (type.id()) {
    case arrow::Type::INT8:
      return append_integer(load<std::int8_t>(at), text);
    case arrow::Type::INT16:
      return append_integer(load<std::int16_t>(at), text);
    case arrow::Type::INT32:
      return append_integer(load<std::int32_t>(at), text);
    case arrow::Type::INT64:
      return append_integer(load<std::int64_t>(at), text);
    case arrow::Type::UINT8:
      return append_integer(load<std::uint8_t>(at), text);
    case arrow::Type::UINT16:
      return append_integer(load<std::uint16_t>(at), text);
    case arrow::Type::UINT32:
      return append_integer(load<std::uint32_t>(at), text);
    case arrow::Type::UINT64:
      return append_integer(load<std::uint64_t>(at), text);
    default:
      break;
  }
  if (is_floating(column)) return append_double(floating(column, row), text);
  const int scale = static_cast<const arrow::DecimalType&>(type).scale();
  switch (type.id()) {
    case arrow::Type::DECIMAL32:
      return append_text(arrow::Decimal32(at).ToString(scale), text);
    case arrow::Type::DECIMAL64:
      return append_text(arrow::Decimal64(at).ToString(scale), text);
    case arrow::Type::DECIMAL128:
      return append_text(arrow::Decimal128(at).ToString(scale), text);
    default:
      return append_text(arrow::Decimal256(at).ToString(scale), text);
  }
}

constexpr std::int64_t kSecondsPerDay = 86400;

std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
void append_date(std::int64_t days_since_1970, Text& text) {
  const std::int64_t days = days_since_1970 + 719468;
  const std::int64_t era = floor_div(days, 146097);
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  append_padded(year_of_era + era * 400 + (month <= 2 ? 1 : 0), 4, text);
  text.push_back('-');
  append_padded(month, 2, text);
  text.push_back('-');
  append_padded(day_of_year - (153 * shifted_month + 2) / 5 + 1, 2, text);
}

// `per_second` parts of a second, which are written as microseconds unless they are finer.
void append_fraction(std::int64_t part, std::int64_t per_second, Text& text) {
  if (part == 0) return;
  text.push_back('.');
  const std::int64_t nanoseconds = part * (1'000'000'000 / per_second);
  if (nanoseconds % 1000 != 0) return append_padded(nanoseconds, 9, text);
  append_padded(nanoseconds / 1000, 6, text);
}

void append_time_of_day(std::int64_t parts, std::int64_t per_second, Text& text) {
  const std::int64_t seconds = parts / per_second;
  append_padded(seconds / 3600, 2, text);
  text.push_back(':');
  append_padded(seconds / 60 % 60, 2, text);
  text.push_back(':');
  append_padded(seconds % 60, 2, text);
  append_fraction(parts % per_second, per_second, text);
}

std::int64_t parts_per_second(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1'000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    default:
      return 1'000'000'000;
  }
}

void append_seconds(std::int64_t parts, std::int64_t per_second, Text& text) {
  if (parts < 0) text.push_back('-');
  const std::uint64_t size =
      parts < 0 ? 0 - static_cast<std::uint64_t>(parts) : static_cast<std::uint64_t>(parts);
  append_integer(size / static_cast<std::uint64_t>(per_second), text);
  append_fraction(static_cast<std::int64_t>(size % static_cast<std::uint64_t>(per_second)),
                  per_second, text);
}

void append_time(const Column& column, std::int64_t row, Text& text) {
  const std::uint8_t* at = column.value(row);
  const std::int64_t value =
      column.width() == 4 ? std::int64_t{load<std::int32_t>(at)} : load<std::int64_t>(at);
  const arrow::DataType& type = column.type();
  switch (type.id()) {
    case arrow::Type::DATE32:
      return append_date(value, text);
    case arrow::Type::DATE64:
      return append_date(floor_div(value, kSecondsPerDay * 1000), text);
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: {
      const std::int64_t per_second =
          parts_per_second(static_cast<const arrow::TimeType&>(type).unit());
      if (value >= 0 && value < kSecondsPerDay * per_second) {
        return append_time_of_day(value, per_second, text);
      }
      return append_seconds(value, per_second, text);
    }
    case arrow::Type::DURATION:
      return append_seconds(
          value, parts_per_second(static_cast<const arrow::DurationType&>(type).unit()), text);
    default:
      break;
  }
  const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
  const std::int64_t per_second = parts_per_second(timestamp.unit());
  const std::int64_t per_day = kSecondsPerDay * per_second;
  const std::int64_t part = value % per_day;
  append_date(floor_div(value, per_day), text);
  text.push_back(' ');
  append_time_of_day(part < 0 ? part + per_day : part, per_second, text);
  if (!timestamp.timezone().empty()) append_text("+00:00", text);
}

}  // namespace

void append_text(std::string_view text, Text& to) { to.insert(to.end(), text.begin(), text.end()); }

void append_value(const Column& column, std::int64_t row, Text& text) {
  switch (column.kind()) {
    case Column::Kind::boolean:
      return append_text(column.truth(row) ? "true" : "false", text);
    case Column::Kind::number:
      return append_number(column, row, text);
    case Column::Kind::time:
      return append_time(column, row, text);
    default:
      return append_text(column.other_text(row), text);
  }
}

void append_json_value(const Column& column, std::int64_t row, Text& json) {
  const arrow::Type::type id = column.type().id();
  if (is_floating(column) && !std::isfinite(floating(column, row))) {
    return append_text("null", json);
  }
  if (column.kind() == Column::Kind::boolean || arrow::is_integer(id) || is_floating(column) ||
      id == arrow::Type::DURATION) {
    return append_value(column, row, json);
  }
  Text text;
  append_value(column, row, text);
  append_json_string(as_text(text), json);
}

std::string one_line(std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  return message;
}

}  // namespace millrace::arrow_ext
