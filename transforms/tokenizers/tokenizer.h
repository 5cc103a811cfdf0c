#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

/// An end of a row of ids.
enum class RowSide : std::uint8_t { right, left };
/// "right", "left".
std::string_view row_side_name(RowSide side);

/// What is done to texts that are longer or shorter than a row.
struct RowSides {
  RowSide truncation = RowSide::right;  ///< right: the first ids stay; left: the last ones
  RowSide padding = RowSide::right;     ///< right: behind the text's ids; left: before them
};

/// What every tokenizer can be told.
struct TokenizerOptions {
  static constexpr int kMaxContextLength = 65536;

  int context_length = 77;                  ///< ids a text, 1 to kMaxContextLength
  std::optional<std::int64_t> pad_id = {};  ///< without: the tokenizer's own
  std::optional<RowSide> truncation = {};   ///< without: the tokenizer's own, mostly right
  std::optional<RowSide> padding = {};      ///< the same

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
  /// The options', or the tokenizer's own where these do not say.
  const RowSides& sides() const { return sides_; }

  /// Writes the text's ids and padding to `ids`, which is context_length() long; returns how many
  /// ids are the text's own, begin and end tokens among them. A longer text is cut; its begin and
  /// end tokens stay. Text that is not UTF-8: each maximal invalid part becomes U+FFFD, as
  /// Python's errors="replace". Allocates nothing once a thread has encoded a few texts. Throws
  /// std::invalid_argument if `ids` has another length.
  std::size_t encode(std::string_view text, std::span<std::int64_t> ids) const;

  /// Writes to `mask`, which is context_length() long, 1 for each id that is the text's own and 0
  /// for padding, if encode() returned `own_ids`.
  void write_mask(std::size_t own_ids, std::span<std::int64_t> mask) const;

  /// A JSON object that says all that changes the ids, e.g. {"type":"clip","context_length":77}:
  /// what options have for it, and part of the dataset's fingerprint.
  virtual std::string describe() const = 0;

 protected:
  /// `own_sides`: those of options that do not say. Throws as TokenizerOptions::validate.
  explicit Tokenizer(const TokenizerOptions& options, const RowSides& own_sides = {});

  /// `,"context_length":77` and the other options where they change something, to go on with a JSON
  /// object.
  std::string describe_options() const;

 private:
  /// Writes the ids without padding, at most ids.size() of them; returns how many.
  virtual std::size_t write_ids(std::string_view text, std::span<std::int64_t> ids) const = 0;
  virtual std::int64_t own_pad_id() const = 0;

  /// `row` in two: the text's own ids and the padding.
  struct RowParts {
    std::span<std::int64_t> own;
    std::span<std::int64_t> padding;
  };
  RowParts row_parts(std::span<std::int64_t> row, std::size_t own_ids) const;
  void check_length(std::span<const std::int64_t> row) const;

  TokenizerOptions options_;
  RowSides own_sides_;
  RowSides sides_;
};

}  // namespace millrace
