#include "millrace/formats/brace_expansion.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "millrace/formats/plain_text.h"

namespace millrace {

namespace {

constexpr std::uint64_t kMany = std::numeric_limits<std::uint64_t>::max();
constexpr int kMaxBraceDepth = 64;

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  return a > kMany - b ? kMany : a + b;
}
std::uint64_t saturating_multiply(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > kMany / b ? kMany : a * b;
}

struct Range {
  std::int64_t first = 0;
  std::uint64_t step = 1;
  std::uint64_t count = 0;
  bool down = false;
  bool letters = false;
  std::size_t width = 0;  // with the sign; 0: not padded

  std::string at(std::uint64_t i) const {
    // Unsigned arithmetic wraps as two's complement does, and every value lies between the ends.
    const std::uint64_t distance = i * step;
    const auto origin = static_cast<std::uint64_t>(first);
    const auto value = static_cast<std::int64_t>(down ? origin - distance : origin + distance);
    if (letters) return {static_cast<char>(value)};
    std::string digits = std::to_string(value);
    const std::size_t sign = value < 0 ? 1 : 0;
    if (digits.size() < width) digits.insert(sign, width - digits.size(), '0');
    return digits;
  }
};

// A piece of text, a range, or alternatives that are sequences of pieces again.
struct Piece {
  std::string literal;
  std::optional<Range> range;
  std::vector<std::vector<Piece>> alternatives;

  std::uint64_t count() const;
};
using Sequence = std::vector<Piece>;

std::uint64_t count_of(const Sequence& sequence) {
  std::uint64_t count = 1;
  for (const Piece& piece : sequence) count = saturating_multiply(count, piece.count());
  return count;
}

std::uint64_t Piece::count() const {
  if (range) return range->count;
  if (alternatives.empty()) return 1;
  std::uint64_t sum = 0;
  for (const Sequence& alternative : alternatives) {
    sum = saturating_add(sum, count_of(alternative));
  }
  return sum;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool looks_like_integer(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_one_letter(std::string_view text) { return text.size() == 1 && is_letter(text[0]); }

bool begins_with_zero(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0';
}

std::uint64_t distance_of(std::int64_t a, std::int64_t b) {
  const auto low = static_cast<std::uint64_t>(std::min(a, b));
  const auto high = static_cast<std::uint64_t>(std::max(a, b));
  return high - low;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Sequence> parse() {
    Sequence sequence = parse_sequence(0);
    if (failure_.empty() && at_ < text_.size()) failure_ = "unbalanced } in";
    if (failure_.empty()) return sequence;
    return fail(Reason::io_error, failure_ + " \"" + std::string(text_) + "\"");
  }

 private:
  // Up to the end of the text; inside braces up to a comma or a closing brace.
  Sequence parse_sequence(int depth) {
    Sequence sequence;
    std::string literal;
    while (at_ < text_.size() && failure_.empty()) {
      const char c = text_[at_];
      if (c == '}' || (c == ',' && depth > 0)) break;
      if (c == '{') {
        if (!literal.empty()) sequence.push_back(text_piece(std::exchange(literal, {})));
        parse_braces(depth + 1, sequence);
        continue;
      }
      if (c == '\\' && at_ + 1 < text_.size() &&
          (text_[at_ + 1] == '{' || text_[at_ + 1] == '}' || text_[at_ + 1] == ',')) {
        ++at_;
      }
      literal += text_[at_++];
    }
    if (!literal.empty()) sequence.push_back(text_piece(std::move(literal)));
    return sequence;
  }

  void parse_braces(int depth, Sequence& out) {
    if (depth > kMaxBraceDepth) {
      failure_ = "braces nested too deep in";
      return;
    }
    const std::size_t begin = ++at_;
    std::vector<Sequence> alternatives;
    while (true) {
      alternatives.push_back(parse_sequence(depth));
      if (!failure_.empty()) return;
      if (at_ == text_.size()) {
        failure_ = "unbalanced { in";
        return;
      }
      if (text_[at_++] == '}') break;
    }
    Piece piece;
    if (alternatives.size() > 1) {
      piece.alternatives = std::move(alternatives);
      out.push_back(std::move(piece));
      return;
    }
    piece.range = parse_range(text_.substr(begin, at_ - 1 - begin));
    if (piece.range) {
      out.push_back(std::move(piece));
      return;
    }
    // Neither a list nor a range: the braces are text, though what they hold may expand.
    out.push_back(text_piece("{"));
    std::move(alternatives[0].begin(), alternatives[0].end(), std::back_inserter(out));
    out.push_back(text_piece("}"));
  }

  std::optional<Range> parse_range(std::string_view text) {
    const std::size_t dots = text.find("..");
    if (dots == std::string_view::npos) return std::nullopt;
    const std::string_view first = text.substr(0, dots);
    std::string_view last = text.substr(dots + 2);
    std::string_view step = "1";
    if (const std::size_t more = last.find(".."); more != std::string_view::npos) {
      step = last.substr(more + 2);
      last = last.substr(0, more);
    }
    const bool letters = is_one_letter(first) && is_one_letter(last);
    const bool numbers = looks_like_integer(first) && looks_like_integer(last);
    if ((!letters && !numbers) || !looks_like_integer(step)) return std::nullopt;

    const auto from = letters ? std::int64_t{first[0]} : parse_integer(first);
    const auto to = letters ? std::int64_t{last[0]} : parse_integer(last);
    const auto stride = parse_integer(step);
    if (!from || !to || !stride) {
      failure_ = "a range beyond 64 bits in";
      return std::nullopt;
    }
    Range range;
    range.first = *from;
    range.down = *to < *from;
    range.letters = letters;
    // As in bash, the ends give the direction, and a step of 0 is one of 1.
    range.step = std::max<std::uint64_t>(distance_of(*stride, 0), 1);
    range.count = saturating_add(distance_of(*from, *to) / range.step, 1);
    if (begins_with_zero(first) || begins_with_zero(last)) {
      range.width = std::max(first.size(), last.size());
    }
    return range;
  }

  static Piece text_piece(std::string text) {
    Piece piece;
    piece.literal = std::move(text);
    return piece;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string failure_;
};

std::vector<std::string> expand(const Sequence& sequence);

std::vector<std::string> expand(const Piece& piece) {
  std::vector<std::string> results;
  if (piece.range) {
    results.reserve(piece.range->count);
    for (std::uint64_t i = 0; i < piece.range->count; ++i) results.push_back(piece.range->at(i));
    return results;
  }
  if (piece.alternatives.empty()) return {piece.literal};
  for (const Sequence& alternative : piece.alternatives) {
    std::vector<std::string> some = expand(alternative);
    std::move(some.begin(), some.end(), std::back_inserter(results));
  }
  return results;
}

std::vector<std::string> expand(const Sequence& sequence) {
  std::vector<std::string> results = {""};
  for (const Piece& piece : sequence) {
    if (!piece.range && piece.alternatives.empty()) {
      for (std::string& result : results) result += piece.literal;
      continue;
    }
    const std::vector<std::string> endings = expand(piece);
    std::vector<std::string> longer;
    longer.reserve(results.size() * endings.size());
    for (const std::string& result : results) {
      for (const std::string& ending : endings) longer.push_back(result + ending);
    }
    results = std::move(longer);
  }
  return results;
}

}  // namespace

Result<std::vector<std::string>> expand_braces(std::string_view text, std::size_t max_results) {
  const auto sequence = Parser(text).parse();
  if (!sequence) return tl::unexpected<Error>(sequence.error());
  if (count_of(*sequence) > max_results) {
    return fail(Reason::io_error, "more than " + std::to_string(max_results) + " shards in \"" +
                                      std::string(text) + "\"");
  }
  return expand(*sequence);
}

}  // namespace millrace
