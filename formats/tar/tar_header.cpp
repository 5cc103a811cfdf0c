#include "millrace/formats/tar/tar_header.h"

#include <cstring>
#include <limits>

namespace millrace::tar {

namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kChecksumOffset = 148;
constexpr std::size_t kChecksumBytes = 8;

std::optional<std::uint64_t> parse_base256(Bytes field) {
  // The second bit is the sign; a size is never negative.
  if ((field[0] & 0x40) != 0) return std::nullopt;
  std::uint64_t value = field[0] & 0x3f;
  for (std::size_t i = 1; i < field.size(); ++i) {
    if (value > kLargest >> 8) return std::nullopt;
    value = value << 8 | field[i];
  }
  return value;
}

}  // namespace

std::string_view until_nul(std::string_view text) {
  const void* nul = text.empty() ? nullptr : std::memchr(text.data(), 0, text.size());
  if (nul == nullptr) return text;
  return text.substr(0, static_cast<std::size_t>(static_cast<const char*>(nul) - text.data()));
}

bool all_zero(Bytes bytes) {
  if (bytes.empty()) return true;
  return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

std::optional<std::uint64_t> parse_number(Bytes field) {
  if ((field[0] & 0x80) != 0) return parse_base256(field);
  std::size_t i = 0;
  while (i < field.size() && field[i] == ' ') ++i;
  std::uint64_t value = 0;
  for (; i < field.size() && field[i] >= '0' && field[i] <= '7'; ++i) {
    if (value > kLargest >> 3) return std::nullopt;
    value = value << 3 | (field[i] - std::uint64_t{'0'});
  }
  for (; i < field.size() && field[i] != 0; ++i) {
    if (field[i] != ' ') return std::nullopt;
  }
  return value;
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kLargest - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

bool HeaderBlock::checksum_matches() const {
  const Bytes field = block_.subspan(kChecksumOffset, kChecksumBytes);
  const std::optional<std::uint64_t> stored = parse_number(field);
  if (!stored) return false;
  // Plain loops over a constant count, so that compilers vectorise them.
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < kBlockBytes; ++i) sum += block_[i];
  // The field itself counts as blanks.
  std::uint32_t field_sum = 0;
  for (std::size_t i = 0; i < kChecksumBytes; ++i) field_sum += field[i];
  const std::uint32_t unsigned_sum = sum - field_sum + kChecksumBytes * ' ';
  if (*stored == unsigned_sum) return true;

  std::uint32_t high_bytes = 0;
  for (std::size_t i = 0; i < kBlockBytes; ++i) high_bytes += block_[i] >> 7;
  for (const std::uint8_t byte : field) high_bytes -= byte >> 7;
  const std::int64_t signed_sum = std::int64_t{unsigned_sum} - 256 * std::int64_t{high_bytes};
  return signed_sum >= 0 && *stored == static_cast<std::uint64_t>(signed_sum);
}

std::string_view HeaderBlock::prefix() const {
  if (std::memcmp(block_.data() + 257, "ustar\0", 6) != 0) return {};
  return until_nul(as_text(block_.subspan(345, 155)));
}

}  // namespace millrace::tar
