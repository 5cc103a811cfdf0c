#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/transforms/tokenizers/sentencepiece_model-inl.h"

namespace millrace {

/// Encodes texts with any models, as SentencePieceProcessor::Encode of sentencepiece 0.2 does: the
/// scratch of one thread.
class SentencePieceEncoder {
 public:
  /// Appends the ids of `text`, which is valid UTF-8, without begin and end. Linear in the text but
  /// for the length of the longest piece and, with BPE, a logarithm.
  void encode(const SentencePieceModel& model, std::string_view text,
              std::vector<std::int32_t>& ids);

  /// Frees what only an extraordinary text needs.
  void trim();

 private:
  /// The best way to part the text up to a byte.
  struct Best {
    float score;
    std::int32_t id;
    std::uint32_t begin;  ///< where its last piece begins; kNowhere: no way leads here
  };
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFF;

  /// A part of the text that BPE may still merge with its neighbours.
  struct Symbol {
    std::uint32_t begin;
    std::uint32_t bytes;  ///< 0: merged into the one before
    std::uint32_t previous;
    std::uint32_t next;
    PieceTrie::Node node;  ///< of its text, or PieceTrie::kNoNode
    bool is_frozen;
  };
  struct Merge {
    float score;
    std::uint32_t left;
    std::uint32_t right;
    std::uint32_t bytes;
    PieceTrie::Node node;
  };
  /// What the writing of ids keeps from one piece to the next.
  struct Writer {
    std::vector<std::int32_t>& ids;
    bool is_after_unknown = false;
  };

  void normalize(const SentencePieceModel& model, std::string_view text);
  void append_spaced(const SentencePieceModel& model, std::string_view text);
  void encode_unigram(const SentencePieceModel& model, Writer& writer);
  void encode_bpe(const SentencePieceModel& model, Writer& writer);
  void propose_merge(const SentencePieceModel& model, std::uint32_t left, std::uint32_t right);
  void write_symbol(const SentencePieceModel& model, std::string_view piece, Writer& writer) const;
  static void write_piece(const SentencePieceModel& model, std::string_view piece, std::int32_t id,
                          Writer& writer);

  std::string normalized_;
  std::vector<Best> best_;
  std::vector<std::uint32_t> path_;
  std::vector<Symbol> symbols_;
  std::vector<Merge> merges_;
  /// By id of an unused piece: how many bytes of it are its left part.
  std::vector<std::uint32_t> unused_left_bytes_;
};

}  // namespace millrace
