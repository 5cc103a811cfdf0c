#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/transforms/tokenizers/merge_model-inl.h"
#include "millrace/transforms/tokenizers/split_pattern-inl.h"
#include "millrace/transforms/tokenizers/tokenizer.h"

namespace millrace {

/// What a text goes through before it is parted.
enum class NormalStep : std::uint8_t { nfc, spaces, lowercase };

/// A string that is one id wherever a text has it.
struct AddedToken {
  std::string text;
  std::int64_t id;
  bool is_normalized;  ///< looked for in the normalised text, not in the text as it comes
};

/// All that makes a byte-level BPE tokenizer.
struct PairTokenizerParts {
  MergeModel model;
  std::vector<NormalStep> normal_steps = {};
  std::vector<SplitPattern> splits = {};  ///< each parts the pieces of the one before
  /// Before the split of this number, or behind the last one, a piece that does not begin with a
  /// space gets one (`add_prefix_space`).
  std::optional<std::size_t> space_depth = {};
  std::vector<AddedToken> added = {};
  std::vector<std::int64_t> begin_ids = {};
  std::vector<std::int64_t> end_ids = {};
  std::int64_t pad_id = 0;
  RowSides sides = {};  ///< of options that do not say
  std::string description =
      {};  ///< the JSON object of describe() without options and without its end
};

/// Byte-level BPE as Hugging Face's tokenizers does it.
class PairTokenizer final : public Tokenizer {
 public:
  /// Throws std::invalid_argument if begin_ids and end_ids do not fit into the context length.
  PairTokenizer(PairTokenizerParts parts, const TokenizerOptions& options);

  std::string describe() const override { return parts_.description + describe_options() + "}"; }

 private:
  class Encoder;

  std::size_t write_ids(std::string_view text, std::span<std::int64_t> ids) const override;
  std::int64_t own_pad_id() const override { return parts_.pad_id; }

  PairTokenizerParts parts_;
  std::uint64_t number_;  ///< of this tokenizer in the process: threads keep scratch for it
};

}  // namespace millrace
