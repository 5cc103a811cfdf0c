#include "millrace/formats/index/metadata_condition.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <simdjson.h>

#include "millrace/formats/index/shard_walk.h"
#include "millrace/formats/plain_text.h"

namespace millrace {

namespace {

constexpr std::string_view kJsonPrefix = "json:";

bool is_selector_character(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == ':' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_word(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

// The length of the JSON number (RFC 8259, section 6) that `text` begins with; 0: none.
std::size_t number_length(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - begin;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const std::size_t whole_begin = at;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[whole_begin] == '0')) return 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return 0;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return 0;
  }
  return at;
}

std::string shortest(double number) {
  std::array<char, 32> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), written.ptr};
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMostShown = 200;
  std::size_t end = std::min(text.size(), kMostShown);
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  while (end > 0 && end < text.size() && continues(text[end])) --end;
  std::string printable = "\"";
  for (const char c : text.substr(0, end)) {
    printable += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return printable + (end < text.size() ? "...\"" : "\"");
}

}  // namespace

/// `not` is carried down to the comparisons while reading (De Morgan's laws hold in SQL's logic of
/// three values, too). What is left is monotone, so that two values are enough to evaluate it: a
/// comparison that is unknown counts as one that does not hold.
class MetadataCondition::Parser {
 public:
  Parser(std::string_view text, const Limits& limits, MetadataCondition& into)
      : all_(text), limits_(limits), into_(into) {
    if (text.size() > limits.max_bytes) {
      throw std::invalid_argument("condition: has " + std::to_string(text.size()) + " bytes, and " +
                                  std::to_string(limits.max_bytes) + " are the most");
    }
    if (!simdjson::validate_utf8(text.data(), text.size())) {
      throw std::invalid_argument("condition: is not UTF-8");
    }
    advance();
  }

  void parse() {
    into_.text_ = read_chain(false, 0).text;
    if (!token_.empty()) refuse(R"("and", "or" or the end)");
  }

 private:
  enum class Form : std::uint8_t { single, all, any };
  struct Part {
    std::string text;
    Form form = Form::single;
  };

  [[noreturn]] void refuse(const std::string& expected) const {
    throw std::invalid_argument("condition " + shown(all_) + ", column " +
                                std::to_string(token_begin_ + 1) + ": expected " + expected +
                                ", found " + (token_.empty() ? "the end" : shown(token_)));
  }

  void advance() {
    at_ = std::min(all_.find_first_not_of(" \t\r\n", at_), all_.size());
    token_begin_ = at_;
    if (at_ < all_.size()) at_ += token_length(all_.substr(at_));
    token_ = all_.substr(token_begin_, at_ - token_begin_);
  }

  static std::size_t token_length(std::string_view rest) {
    if (rest.front() == '<' || rest.front() == '>' || rest.front() == '=' || rest.front() == '!') {
      return rest.size() > 1 && rest[1] == '=' ? 2 : 1;
    }
    // A number's `+` is in no name; what is left over of a broken number is a token of its own.
    const std::size_t number = number_length(rest);
    const auto name_end = std::find_if_not(rest.begin(), rest.end(), is_selector_character);
    return std::max<std::size_t>({1, number, static_cast<std::size_t>(name_end - rest.begin())});
  }

  Part read_chain(bool negated, std::size_t depth) {
    return read_list("or", negated ? Operator::both : Operator::either, [&] {
      return read_list("and", negated ? Operator::either : Operator::both,
                       [&] { return read_one(negated, depth); });
    });
  }

  template <typename ReadPart>
  Part read_list(std::string_view word, Operator joint, const ReadPart& read_part) {
    Part list = read_part();
    while (is_word(token_, word)) {
      advance();
      Part next = read_part();
      const bool all = joint == Operator::both;
      if (all) {
        bracket(list);
        bracket(next);
      }
      list = {std::move(list.text) + (all ? " and " : " or ") + next.text,
              all ? Form::all : Form::any};
      push({joint});
    }
    return list;
  }

  static void bracket(Part& part) {
    if (part.form == Form::any) part.text = "(" + part.text + ")";
  }

  Part read_one(bool negated, std::size_t depth) {
    if (depth > limits_.max_depth) {
      refuse("no more than " + std::to_string(limits_.max_depth) +
             " parentheses and nots within each other");
    }
    if (is_word(token_, "not")) {
      advance();
      return read_one(!negated, depth + 1);
    }
    if (token_ == "(") {
      advance();
      Part inside = read_chain(negated, depth + 1);
      if (token_ != ")") refuse(R"-("and", "or" or ")")-");
      advance();
      return inside;
    }
    return {read_comparison(negated), Form::single};
  }

  std::string read_comparison(bool negated) {
    Step step = {};
    step.field = read_field();
    const bool of_presence = is_word(token_, "is");
    step.what = of_presence ? read_presence() : read_operator();
    if (!of_presence) step.number = read_number();
    if (negated) step.what = opposite(step.what);
    push(step);
    std::string text = into_.fields_[step.field] + " " + std::string(symbol(step.what));
    if (!of_presence) text += " " + shortest(step.number);
    return text;
  }

  std::size_t read_field() {
    const std::string_view name = token_;
    const bool keyword = is_word(name, "and") || is_word(name, "or") || is_word(name, "is");
    const bool named = !name.empty() && is_selector_character(name.front()) &&
                       name.front() != '-' && !is_digit(name.front());
    if (keyword || !named) refuse(R"-(a name such as json:width, "not" or "(")-");
    if (name.starts_with(kImagePrefix)) {
      validate_metadata(std::string(name));
      advance();
      return number_of_field(std::string(name));
    }
    const bool prefixed = name.starts_with(kJsonPrefix);
    const std::string_view path = prefixed ? name.substr(kJsonPrefix.size()) : name;
    if (path.find(':') != std::string_view::npos) {
      refuse("a name such as json:width or image:width");
    }
    if (path.starts_with("__"))
      refuse("a name such as json:width (keys have options of their own)");
    if (path.empty() || path.front() == '.' || path.back() == '.' ||
        path.find("..") != std::string_view::npos) {
      refuse("a path without empty parts, such as json:meta.width");
    }
    advance();
    return number_of_field(std::string(kJsonPrefix) + std::string(path));
  }

  std::size_t number_of_field(std::string field) {
    const auto found = std::find(into_.fields_.begin(), into_.fields_.end(), field);
    if (found != into_.fields_.end()) {
      return static_cast<std::size_t>(found - into_.fields_.begin());
    }
    into_.fields_.push_back(std::move(field));
    return into_.fields_.size() - 1;
  }

  Operator read_presence() {
    advance();
    const bool absent = is_word(token_, "absent");
    if (!absent && !is_word(token_, "present")) refuse(R"("absent" or "present")");
    advance();
    return absent ? Operator::absent : Operator::present;
  }

  Operator read_operator() {
    for (const Operator what : {Operator::less, Operator::less_equal, Operator::greater,
                                Operator::greater_equal, Operator::equal, Operator::not_equal}) {
      if (token_ != symbol(what)) continue;
      advance();
      return what;
    }
    refuse("<, <=, >, >=, ==, != or \"is\"");
  }

  double read_number() {
    if (token_.empty() || number_length(token_) != token_.size()) refuse("a number");
    double number = 0;
    const auto read = std::from_chars(token_.data(), token_.data() + token_.size(), number);
    if (read.ec != std::errc{}) refuse("a number in the range of a double");
    advance();
    return number == 0 ? 0 : number;  // -0 is 0
  }

  static std::string_view symbol(Operator what) {
    switch (what) {
      case Operator::less:
        return "<";
      case Operator::less_equal:
        return "<=";
      case Operator::greater:
        return ">";
      case Operator::greater_equal:
        return ">=";
      case Operator::equal:
        return "==";
      case Operator::not_equal:
        return "!=";
      case Operator::absent:
        return "is absent";
      case Operator::present:
        return "is present";
      case Operator::both:
      case Operator::either:
        break;
    }
    return "";
  }

  void push(const Step& step) {
    into_.steps_.push_back(step);
    const bool joins = step.what == Operator::both || step.what == Operator::either;
    results_ = joins ? results_ - 1 : results_ + 1;
    into_.most_results_ = std::max(into_.most_results_, results_);
  }

  std::string_view all_;
  const Limits& limits_;
  MetadataCondition& into_;
  std::size_t at_ = 0;
  std::size_t token_begin_ = 0;
  std::string_view token_;  // empty: the end
  std::size_t results_ = 0;
};

MetadataCondition::MetadataCondition(std::string_view text, const Limits& limits) {
  Parser(text, limits, *this).parse();
}

MetadataCondition::Operator MetadataCondition::opposite(Operator of) {
  switch (of) {
    case Operator::less:
      return Operator::greater_equal;
    case Operator::less_equal:
      return Operator::greater;
    case Operator::greater:
      return Operator::less_equal;
    case Operator::greater_equal:
      return Operator::less;
    case Operator::equal:
      return Operator::not_equal;
    case Operator::not_equal:
      return Operator::equal;
    case Operator::absent:
      return Operator::present;
    case Operator::present:
      return Operator::absent;
    case Operator::both:
      return Operator::either;
    case Operator::either:
      return Operator::both;
  }
  return of;
}

namespace {

// Bytes first: that loop is one of vector instructions, and 8 bytes are 8 bits by one product.
template <typename Holds>
std::uint64_t bits_of(const double* values, std::size_t samples, const Holds& holds) {
  std::array<std::uint8_t, 64> bytes = {};
  if (samples == 64) {
    for (std::size_t i = 0; i < 64; ++i) bytes[i] = holds(values[i]) ? 1 : 0;
  } else {
    for (std::size_t i = 0; i < samples; ++i) bytes[i] = holds(values[i]) ? 1 : 0;
  }
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 64; i += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, &bytes[i], sizeof(eight));
    bits |= (eight * 0x0102040810204080U >> 56) << i;
  }
  return bits;
}

}  // namespace

std::uint64_t MetadataCondition::select_64(const Step& step, const double* values,
                                           std::size_t samples) {
  const double number = step.number;
  switch (step.what) {
    case Operator::less:
      return bits_of(values, samples, [=](double value) { return value < number; });
    case Operator::less_equal:
      return bits_of(values, samples, [=](double value) { return value <= number; });
    case Operator::greater:
      return bits_of(values, samples, [=](double value) { return value > number; });
    case Operator::greater_equal:
      return bits_of(values, samples, [=](double value) { return value >= number; });
    case Operator::equal:
      return bits_of(values, samples, [=](double value) { return value == number; });
    case Operator::not_equal:  // NaN is neither
      return bits_of(values, samples,
                     [=](double value) { return (value < number) | (value > number); });
    case Operator::absent:
      return bits_of(values, samples, [](double value) { return std::isnan(value); });
    case Operator::present:
      return bits_of(values, samples, [](double value) { return !std::isnan(value); });
    case Operator::both:
    case Operator::either:
      break;
  }
  return 0;
}

void MetadataCondition::select(std::size_t samples, std::span<const std::vector<double>> columns,
                               std::span<std::uint64_t> selected) const {
  assert(columns.size() == fields_.size());
  assert(selected.size() == (samples + 63) / 64);
  std::vector<std::uint64_t> results(most_results_);
  for (std::size_t word = 0; word < selected.size(); ++word) {
    const std::size_t begin = word * 64;
    const std::size_t count = std::min<std::size_t>(64, samples - begin);
    std::size_t top = 0;
    for (const Step& step : steps_) {
      if (step.what == Operator::both) {
        --top;
        results[top - 1] &= results[top];
      } else if (step.what == Operator::either) {
        --top;
        results[top - 1] |= results[top];
      } else {
        results[top++] = select_64(step, columns[step.field].data() + begin, count);
      }
    }
    selected[word] = results[0];
  }
}

}  // namespace millrace
