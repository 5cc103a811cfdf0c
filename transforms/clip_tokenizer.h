#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace millrace {

/// CLIP's byte-pair encoder as open_clip's SimpleTokenizer. Immutable and thread-safe. All share
/// one vocabulary, which is part of the library and is unpacked at the first `encode` of the
/// process (some milliseconds).
///
/// Exact for every text whose ftfy and HTML clean-up is the identity (other texts are encoded as
/// they stand, after whitespace clean-up and lower-casing).
class ClipTokenizer {
 public:
  static constexpr std::int64_t kStartId = 49406;
  static constexpr std::int64_t kEndId = 49407;

  /// Throws std::invalid_argument unless 1 <= context_length <= 65536.
  explicit ClipTokenizer(int context_length = 77);

  int context_length() const { return context_length_; }

  /// Writes [start, ids..., end, 0...] to `ids`, which is context_length() long. A longer text is
  /// cut so that the last id is kEndId. Text that is not UTF-8: each maximal invalid part becomes
  /// U+FFFD, as Python's errors="replace". Of a long text only the part that fits is read (and the
  /// white space before it). Allocates nothing once a thread has encoded a few texts. Throws
  /// std::invalid_argument if `ids` has another length.
  void encode(std::string_view text, std::span<std::int64_t> ids) const;

 private:
  int context_length_;
};

}  // namespace millrace
