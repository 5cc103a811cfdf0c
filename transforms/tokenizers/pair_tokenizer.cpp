#include "millrace/transforms/tokenizers/pair_tokenizer-inl.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <utility>

#include "millrace/transforms/text/canonical_text-inl.h"
#include "millrace/transforms/text/normalization-inl.h"
#include "millrace/transforms/text/tokenizers_unicode-inl.h"
#include "millrace/transforms/text/unicode-inl.h"
#include "millrace/transforms/tokenizers/byte_pairs-inl.h"
#include "millrace/transforms/tokenizers/piece_cache-inl.h"

namespace millrace {

namespace {

bool is_all_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<signed char>(c) >= 0; });
}

/// Text in lower case, spaces or NFC as the steps say; scratch of one thread.
class TextNormalizer {
 public:
  std::string_view apply(std::string_view text, std::span<const NormalStep> steps) {
    if (steps.empty()) return text;
    if (is_all_ascii(text)) return apply_ascii(text, steps);
    decode(text);
    for (const NormalStep step : steps) {
      if (step == NormalStep::nfc) UnicodeNormalization::of_tokenizers().compose(text_, scratch_);
      if (step == NormalStep::spaces) collapse_spaces();
      if (step == NormalStep::lowercase) lower();
    }
    utf8_.clear();
    std::array<char, 4> utf8{};
    for (const char32_t c : text_) utf8_.append(utf8.data(), encode_utf8(c, utf8.data()));
    return utf8_;
  }

 private:
  static bool has(std::span<const NormalStep> steps, NormalStep wanted) {
    return std::find(steps.begin(), steps.end(), wanted) != steps.end();
  }

  std::string_view apply_ascii(std::string_view text, std::span<const NormalStep> steps) {
    const bool lowers = has(steps, NormalStep::lowercase);
    const bool collapses = has(steps, NormalStep::spaces);
    if (!lowers && !collapses) return text;
    utf8_.clear();
    for (char c : text) {
      const bool is_space = c == ' ' || (c >= '\t' && c <= '\r');
      if (collapses && is_space) {
        if (!after_space_) utf8_ += ' ';
        after_space_ = true;
        continue;
      }
      after_space_ = false;
      if (lowers && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      utf8_ += c;
    }
    after_space_ = false;
    return utf8_;
  }

  void decode(std::string_view text) {
    text_.clear();
    while (!text.empty()) {
      const Utf8Char c = decode_first(text);
      text_ += c.value;
      text.remove_prefix(c.bytes);
    }
  }

  void collapse_spaces() {
    const TokenizersUnicode& unicode = TokenizersUnicode::instance();
    scratch_.clear();
    bool after_space = false;
    for (const char32_t c : text_) {
      const bool is_space = unicode.char_class(c) == CharClass::separator;
      if (!is_space) scratch_ += c;
      if (is_space && !after_space) scratch_ += U' ';
      after_space = is_space;
    }
    text_.swap(scratch_);
  }

  void lower() {
    const TokenizersUnicode& unicode = TokenizersUnicode::instance();
    scratch_.clear();
    for (const char32_t c : text_) {
      if (c == kCapitalIWithDot) {
        scratch_ += U'i';
        scratch_ += kCombiningDotAbove;
      } else {
        scratch_ += unicode.lower(c);
      }
    }
    text_.swap(scratch_);
  }

  std::u32string text_;
  std::u32string scratch_;
  std::string utf8_;
  bool after_space_ = false;
};

/// Ids as they are found: the first that there is room for, or the last.
class IdSink {
 public:
  IdSink(std::span<std::int64_t> ids, RowSide truncation) : ids_(ids), truncation_(truncation) {}

  /// Whether further ids change nothing.
  bool is_full() const {
    return ids_.empty() || (truncation_ == RowSide::right && found_ >= ids_.size());
  }
  void write(std::int64_t id) {
    if (is_full()) return;
    ids_[next_] = id;
    next_ = next_ + 1 == ids_.size() ? 0 : next_ + 1;
    ++found_;
  }
  /// Puts the ids in their order and returns how many they are.
  std::size_t finish() {
    if (found_ <= ids_.size()) return found_;
    std::rotate(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(next_), ids_.end());
    return ids_.size();
  }

 private:
  std::span<std::int64_t> ids_;
  RowSide truncation_;
  std::size_t found_ = 0;
  std::size_t next_ = 0;  ///< found_ modulo ids_.size()
};

}  // namespace

/// The scratch of one thread for one tokenizer.
class PairTokenizer::Encoder {
 public:
  Encoder(const PairTokenizerParts& parts, std::uint64_t number)
      : parts_(parts), merger_(parts.model), number_(number) {
    for (const AddedToken& token : parts.added) {
      begins_added_[static_cast<std::uint8_t>(token.text.front())] = true;
    }
  }

  std::uint64_t number() const { return number_; }

  void encode(std::string_view text, IdSink& ids) {
    encode_segments(valid_utf8(text, valid_), false, ids);
  }

  /// The calling thread's encoder for a tokenizer; the ones of a few others stay with it.
  static Encoder& of_thread(const PairTokenizerParts& parts, std::uint64_t number) {
    constexpr std::size_t kKept = 4;
    static thread_local std::vector<std::unique_ptr<Encoder>> kept;
    const auto found = std::find_if(kept.begin(), kept.end(), [number](const auto& encoder) {
      return encoder->number() == number;
    });
    if (found != kept.end()) {
      std::rotate(kept.begin(), found, found + 1);
      return *kept.front();
    }
    if (kept.size() == kKept) kept.pop_back();
    kept.insert(kept.begin(), std::make_unique<Encoder>(parts, number));
    return *kept.front();
  }

 private:
  /// The added token at the front of `text`, the longest one; nullptr: there is none.
  const AddedToken* added_token(std::string_view text, bool is_normalized) const {
    const AddedToken* longest = nullptr;
    for (const AddedToken& token : parts_.added) {
      if (token.is_normalized == is_normalized && text.substr(0, token.text.size()) == token.text &&
          (longest == nullptr || token.text.size() > longest->text.size())) {
        longest = &token;
      }
    }
    return longest;
  }

  /// Parts `text` at added tokens and encodes what is between them: before it is normalised, and
  /// then the normalised parts again at those that are looked for there.
  void encode_segments(std::string_view text, bool is_normalized, IdSink& ids) {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size() && !ids.is_full();) {
      const AddedToken* token = begins_added_[static_cast<std::uint8_t>(text[at])]
                                    ? added_token(text.substr(at), is_normalized)
                                    : nullptr;
      if (token == nullptr) {
        ++at;
        continue;
      }
      encode_segment(text.substr(begin, at - begin), is_normalized, ids);
      ids.write(token->id);
      at += token->text.size();
      begin = at;
    }
    encode_segment(text.substr(begin), is_normalized, ids);
  }

  void encode_segment(std::string_view text, bool is_normalized, IdSink& ids) {
    if (text.empty()) return;
    if (!is_normalized) {
      encode_segments(normalizer_.apply(text, parts_.normal_steps), true, ids);
    } else {
      encode_split(text, 0, ids);
    }
  }

  void encode_split(std::string_view text, std::size_t depth, IdSink& ids) {
    if (depth == parts_.space_depth && text.front() != ' ') {
      spaced_.assign(1, ' ').append(text);
      text = spaced_;
    }
    if (depth == parts_.splits.size()) {
      encode_piece(text, ids);
      return;
    }
    while (!text.empty() && !ids.is_full()) {
      bool is_gap = false;
      const std::size_t length = next_piece(parts_.splits[depth], text, is_gap);
      if (!is_gap) encode_split(text.substr(0, length), depth + 1, ids);
      text.remove_prefix(length);
    }
  }

  void encode_piece(std::string_view text, IdSink& ids) {
    const std::span<const std::uint8_t> piece(reinterpret_cast<const std::uint8_t*>(text.data()),
                                              text.size());
    if (text.size() > ShortPiece::kMaxBytes) {
      piece_ids_.resize(std::max(piece_ids_.size(), text.size()));
      const std::size_t count = merge(piece, piece_ids_);
      for (std::size_t i = 0; i < count; ++i) ids.write(piece_ids_[i]);
      merger_.trim();
      return;
    }
    ShortPiece key;
    std::copy(piece.begin(), piece.end(), key.bytes.begin());
    key.length() = static_cast<std::uint8_t>(piece.size());
    bool found = false;
    auto& entry = cache_.entry(key, found);
    if (found) {
      for (std::size_t i = 0; i < entry.id_count; ++i) ids.write(entry.ids[i]);
      return;
    }
    std::array<MergeModel::Id, ShortPiece::kMaxBytes> found_ids{};
    const std::size_t count = merge(piece, found_ids);
    for (std::size_t i = 0; i < count; ++i) ids.write(found_ids[i]);
    if (count <= PieceCache<MergeModel::Id>::kMaxIds) {
      std::copy_n(found_ids.begin(), count, entry.ids.begin());
      entry.id_count = static_cast<std::uint16_t>(count);
    } else {
      entry.key = {};
    }
  }

  std::size_t merge(std::span<const std::uint8_t> piece, std::span<MergeModel::Id> ids) {
    if (parts_.model.has_whole_pieces()) {
      whole_.assign(piece.begin(), piece.end());
      if (const auto id = parts_.model.whole_piece(whole_)) {
        ids[0] = *id;
        return 1;
      }
    }
    return merger_.encode(piece, true, ids);
  }

  const PairTokenizerParts& parts_;
  PairMerger<MergeModel> merger_;
  std::uint64_t number_;
  std::array<bool, 256> begins_added_{};
  PieceCache<MergeModel::Id> cache_;
  TextNormalizer normalizer_;
  std::string valid_;
  std::string spaced_;
  std::string whole_;
  std::vector<MergeModel::Id> piece_ids_;
};

PairTokenizer::PairTokenizer(PairTokenizerParts parts, const TokenizerOptions& options)
    : Tokenizer(options, parts.sides), parts_(std::move(parts)) {
  static std::atomic<std::uint64_t> next_number = 0;
  number_ = next_number.fetch_add(1);
  const std::size_t fixed = parts_.begin_ids.size() + parts_.end_ids.size();
  if (fixed > static_cast<std::size_t>(context_length())) {
    throw std::invalid_argument("context_length = " + std::to_string(context_length()) +
                                ": the tokenizer's begin and end tokens alone are " +
                                std::to_string(fixed));
  }
}

std::size_t PairTokenizer::write_ids(std::string_view text, std::span<std::int64_t> ids) const {
  Encoder& encoder = Encoder::of_thread(parts_, number_);
  const std::size_t begin = parts_.begin_ids.size();
  const std::span<std::int64_t> body =
      ids.subspan(begin, ids.size() - begin - parts_.end_ids.size());
  std::copy(parts_.begin_ids.begin(), parts_.begin_ids.end(), ids.begin());
  IdSink sink(body, sides().truncation);
  encoder.encode(text, sink);
  const std::size_t written = sink.finish();
  std::copy(parts_.end_ids.begin(), parts_.end_ids.end(),
            ids.begin() + static_cast<std::ptrdiff_t>(begin + written));
  return begin + written + parts_.end_ids.size();
}

}  // namespace millrace
