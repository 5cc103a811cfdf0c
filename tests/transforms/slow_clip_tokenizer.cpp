#include "slow_clip_tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "millrace/transforms/text/text_repair.h"
#include "millrace/transforms/text/unicode-inl.h"
#include "millrace/transforms/tokenizers/clip_vocabulary-inl.h"

namespace millrace::test {

namespace {

std::u32string decode(std::string_view text) {
  std::u32string result;
  while (!text.empty()) {
    const Utf8Char c = decode_first(text);
    result += c.value;
    text.remove_prefix(c.bytes);
  }
  return result;
}

bool contains(std::span<const CodePointRange> ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const CodePointRange& range) {
    return range.first <= c && c <= range.last;
  });
}

bool sigma_ends_word(const std::u32string& text, std::size_t at) {
  std::ptrdiff_t before = static_cast<std::ptrdiff_t>(at) - 1;
  while (before >= 0 && contains(kCaseIgnorableRanges, text[static_cast<std::size_t>(before)])) {
    --before;
  }
  if (before < 0 || !contains(kCasedRanges, text[static_cast<std::size_t>(before)])) return false;
  std::size_t after = at + 1;
  while (after < text.size() && contains(kCaseIgnorableRanges, text[after])) ++after;
  return after == text.size() || !contains(kCasedRanges, text[after]);
}

std::u32string lower(const std::u32string& text) {
  std::u32string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == kCapitalIWithDot) {
      result += U'i';
      result += kCombiningDotAbove;
    } else if (text[i] == kCapitalSigma) {
      result += sigma_ends_word(text, i) ? kFinalSigma : kSigma;
    } else {
      result += UnicodeProperties::instance().lower(text[i]);
    }
  }
  return result;
}

std::size_t literal_length(const std::u32string& text, std::size_t at) {
  static const std::vector<std::u32string> literals = {
      U"<start_of_text>", U"<end_of_text>", U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"};
  for (const std::u32string& literal : literals) {
    std::u32string found = text.substr(at, literal.size());
    std::replace(found.begin(), found.end(), U'\u017F', U's');
    if (found == literal) return literal.size();
  }
  return 0;
}

std::vector<std::u32string> split(const std::u32string& text) {
  std::vector<std::u32string> pieces;
  for (std::size_t at = 0; at < text.size();) {
    const CharClass first = UnicodeProperties::instance().char_class(text[at]);
    std::size_t length = literal_length(text, at);
    if (length == 0) {
      length = 1;
      if (first == CharClass::letter || first == CharClass::other) {
        while (at + length < text.size() &&
               UnicodeProperties::instance().char_class(text[at + length]) == first) {
          ++length;
        }
      }
      if (first == CharClass::separator) {
        ++at;
        continue;
      }
    }
    pieces.push_back(text.substr(at, length));
    at += length;
  }
  return pieces;
}

std::vector<TokenId> merge(const std::string& piece) {
  const ClipVocabulary& vocabulary = ClipVocabulary::instance();
  std::vector<TokenId> word;
  for (const char c : piece) word.push_back(vocabulary.byte_id(static_cast<std::uint8_t>(c)));
  word.back() = vocabulary.last_byte_id(static_cast<std::uint8_t>(piece.back()));
  while (true) {
    TokenId best = ClipVocabulary::kNone;
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      best = std::min(best, vocabulary.merged(word[i], word[i + 1]));
    }
    if (best == ClipVocabulary::kNone) return word;
    std::vector<TokenId> next;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (i + 1 < word.size() && vocabulary.merged(word[i], word[i + 1]) == best) {
        next.push_back(best);
        ++i;
      } else {
        next.push_back(word[i]);
      }
    }
    word = next;
  }
}

}  // namespace

std::vector<std::int64_t> slow_clip_ids(std::string_view text, int context_length) {
  constexpr std::int64_t kStart = 49406;
  constexpr std::int64_t kEnd = 49407;
  std::vector<std::int64_t> ids = {kStart};
  TextRepair repair;
  for (const std::u32string& piece : split(lower(decode(repair.clean(text))))) {
    if (piece == U"<start_of_text>") {
      ids.push_back(kStart);
      continue;
    }
    if (piece == U"<end_of_text>") {
      ids.push_back(kEnd);
      continue;
    }
    std::string utf8;
    for (const char32_t c : piece) {
      char bytes[4];
      utf8.append(bytes, encode_utf8(c, bytes));
    }
    for (const TokenId id : merge(utf8)) ids.push_back(id);
  }
  ids.push_back(kEnd);
  const auto length = static_cast<std::size_t>(context_length);
  if (ids.size() > length) {
    ids.resize(length);
    ids.back() = kEnd;
  }
  ids.resize(length, 0);
  return ids;
}

}  // namespace millrace::test
