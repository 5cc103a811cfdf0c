#include "millrace/transforms/tokenizers/sentencepiece_model-inl.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <stdexcept>

namespace millrace {

namespace {

// What no model comes near, and what bounds the work that a byte of text can cost.
constexpr std::size_t kMaxPieceBytes = 4096;
constexpr std::size_t kMaxReplacementBytes = 1024;

[[noreturn]] void refuse_model(const std::string& what) {
  throw std::invalid_argument("sentencepiece model: " + what);
}

std::uint32_t little_endian_32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  }
  return value;
}

/// The fields of a protocol buffer message, one after another.
class Fields {
 public:
  explicit Fields(std::string_view message) : left_(message) {}

  /// Goes to the next field; false: there is none.
  bool next() {
    if (left_.empty()) return false;
    const std::uint64_t tag = varint();
    number_ = tag >> 3U;
    wire_type_ = static_cast<unsigned>(tag & 7U);
    switch (wire_type_) {
      case 0:
        value_ = varint();
        break;
      case 1:
        bytes_ = take(8);
        break;
      case 2:
        bytes_ = take(varint());
        break;
      case 5:
        bytes_ = take(4);
        break;
      default:
        refuse_model("it is damaged, or no model: wire type " + std::to_string(wire_type_));
    }
    return true;
  }

  std::uint64_t number() const { return number_; }
  std::string_view bytes() const {
    expect(2);
    return bytes_;
  }
  bool flag() const { return integer() != 0; }
  std::uint64_t integer() const {
    expect(0);
    return value_;
  }
  float real() const {
    expect(5);
    return std::bit_cast<float>(little_endian_32(bytes_));
  }

 private:
  void expect(unsigned wire_type) const {
    if (wire_type_ == wire_type) return;
    refuse_model("it is damaged, or no model: field " + std::to_string(number_) +
                 " has wire type " + std::to_string(wire_type_));
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(take(1).front());
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    refuse_model("it is damaged, or no model: a number has no end");
  }

  std::string_view take(std::uint64_t count) {
    if (count > left_.size()) refuse_model("it is damaged, or no model: it ends within a field");
    const std::string_view taken = left_.substr(0, static_cast<std::size_t>(count));
    left_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view left_;
  std::uint64_t number_ = 0;
  unsigned wire_type_ = 0;
  std::uint64_t value_ = 0;
  std::string_view bytes_;
};

struct Piece {
  std::string_view text;
  float score = 0;
  SentencePieceModel::PieceType type = SentencePieceModel::PieceType::normal;
};

Piece read_piece(std::string_view message) {
  Piece piece;
  for (Fields fields(message); fields.next();) {
    if (fields.number() == 1) piece.text = fields.bytes();
    if (fields.number() == 2) piece.score = fields.real();
    if (fields.number() == 3) {
      const std::uint64_t type = fields.integer();
      if (type < 1 || type > 6) refuse_model("a piece has type " + std::to_string(type));
      piece.type = static_cast<SentencePieceModel::PieceType>(type);
    }
  }
  return piece;
}

/// What the trainer has left in the file and encoding asks for.
struct TrainerSpec {
  std::uint64_t model_type = 1;
  bool byte_fallback = false;
  bool treat_whitespace_as_suffix = false;
  std::string_view eos_piece = "</s>";
  std::string_view pad_piece = "<pad>";
};

void read_trainer_spec(std::string_view message, TrainerSpec& spec) {
  for (Fields fields(message); fields.next();) {
    if (fields.number() == 3) spec.model_type = fields.integer();
    if (fields.number() == 24) spec.treat_whitespace_as_suffix = fields.flag();
    if (fields.number() == 35) spec.byte_fallback = fields.flag();
    if (fields.number() == 47 && !fields.bytes().empty()) spec.eos_piece = fields.bytes();
    if (fields.number() == 48 && !fields.bytes().empty()) spec.pad_piece = fields.bytes();
  }
}

void read_normalizer_spec(std::string_view message, SentencePieceModel& model) {
  for (Fields fields(message); fields.next();) {
    if (fields.number() == 2) model.characters = CharacterMap(fields.bytes());
    if (fields.number() == 3) model.adds_dummy_prefix = fields.flag();
    if (fields.number() == 4) model.removes_extra_spaces = fields.flag();
    if (fields.number() == 5) model.escapes_spaces = fields.flag();
  }
}

/// The byte that a piece such as "<0x0A>" stands for; -1: none.
int byte_of_piece(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text.back() != '>') return -1;
  const std::size_t high = kDigits.find(text[3]);
  const std::size_t low = kDigits.find(text[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return -1;
  return static_cast<int>(high * 16 + low);
}

void insert(PieceTrie& trie, std::string_view text, std::int32_t id) {
  switch (trie.add(text, id)) {
    case PieceTrie::Added::added:
      return;
    case PieceTrie::Added::was_there:
      refuse_model("the piece \"" + std::string(text) + "\" is there twice");
    case PieceTrie::Added::full:
      refuse_model("its pieces have too many different beginnings");
  }
}

/// The id of a control piece, or kNoId.
std::int32_t control_id(const SentencePieceModel& model, std::string_view text) {
  const std::int32_t id = model.reserved.find(text);
  if (id == PieceTrie::kNoValue) return SentencePieceModel::kNoId;
  return model.types[static_cast<std::size_t>(id)] == SentencePieceModel::PieceType::control
             ? id
             : SentencePieceModel::kNoId;
}

void add_piece(const Piece& piece, SentencePieceModel& model) {
  using PieceType = SentencePieceModel::PieceType;
  if (piece.text.empty()) refuse_model("a piece is empty");
  if (piece.text.size() > kMaxPieceBytes) {
    refuse_model("a piece has " + std::to_string(piece.text.size()) + " bytes, and at most " +
                 std::to_string(kMaxPieceBytes) + " are read");
  }
  if (!std::isfinite(piece.score)) refuse_model("the score of a piece is no finite number");
  if (model.types.size() >= PieceTrie::kMaxNodes) refuse_model("it has too many pieces");
  const auto id = static_cast<std::int32_t>(model.types.size());
  model.scores.push_back(piece.score);
  model.types.push_back(piece.type);
  const bool is_reserved = piece.type == PieceType::unknown || piece.type == PieceType::control ||
                           piece.type == PieceType::byte;
  insert(is_reserved ? model.reserved : model.pieces, piece.text, id);
  if (piece.type == PieceType::normal) {
    model.min_score = std::min(model.min_score, piece.score);
  } else if (piece.type == PieceType::user_defined) {
    insert(model.user_defined, piece.text, id);
  } else if (piece.type == PieceType::unused) {
    model.has_unused = true;
  } else if (piece.type == PieceType::unknown) {
    if (model.unknown_id != SentencePieceModel::kNoId) refuse_model("it has two unknown pieces");
    model.unknown_id = id;
  } else if (piece.type == PieceType::byte) {
    const int byte = byte_of_piece(piece.text);
    if (byte < 0) refuse_model("\"" + std::string(piece.text) + "\" stands for no byte");
    model.byte_ids[static_cast<std::size_t>(byte)] = id;
  }
}

}  // namespace

CharacterMap::CharacterMap(std::string_view blob) {
  if (blob.empty()) return;
  if (blob.size() <= 4) refuse_model("its table of characters is cut");
  const std::size_t array_bytes = little_endian_32(blob);
  blob.remove_prefix(4);
  if (array_bytes > blob.size()) refuse_model("its table of characters is cut");
  for (std::size_t at = 0; at + 4 <= array_bytes; at += 4) {
    units_.push_back(little_endian_32(blob.substr(at)));
  }
  strings_ = blob.substr(array_bytes);
  for (std::size_t begin = 0; begin < strings_.size();) {
    const std::size_t end = std::min(strings_.find('\0', begin), strings_.size());
    if (end - begin > kMaxReplacementBytes) {
      refuse_model("it replaces a character with more than " +
                   std::to_string(kMaxReplacementBytes) + " bytes");
    }
    begin = end + 1;
  }
}

CharacterMap::Match CharacterMap::longest(std::string_view text) const {
  // A unit: bits 0 to 7 the byte that leads to it, bit 8 whether a value follows, bits 10 to 30 the
  // distance to what follows, which bit 9 takes 256 times. A value: bit 31 set, the others are it.
  Match match;
  if (units_.empty()) return match;
  const auto distance = [](std::uint32_t unit) { return (unit >> 10U) << ((unit & 0x200U) >> 6U); };
  std::uint32_t at = distance(units_[0]);
  // A damaged array may lead in circles.
  const std::size_t most = std::min(text.size(), kMaxPieceBytes);
  for (std::size_t i = 0; i < most; ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    at ^= byte;
    if (at >= units_.size() || (units_[at] & 0x800000FFU) != byte) break;
    const bool has_value = (units_[at] & 0x100U) != 0;
    at ^= distance(units_[at]);
    if (!has_value || at >= units_.size()) continue;
    const std::size_t begin = units_[at] & 0x7FFFFFFFU;
    if (begin > strings_.size()) continue;
    match = {i + 1, std::string_view(strings_).substr(begin)};
  }
  match.replacement = match.replacement.substr(0, match.replacement.find('\0'));
  return match;
}

SentencePieceModel read_sentencepiece_model(std::string_view content) {
  SentencePieceModel model;
  TrainerSpec trainer;
  model.byte_ids.fill(SentencePieceModel::kNoId);
  model.min_score = FLT_MAX;
  for (Fields fields(content); fields.next();) {
    if (fields.number() == 1) add_piece(read_piece(fields.bytes()), model);
    if (fields.number() == 2) read_trainer_spec(fields.bytes(), trainer);
    if (fields.number() == 3) read_normalizer_spec(fields.bytes(), model);
  }
  if (model.unknown_id == SentencePieceModel::kNoId) refuse_model("it has no unknown piece");
  if (model.pieces.empty()) refuse_model("it has no pieces");
  if (trainer.model_type != 1 && trainer.model_type != 2) {
    refuse_model("it is of type " + std::to_string(trainer.model_type) +
                 ", and only unigram (1) and BPE (2) are read");
  }
  model.kind = static_cast<SentencePieceModel::Kind>(trainer.model_type);
  model.has_byte_fallback = trainer.byte_fallback;
  const bool has_all_bytes = std::find(model.byte_ids.begin(), model.byte_ids.end(),
                                       SentencePieceModel::kNoId) == model.byte_ids.end();
  if (model.has_byte_fallback && !has_all_bytes) refuse_model("it has not a piece for every byte");
  model.has_space_as_suffix = trainer.treat_whitespace_as_suffix;
  model.end_id = control_id(model, trainer.eos_piece);
  model.pad_id = control_id(model, trainer.pad_piece);
  return model;
}

}  // namespace millrace
