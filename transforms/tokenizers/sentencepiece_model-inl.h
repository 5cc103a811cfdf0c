#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/transforms/tokenizers/piece_trie-inl.h"

namespace millrace {

/// The rules that text is normalised with before it is parted: the longest match at each place is
/// replaced. A double array (Yata 2007, as Darts-clone lays it out) over UTF-8, and strings that
/// end with a zero; every index of the file is checked where it is used.
class CharacterMap {
 public:
  CharacterMap() = default;
  /// `blob`: size of the array in bytes (32 bits, little-endian), the array, the strings. Throws
  /// std::invalid_argument if that does not fit; an empty one has no rules.
  explicit CharacterMap(std::string_view blob);

  struct Match {
    std::size_t bytes = 0;  ///< of the text; 0: no rule
    std::string_view replacement;
  };
  Match longest(std::string_view text) const;
  bool empty() const { return units_.empty(); }

 private:
  std::vector<std::uint32_t> units_;
  std::string strings_;
};

/// What a SentencePiece model file says, as far as encoding needs it. Immutable once read.
struct SentencePieceModel {
  enum class Kind : std::uint8_t { unigram = 1, bpe = 2 };
  enum class PieceType : std::uint8_t {
    normal = 1,
    unknown = 2,
    control = 3,
    user_defined = 4,
    unused = 5,
    byte = 6
  };
  static constexpr std::int32_t kNoId = -1;

  Kind kind = Kind::unigram;
  std::vector<float> scores;     ///< by id
  std::vector<PieceType> types;  ///< by id
  PieceTrie pieces;              ///< normal, user-defined and unused ones
  PieceTrie user_defined;        ///< those of them that are never parted
  PieceTrie reserved;            ///< all others
  float min_score = 0;           ///< of the normal pieces
  std::int32_t unknown_id = kNoId;
  std::int32_t end_id = kNoId;  ///< kNoId: it has no such piece
  std::int32_t pad_id = kNoId;
  bool has_byte_fallback = false;
  std::array<std::int32_t, 256> byte_ids{};
  bool has_unused = false;

  CharacterMap characters;
  bool adds_dummy_prefix = true;
  bool removes_extra_spaces = true;
  bool escapes_spaces = true;
  bool has_space_as_suffix = false;
};

/// Reads a serialized ModelProto (sentencepiece_model.proto of google/sentencepiece). Throws
/// std::invalid_argument: damaged, or a kind of model that is not read.
SentencePieceModel read_sentencepiece_model(std::string_view content);

}  // namespace millrace
