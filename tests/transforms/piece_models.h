#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::test {

/// What a SentencePiece model file is made of, by the numbers of sentencepiece_model.proto.
struct PieceModel {
  struct Piece {
    std::string text;
    float score = 0;
    int type = 1;
  };
  static constexpr int kNormal = 1;
  static constexpr int kUnknown = 2;
  static constexpr int kControl = 3;
  static constexpr int kUserDefined = 4;
  static constexpr int kUnused = 5;
  static constexpr int kByte = 6;

  std::vector<Piece> pieces;
  int model_type = 1;  ///< 1 unigram, 2 BPE
  bool byte_fallback = false;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  std::string charsmap = {};

  /// The file.
  std::string serialized() const;
};

/// <pad> 0, </s> 1, <unk> 2; then from 3 on "▁", "a", "b", "ab", "▁ab", "c" and "photo" in a
/// unigram model.
PieceModel small_piece_model();

/// A table of characters with one rule: the ASCII character `from` is replaced with `to`.
std::string character_map(char from, std::string_view to);

}  // namespace millrace::test
