#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

/// Which end of a text that does not fit is left out.
enum class TruncationSide : std::uint8_t {
  right,  ///< the first ids stay
  left,   ///< the last ids stay
};
/// "right", "left".
std::string_view truncation_side_name(TruncationSide side);

/// What every tokenizer can be told.
struct TokenizerOptions {
  static constexpr int kMaxContextLength = 65536;

  int context_length = 77;                  ///< ids a text, 1 to kMaxContextLength
  std::optional<std::int64_t> pad_id = {};  ///< without: the tokenizer's own
  TruncationSide truncation = TruncationSide::right;

  /// Throws std::invalid_argument that names the option and its value.
  void validate() const;
};

/// Text to ids of a fixed count. Immutable and thread-safe; each thread keeps its own scratch.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  int context_length() const { return options_.context_length; }
  const TokenizerOptions& options() const { return options_; }

  /// Writes the text's ids and then padding to `ids`, which is context_length() long; returns how
  /// many ids are the text's own, begin and end tokens among them. A longer text is cut; its begin
  /// and end tokens stay. Text that is not UTF-8: each maximal invalid part becomes U+FFFD, as
  /// Python's errors="replace". Allocates nothing once a thread has encoded a few texts. Throws
  /// std::invalid_argument if `ids` has another length.
  std::size_t encode(std::string_view text, std::span<std::int64_t> ids) const;

  /// A JSON object that says all that changes the ids, e.g. {"type":"clip","context_length":77}:
  /// what options have for it, and part of the dataset's fingerprint.
  virtual std::string describe() const = 0;

 protected:
  /// Throws as TokenizerOptions::validate.
  explicit Tokenizer(const TokenizerOptions& options);

  /// `,"context_length":77` and the other options where they are not at their defaults, to go on
  /// with a JSON object.
  std::string describe_options() const;

 private:
  /// Writes the ids without padding, at most ids.size() of them; returns how many.
  virtual std::size_t write_ids(std::string_view text, std::span<std::int64_t> ids) const = 0;
  virtual std::int64_t own_pad_id() const = 0;

  TokenizerOptions options_;
};

}  // namespace millrace
