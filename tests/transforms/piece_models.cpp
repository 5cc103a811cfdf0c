#include "piece_models.h"

#include <bit>
#include <cstddef>

namespace millrace::test {

namespace {

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>(0x80U | (value & 0x7FU));
  return bytes + static_cast<char>(value);
}

std::string little_endian(std::uint32_t value) {
  std::string bytes;
  for (unsigned i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  return bytes;
}

std::string number(unsigned field, std::uint64_t value) {
  return varint(field << 3U) + varint(value);
}

std::string message(unsigned field, std::string_view body) {
  return varint(field << 3U | 2U) + varint(body.size()) + std::string(body);
}

}  // namespace

std::string PieceModel::serialized() const {
  std::string file;
  for (const Piece& piece : pieces) {
    std::string body = message(1, piece.text);
    body += varint(2U << 3U | 5U) + little_endian(std::bit_cast<std::uint32_t>(piece.score));
    if (piece.type != kNormal) body += number(3, static_cast<std::uint64_t>(piece.type));
    file += message(1, body);
  }
  std::string trainer = number(3, static_cast<std::uint64_t>(model_type));
  trainer += number(35, byte_fallback ? 1 : 0);
  std::string normalizer;
  if (!charsmap.empty()) normalizer += message(2, charsmap);
  normalizer += number(3, add_dummy_prefix ? 1 : 0);
  normalizer += number(4, remove_extra_whitespaces ? 1 : 0);
  return file + message(2, trainer) + message(3, normalizer);
}

PieceModel small_piece_model() {
  PieceModel model;
  model.pieces = {{"<pad>", 0, PieceModel::kControl},
                  {"</s>", 0, PieceModel::kControl},
                  {"<unk>", 0, PieceModel::kUnknown},
                  {"\xE2\x96\x81", -2},
                  {"a", -3},
                  {"b", -3},
                  {"ab", -4},
                  {"\xE2\x96\x81"
                   "ab",
                   -5},
                  {"c", -3},
                  {"photo", -6}};
  return model;
}

std::string character_map(char from, std::string_view to) {
  // Unit 0 is the root; its children are at 256 ^ byte. The child's value is at 512.
  std::vector<std::uint32_t> units(1024, 0);
  const auto byte = static_cast<std::uint8_t>(from);
  const std::uint32_t child = 256U ^ byte;
  units[0] = 256U << 10U;
  units[child] = (child ^ 512U) << 10U | 0x100U | byte;
  units[512] = 0x80000000U;
  std::string blob = little_endian(static_cast<std::uint32_t>(units.size() * 4));
  for (const std::uint32_t unit : units) blob += little_endian(unit);
  return blob + std::string(to) + '\0';
}

}  // namespace millrace::test
