#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "millrace/transforms/tokenizers/tokenizer.h"

namespace millrace {

/// What open_clip's SimpleTokenizer does to a text after ftfy and HTML unescaping (its `clean`).
enum class ClipClean : std::uint8_t {
  lower,         ///< white space collapsed, lower case: CLIP's own
  whitespace,    ///< white space collapsed, case kept
  canonicalize,  ///< ASCII punctuation removed, `_` to a space, lower case, white space collapsed
};
/// "lower", "whitespace", "canonicalize".
std::string_view clip_clean_name(ClipClean clean);

/// CLIP's byte-pair encoder, equal to open_clip's SimpleTokenizer for every text: ftfy, HTML
/// unescaping, `clean`, splitting, merging. All share one vocabulary, which is part of the library
/// and is unpacked at the first `encode` of the process (some milliseconds).
///
/// Writes [start, ids..., end], padded with 0; of a longer text the last id is still the end.
class ClipTokenizer final : public Tokenizer {
 public:
  static constexpr std::int64_t kStartId = 49406;
  static constexpr std::int64_t kEndId = 49407;

  /// Throws std::invalid_argument as TokenizerOptions::validate.
  explicit ClipTokenizer(int context_length = 77);
  explicit ClipTokenizer(const TokenizerOptions& options, ClipClean clean = ClipClean::lower);

  std::string describe() const override;

 private:
  std::size_t write_ids(std::string_view text, std::span<std::int64_t> ids) const override;
  std::int64_t own_pad_id() const override { return 0; }

  ClipClean clean_;
};

}  // namespace millrace
