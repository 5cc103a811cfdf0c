#include "millrace/transforms/text/text_repair.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "millrace/transforms/text/html_entities-inl.h"
#include "millrace/transforms/text/mojibake-inl.h"
#include "millrace/transforms/text/mojibake_tables-inl.h"
#include "millrace/transforms/text/normalization-inl.h"
#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

/// ftfy works on lines, and on parts of this many characters of longer ones.
constexpr std::size_t kLongestSegment = 1'000'000;

/// What becomes of a character, wherever it stands. Immutable.
class CharacterFixes {
 public:
  static const CharacterFixes& instance() {
    // Never destroyed: threads may still encode while the process ends.
    static const auto* const fixes = new CharacterFixes();
    return *fixes;
  }

  /// Whether one of ftfy's steps, mojibake aside, could change a text with this character.
  bool is_touched(char32_t c) const { return (bits_[c] & kTouched) != 0; }
  bool is_removed(char32_t c) const { return (bits_[c] & kRemoved) != 0; }
  bool is_digit(char32_t c) const { return (bits_[c] & kDigit) != 0; }
  bool is_replaced(char32_t c) const { return (bits_[c] & kReplaced) != 0; }
  static const Replacement& replacement(char32_t c) {
    return *std::lower_bound(kReplacements.begin(), kReplacements.end(), c,
                             [](const Replacement& a, char32_t value) { return a.from < value; });
  }

 private:
  static constexpr std::uint8_t kTouched = 1;
  static constexpr std::uint8_t kRemoved = 2;
  static constexpr std::uint8_t kDigit = 4;
  static constexpr std::uint8_t kReplaced = 8;

  CharacterFixes() {
    std::vector<std::uint8_t> flat(CodePointTable<std::uint8_t>::kCodePoints, 0);
    const auto add = [&flat](std::span<const CodePointRange> ranges, std::uint8_t bits) {
      for (const auto& [first, last] : ranges) {
        for (char32_t c = first; c <= last; ++c) flat[c] |= bits;
      }
    };
    add(kRemovedRanges, kRemoved | kTouched);
    add(kDigitRanges, kDigit);
    for (const Replacement& replacement : kReplacements) {
      flat[replacement.from] |= kReplaced | kTouched;
    }
    static constexpr std::array<CodePointRange, 5> kOthers = {
        {{0x80, 0x9F}, {0x2BC, 0x2BC}, {0x2018, 0x201F}, {0x2028, 0x2029}, {'\r', '\r'}}};
    add(kOthers, kTouched);
    const UnicodeNormalization& normalization = UnicodeNormalization::instance();
    for (char32_t c = 0; c < flat.size(); ++c) {
      if (!normalization.is_inert(c)) flat[c] |= kTouched;
    }
    bits_ = CodePointTable<std::uint8_t>(flat);
  }

  CodePointTable<std::uint8_t> bits_;
};

char32_t uncurl(char32_t c) {
  if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B)) return '\'';
  if (c >= 0x201C && c <= 0x201F) return '"';
  return c;
}

/// Whether the `&` at text[at] cannot begin a reference.
bool is_lone_ampersand(std::string_view text, std::size_t at) {
  if (at + 1 == text.size()) return true;
  const char next = text[at + 1];
  return next == ' ' || next == '\t' || next == '\n' || next == '\f' || next == '<' ||
         next == '&' || next == ';';
}

bool has_reference(std::string_view text) {
  for (std::size_t at = text.find('&'); at != std::string_view::npos; at = text.find('&', at + 1)) {
    if (!is_lone_ampersand(text, at)) return true;
  }
  return false;
}

void append_utf8(std::u32string_view text, std::string& out) {
  std::array<char, 4> utf8{};
  for (const char32_t c : text) out.append(utf8.data(), encode_utf8(c, utf8.data()));
}

void append_decoded(std::string_view text, std::u32string& out) {
  while (!text.empty()) {
    const Utf8Char c = decode_first(text);
    out += c.value;
    text.remove_prefix(c.bytes);
  }
}

}  // namespace

class TextRepair::Work {
 public:
  std::string_view fix_text(std::string_view text) {
    if (is_left_alone(text)) return text;
    decode(text);
    fix_segments();
    return encoded();
  }

  std::string_view clean(std::string_view text) {
    if (is_left_alone(text)) return text;
    decode(text);
    fix_segments();
    unescape_html(fixed_, scratch_);
    unescape_html(fixed_, scratch_);
    return encoded();
  }

 private:
  void decode(std::string_view text) {
    text_.clear();
    append_decoded(text, text_);
  }
  std::string_view encoded() {
    utf8_.clear();
    append_utf8(fixed_, utf8_);
    trim(text_);
    trim(fixed_);
    trim(segment_);
    trim(before_);
    trim(scratch_);
    return utf8_;
  }
  /// Frees what only an extraordinary text needs.
  static void trim(std::u32string& text) {
    constexpr std::size_t kKept = std::size_t{1} << 16;
    if (text.capacity() > kKept) text = {};
  }

  static bool is_left_alone(std::string_view text);
  void fix_segments();
  void fix_segment(bool unescape, WorkBudget& budget);
  void fix_characters();
  void remove_controls();
  static std::size_t terminal_escape(std::u32string_view text);

  std::u32string text_;
  std::u32string fixed_;
  std::u32string segment_;
  std::u32string before_;
  std::u32string scratch_;
  std::string utf8_;
  MojibakeRepair mojibake_;
};

/// Whether cleaning surely does nothing to the text: no reference, no character that ftfy touches,
/// and nothing that looks garbled in any of its segments.
bool TextRepair::Work::is_left_alone(std::string_view text) {
  if (text.size() >= kLongestSegment) return false;
  const CharacterFixes& fixes = CharacterFixes::instance();
  const MojibakeTraits& traits = MojibakeTraits::instance();
  if (has_reference(text)) return false;
  BadnessScan scan;
  while (!text.empty()) {
    const Utf8Char c = decode_first(text);
    if (fixes.is_touched(c.value) || scan.see(traits.badness_atom(c.value))) return false;
    if (c.value == '\n') scan.restart();
    text.remove_prefix(c.bytes);
  }
  return true;
}

/// text_ to fixed_.
void TextRepair::Work::fix_segments() {
  constexpr std::size_t kPasses = 64;
  constexpr std::size_t kLeast = std::size_t{1} << 20;
  WorkBudget budget(kPasses * text_.size() + kLeast);
  fixed_.clear();
  bool unescape = true;
  for (std::size_t at = 0; at < text_.size();) {
    const std::size_t line_end = text_.find(U'\n', at);
    std::size_t end = line_end == std::u32string::npos ? text_.size() : line_end + 1;
    end = std::min(end, at + kLongestSegment);
    segment_.assign(text_, at, end - at);
    // A "<" says that this is HTML and is meant to be, from here on.
    unescape = unescape && segment_.find(U'<') == std::u32string::npos;
    fix_segment(unescape, budget);
    fixed_ += segment_;
    at = end;
  }
}

void TextRepair::Work::fix_segment(bool unescape, WorkBudget& budget) {
  do {
    if (!budget.take(segment_.size())) return;
    before_ = segment_;
    if (unescape) unescape_plain_entities(segment_, scratch_);
    mojibake_.repair(segment_, budget);
    fix_characters();
    remove_controls();
    UnicodeNormalization::instance().compose(segment_, scratch_);
  } while (segment_ != before_);
}

/// C1 controls, ligatures, widths, quotes and line breaks.
void TextRepair::Work::fix_characters() {
  const CharacterFixes& fixes = CharacterFixes::instance();
  if (std::none_of(segment_.begin(), segment_.end(),
                   [&](char32_t c) { return fixes.is_touched(c); })) {
    return;
  }
  scratch_.clear();
  for (std::size_t i = 0; i < segment_.size(); ++i) {
    const char32_t c = instead_of_c1(segment_[i]);
    if (fixes.is_replaced(c)) {
      const Replacement& instead = CharacterFixes::replacement(c);
      for (const char32_t part : {instead.first, instead.second, instead.third}) {
        if (part != 0) scratch_ += uncurl(part);
      }
    } else if (c == '\r') {
      // Of a line break in two characters the second stands for both.
      if (i + 1 == segment_.size() || segment_[i + 1] != '\n') scratch_ += U'\n';
    } else {
      scratch_ += c == 0x2028 || c == 0x2029 ? U'\n' : uncurl(c);
    }
  }
  segment_.swap(scratch_);
}

/// Escape sequences of terminals, and control characters.
void TextRepair::Work::remove_controls() {
  const CharacterFixes& fixes = CharacterFixes::instance();
  std::size_t kept = 0;
  for (std::size_t at = 0; at < segment_.size();) {
    const std::size_t escape = terminal_escape(std::u32string_view(segment_).substr(at));
    if (escape > 0) {
      at += escape;
      continue;
    }
    if (!fixes.is_removed(segment_[at])) segment_[kept++] = segment_[at];
    ++at;
  }
  segment_.resize(kept);
}

/// How long the escape sequence at the front is; 0: there is none.
std::size_t TextRepair::Work::terminal_escape(std::u32string_view text) {
  const CharacterFixes& fixes = CharacterFixes::instance();
  if (text[0] != 0x1B || text.size() < 3 || text[1] != '[') return 0;
  std::size_t at = 2;
  while (at < text.size() && (text[at] == ';' || fixes.is_digit(text[at]))) ++at;
  if (at == text.size()) return 0;
  const char32_t last = text[at] | 0x20U;
  return last >= 'a' && last <= 'z' ? at + 1 : 0;
}

TextRepair::TextRepair() : work_(std::make_unique<Work>()) {}
TextRepair::~TextRepair() = default;
TextRepair::TextRepair(TextRepair&& other) noexcept = default;
TextRepair& TextRepair::operator=(TextRepair&& other) noexcept = default;

std::string_view TextRepair::fix_text(std::string_view text) { return work_->fix_text(text); }

std::string_view TextRepair::clean(std::string_view text) { return work_->clean(text); }

bool TextRepair::is_plain(std::string_view text) {
  // Whole blocks without a branch, so that they become vector code.
  constexpr std::size_t kBlock = 64;
  const auto is_unplain = [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    const bool is_printable = static_cast<std::uint8_t>(byte - 0x20) < 0x5F;
    const bool is_space = byte == '\t' || byte == '\n' || byte == '\f' || byte == '\r';
    return static_cast<unsigned>(!(is_printable || is_space)) | static_cast<unsigned>(byte == '&');
  };
  while (!text.empty()) {
    const std::string_view block = text.substr(0, kBlock);
    unsigned unplain = 0;
    for (const char c : block) unplain |= is_unplain(c);
    if (unplain != 0) return false;
    text.remove_prefix(block.size());
  }
  return true;
}

}  // namespace millrace
