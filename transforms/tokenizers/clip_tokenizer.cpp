#include "millrace/transforms/tokenizers/clip_tokenizer.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "millrace/transforms/text/canonical_text-inl.h"
#include "millrace/transforms/text/text_repair.h"
#include "millrace/transforms/text/unicode-inl.h"
#include "millrace/transforms/tokenizers/byte_pairs-inl.h"
#include "millrace/transforms/tokenizers/clip_vocabulary-inl.h"
#include "millrace/transforms/tokenizers/piece_cache-inl.h"

namespace millrace {

namespace {

/// Class and lower case of the ASCII characters, to which nearly every caption keeps.
struct AsciiTable {
  static constexpr std::uint8_t kNotAscii = 4;
  std::array<std::uint8_t, 256> char_class{};
  std::array<std::uint8_t, 256> lower{};
  std::array<std::uint8_t, 256> same{};

  constexpr AsciiTable() {
    for (unsigned c = 0; c < 256; ++c) {
      const bool is_upper = c >= 'A' && c <= 'Z';
      auto found = CharClass::other;
      if (is_upper || (c >= 'a' && c <= 'z')) found = CharClass::letter;
      if (c >= '0' && c <= '9') found = CharClass::number;
      if ((c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20)) found = CharClass::separator;
      char_class[c] = c < 0x80 ? static_cast<std::uint8_t>(found) : kNotAscii;
      lower[c] = static_cast<std::uint8_t>(is_upper ? c - 'A' + 'a' : c);
      same[c] = static_cast<std::uint8_t>(c);
    }
  }
};
constexpr AsciiTable kAscii;

/// Ids as they are found, until there is no more room.
class IdWriter {
 public:
  explicit IdWriter(std::span<std::int64_t> ids) : ids_(ids) {}
  std::size_t written() const { return written_; }
  std::size_t room() const { return ids_.size() - written_; }
  void write(std::int64_t id) {
    if (room() > 0) ids_[written_++] = id;
  }
  void write(std::span<const TokenId> ids) {
    const std::size_t count = std::min(ids.size(), room());
    for (std::size_t i = 0; i < count; ++i) ids_[written_ + i] = ids[i];
    written_ += count;
  }

 private:
  std::span<std::int64_t> ids_;
  std::size_t written_ = 0;
};

/// The characters of a text, in lower case if asked for. U+0130 alone becomes two; `dot_` says that
/// the second is still to come.
class LowerText {
 public:
  struct Char {
    char32_t value;
    CharClass char_class;
    std::uint32_t bytes;  ///< that it takes in the text
    bool dot_follows;
  };

  LowerText(std::string_view text, const UnicodeProperties& properties, bool lowers)
      : text_(text), properties_(properties), lowers_(lowers) {}

  bool done() const { return at_ == text_.size() && !dot_; }
  bool within_char() const { return dot_; }
  std::string_view left() const { return text_.substr(at_); }
  void skip(std::size_t bytes) { at_ += bytes; }

  Char peek() const {
    if (dot_) return {kCombiningDotAbove, CharClass::other, 0, false};
    const Utf8Char c = decode_first(left());
    if (!lowers_) return {c.value, properties_.char_class(c.value), c.bytes, false};
    if (c.value == kCapitalIWithDot) return {'i', CharClass::letter, c.bytes, true};
    const char32_t lower =
        c.value == kCapitalSigma ? properties_.lower_sigma(text_, at_) : properties_.lower(c.value);
    return {lower, properties_.char_class(lower), c.bytes, false};
  }
  void take(const Char& c) {
    at_ += c.bytes;
    dot_ = c.dot_follows;
  }

 private:
  std::string_view text_;
  const UnicodeProperties& properties_;
  bool lowers_;
  std::size_t at_ = 0;
  bool dot_ = false;
};

/// How many bytes at the front of `text` match `literal` (lower-case ASCII) as the regex package
/// matches it, ignoring case; 0: none. Only U+017F, the long s, folds to a letter of the literals
/// without being lowered to it.
std::size_t match_ignoring_case(std::string_view text, std::string_view literal) {
  constexpr std::string_view kLongS = "\xC5\xBF";
  std::size_t at = 0;
  for (const char wanted : literal) {
    if (at == text.size()) return 0;
    if (kAscii.lower[static_cast<std::uint8_t>(text[at])] == static_cast<std::uint8_t>(wanted)) {
      ++at;
    } else if (wanted == 's' && text.substr(at, kLongS.size()) == kLongS) {
      at += kLongS.size();
    } else {
      return 0;
    }
  }
  return at;
}

/// Splits and encodes; the scratch of one thread.
class Encoder {
 public:
  /// `text` is cleaned, but for white space and, where `lowers`, for its case.
  void encode(std::string_view text, bool lowers, IdWriter& ids);

 private:
  bool encode_literal(LowerText& text, IdWriter& ids);
  bool encode_ascii_run(LowerText& text, IdWriter& ids);
  void encode_run(LowerText& text, IdWriter& ids);
  void collect(LowerText& text, CharClass wanted, std::size_t limit_bytes);
  bool run_goes_on(const LowerText& text, CharClass wanted) const {
    return !text.done() && text.peek().char_class == wanted;
  }
  void encode_piece(std::span<const std::uint8_t> piece, IdWriter& ids);
  void encode_short_piece(const ShortPiece& piece, IdWriter& ids);

  const ClipVocabulary& vocabulary_ = ClipVocabulary::instance();
  const UnicodeProperties& properties_ = UnicodeProperties::instance();
  BytePairEncoder byte_pairs_{vocabulary_};
  PieceCache<TokenId> cache_;
  std::vector<std::uint8_t> piece_;
  std::vector<TokenId> piece_ids_;
  const std::array<std::uint8_t, 256>* ascii_case_ = &kAscii.lower;
};

void Encoder::encode(std::string_view whole_text, bool lowers, IdWriter& ids) {
  LowerText text(whole_text, properties_, lowers);
  ascii_case_ = lowers ? &kAscii.lower : &kAscii.same;
  while (!text.done() && ids.room() > 0) {
    if (text.within_char()) {
      encode_run(text, ids);
      continue;
    }
    const auto first = static_cast<std::uint8_t>(text.left().front());
    switch (kAscii.char_class[first]) {
      case static_cast<std::uint8_t>(CharClass::separator):
        text.skip(1);
        break;
      case static_cast<std::uint8_t>(CharClass::number):
        ids.write(vocabulary_.last_byte_id(first));
        text.skip(1);
        break;
      case AsciiTable::kNotAscii:
        encode_run(text, ids);
        break;
      default:
        if ((first == '<' || first == '\'') && encode_literal(text, ids)) break;
        if (!encode_ascii_run(text, ids)) encode_run(text, ids);
    }
  }
}

/// The alternatives of the pattern that come before its classes: special tokens and contractions.
bool Encoder::encode_literal(LowerText& text, IdWriter& ids) {
  struct Literal {
    std::string_view text;
    std::int64_t special_id;
  };
  static constexpr std::array<Literal, 9> kLiterals = {
      {{"<start_of_text>", ClipTokenizer::kStartId},
       {"<end_of_text>", ClipTokenizer::kEndId},
       {"'s", 0},
       {"'t", 0},
       {"'re", 0},
       {"'ve", 0},
       {"'m", 0},
       {"'ll", 0},
       {"'d", 0}}};
  for (const Literal& literal : kLiterals) {
    const std::size_t bytes = match_ignoring_case(text.left(), literal.text);
    if (bytes == 0) continue;
    piece_.clear();
    for (const char c : text.left().substr(0, bytes)) {
      piece_.push_back((*ascii_case_)[static_cast<std::uint8_t>(c)]);
    }
    const std::string_view found(reinterpret_cast<const char*>(piece_.data()), piece_.size());
    if (literal.special_id != 0 && found == literal.text) {
      ids.write(literal.special_id);
    } else {
      encode_piece(piece_, ids);
    }
    text.skip(bytes);
    return true;
  }
  return false;
}

/// A run of ASCII letters or of other ASCII characters of at most 15 bytes; false, and nothing
/// done, if it is longer or goes on in other characters.
bool Encoder::encode_ascii_run(LowerText& text, IdWriter& ids) {
  const std::string_view left = text.left();
  const std::uint8_t wanted = kAscii.char_class[static_cast<std::uint8_t>(left.front())];
  const std::size_t limit = std::min(left.size(), ShortPiece::kMaxBytes);
  ShortPiece piece;
  std::size_t length = 0;
  for (; length < limit; ++length) {
    const auto c = static_cast<std::uint8_t>(left[length]);
    if (kAscii.char_class[c] != wanted) break;
    piece.bytes[length] = (*ascii_case_)[c];
  }
  if (length < left.size()) {
    const std::uint8_t after = kAscii.char_class[static_cast<std::uint8_t>(left[length])];
    if (after == wanted || after == AsciiTable::kNotAscii) return false;
  }
  piece.length() = static_cast<std::uint8_t>(length);
  encode_short_piece(piece, ids);
  text.skip(length);
  return true;
}

/// The piece at the front of any text.
void Encoder::encode_run(LowerText& text, IdWriter& ids) {
  piece_.clear();
  const LowerText::Char first = text.peek();
  if (first.char_class == CharClass::separator) {
    text.take(first);
    return;
  }
  if (first.char_class == CharClass::number) {
    collect(text, CharClass::number, 1);
    encode_piece(piece_, ids);
    return;
  }
  // An endless word need not be read to its end: only its first ids fit.
  std::size_t window_bytes = BytePairEncoder::window_bytes(ids.room());
  collect(text, first.char_class, 4 * window_bytes);
  while (run_goes_on(text, first.char_class)) {
    piece_ids_.resize(ids.room());
    const std::span<const std::uint8_t> window(piece_.data(),
                                               std::min(window_bytes, piece_.size()));
    if (byte_pairs_.encode_prefix(window, piece_ids_)) {
      ids.write(piece_ids_);
      return;
    }
    window_bytes *= 4;
    collect(text, first.char_class, 4 * window_bytes);
  }
  encode_piece(piece_, ids);
}

/// Appends characters to the piece as long as they are of the class, until it has `limit_bytes`.
void Encoder::collect(LowerText& text, CharClass wanted, std::size_t limit_bytes) {
  while (piece_.size() < limit_bytes && !text.done()) {
    const LowerText::Char c = text.peek();
    if (c.char_class != wanted) return;
    std::array<char, 4> utf8{};
    const std::size_t bytes = encode_utf8(c.value, utf8.data());
    piece_.insert(piece_.end(), utf8.begin(), utf8.begin() + bytes);
    text.take(c);
  }
}

void Encoder::encode_piece(std::span<const std::uint8_t> piece, IdWriter& ids) {
  if (piece.size() <= ShortPiece::kMaxBytes) {
    ShortPiece short_piece;
    std::copy(piece.begin(), piece.end(), short_piece.bytes.begin());
    short_piece.length() = static_cast<std::uint8_t>(piece.size());
    encode_short_piece(short_piece, ids);
    return;
  }
  piece_ids_.resize(std::min(ids.room(), piece.size()));
  const std::size_t count = byte_pairs_.encode(piece, true, piece_ids_);
  ids.write(std::span<const TokenId>(piece_ids_).first(count));
  constexpr std::size_t kTrimBytes = std::size_t{1} << 18;
  if (piece_.capacity() > kTrimBytes) {
    byte_pairs_.trim();
    piece_ = {};
  }
}

void Encoder::encode_short_piece(const ShortPiece& piece, IdWriter& ids) {
  bool found = false;
  PieceCache<TokenId>::Entry& entry = cache_.entry(piece, found);
  if (found) {
    ids.write(std::span<const TokenId>(entry.ids).first(entry.id_count));
    return;
  }
  std::array<TokenId, ShortPiece::kMaxBytes> all_ids{};
  const std::size_t count = byte_pairs_.encode(piece.text(), true, all_ids);
  ids.write(std::span<const TokenId>(all_ids).first(count));
  if (count <= PieceCache<TokenId>::kMaxIds) {
    std::copy_n(all_ids.begin(), count, entry.ids.begin());
    entry.id_count = static_cast<std::uint16_t>(count);
  } else {
    entry.key = {};
  }
}

/// What a thread keeps between texts.
struct ClipScratch {
  Encoder encoder;
  TextRepair repair;
  std::string canonical;
  std::vector<std::int64_t> all_ids;
};

}  // namespace

std::string_view clip_clean_name(ClipClean clean) {
  switch (clean) {
    case ClipClean::lower:
      return "lower";
    case ClipClean::whitespace:
      return "whitespace";
    case ClipClean::canonicalize:
      return "canonicalize";
  }
  return "";
}

ClipTokenizer::ClipTokenizer(int context_length)
    : ClipTokenizer(TokenizerOptions{context_length}) {}

ClipTokenizer::ClipTokenizer(const TokenizerOptions& options, ClipClean clean)
    : Tokenizer(options), clean_(clean) {}

std::string ClipTokenizer::describe() const {
  std::string text = R"({"type":"clip")" + describe_options();
  if (clean_ != ClipClean::lower) {
    text += R"(,"clean":")" + std::string(clip_clean_name(clean_)) + "\"";
  }
  return text + "}";
}

std::size_t ClipTokenizer::write_ids(std::string_view text, std::span<std::int64_t> ids) const {
  if (ids.size() == 1) {
    ids[0] = kEndId;
    return 1;
  }
  static thread_local ClipScratch scratch;
  if (!TextRepair::is_plain(text)) text = scratch.repair.clean(text);
  if (clean_ == ClipClean::canonicalize) {
    remove_punctuation(text, true, scratch.canonical);
    text = scratch.canonical;
  }
  const bool lowers = clean_ != ClipClean::whitespace;
  const std::span<std::int64_t> body = ids.subspan(1, ids.size() - 2);
  ids[0] = kStartId;
  std::size_t written = 0;
  if (sides().truncation == RowSide::right) {
    IdWriter writer(body);
    scratch.encoder.encode(text, lowers, writer);
    written = writer.written();
  } else {
    // Lowered text has at most twice as many bytes, and an id is made of at least one.
    scratch.all_ids.resize(std::max(scratch.all_ids.size(), 2 * text.size()));
    IdWriter writer(scratch.all_ids);
    scratch.encoder.encode(text, lowers, writer);
    written = std::min(writer.written(), body.size());
    std::copy_n(scratch.all_ids.begin() + static_cast<std::ptrdiff_t>(writer.written() - written),
                written, body.begin());
  }
  ids[1 + written] = kEndId;
  return written + 2;
}

}  // namespace millrace
