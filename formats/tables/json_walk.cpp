#include "millrace/formats/tables/json_walk.h"

#include <algorithm>
#include <bit>
#include <bitset>
#include <cstdint>
#include <cstring>

#include "millrace/formats/plain_text.h"

namespace millrace {

namespace {

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool ends_run(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

// Of 8 characters, the high bit of each that ends a run of plain string characters. Those behind
// the first may be wrong. (Bit Twiddling Hacks: "Determine if a word has a byte less than n".)
std::uint64_t run_ends(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHigh = kOnes << 7U;
  const auto less_than = [&](std::uint64_t bytes, std::uint64_t limit) {
    return (bytes - kOnes * limit) & ~bytes & kHigh;
  };
  return less_than(word, 0x20) | less_than(word ^ (kOnes * '"'), 1) |
         less_than(word ^ (kOnes * '\\'), 1);
}

}  // namespace

bool JsonWalk::fail(const char* why) {
  if (broken_ == nullptr) broken_ = why;
  return false;
}

void JsonWalk::pass_blanks() {
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
}

char JsonWalk::peek() {
  pass_blanks();
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonWalk::pass(char c) {
  if (peek() != c || at_ >= text_.size()) return false;
  ++at_;
  return true;
}

bool JsonWalk::at_end() {
  pass_blanks();
  return at_ == text_.size();
}

bool JsonWalk::enter(char bracket) {
  if (broken_ != nullptr || !pass(bracket)) return false;
  if (entered_ == kMaxDepth) return fail("is nested too deeply");
  ++entered_;
  is_first_ = true;
  return true;
}

bool JsonWalk::next_member(std::string_view& key) {
  if (broken_ != nullptr) return false;
  if (pass('}')) {
    --entered_;
    is_first_ = false;
    return false;
  }
  if (!is_first_ && !pass(',')) return fail("has no comma or closing brace here");
  is_first_ = false;
  peek();
  const std::size_t begin = at_;
  if (!pass_string()) return false;
  key = text_.substr(begin, at_ - begin);
  return pass(':') || fail("has no colon here");
}

bool JsonWalk::next_entry() {
  if (broken_ != nullptr) return false;
  if (pass(']')) {
    --entered_;
    is_first_ = false;
    return false;
  }
  if (!is_first_ && !pass(',')) return fail("has no comma or closing bracket here");
  is_first_ = false;
  return true;
}

bool JsonWalk::value(std::string_view& written) {
  if (broken_ != nullptr) return false;
  peek();
  const std::size_t begin = at_;
  if (!pass_value()) return false;
  written = text_.substr(begin, at_ - begin);
  return true;
}

bool JsonWalk::pass_key() {
  peek();
  return pass_string() && (pass(':') || fail("has no colon here"));
}

bool JsonWalk::pass_value() {
  std::bitset<kMaxDepth> is_object;
  std::size_t depth = 0;
  while (true) {
    // A value is due here.
    const char c = peek();
    if (c == '{' || c == '[') {
      if (entered_ + depth >= kMaxDepth) return fail("is nested too deeply");
      ++at_;
      is_object[depth++] = c == '{';
      if (!pass(c == '{' ? '}' : ']')) {
        if (c == '{' && !pass_key()) return false;
        continue;
      }
      --depth;
    } else if (!pass_scalar()) {
      return false;
    }
    // A value ended here.
    while (depth > 0) {
      if (pass(',')) {
        if (is_object[depth - 1] && !pass_key()) return false;
        break;
      }
      if (!pass(is_object[depth - 1] ? '}' : ']')) {
        return fail("has neither a comma nor the closing bracket here");
      }
      --depth;
    }
    if (depth == 0) return true;
  }
}

bool JsonWalk::pass_scalar() {
  if (at_ >= text_.size()) return fail("ends too early");
  switch (text_[at_]) {
    case '"':
      return pass_string();
    case 't':
      return pass_word("true");
    case 'f':
      return pass_word("false");
    case 'n':
      return pass_word("null");
    default:
      return pass_number();
  }
}

bool JsonWalk::pass_word(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) return fail("has no value here");
  at_ += word.size();
  return true;
}

bool JsonWalk::pass_digits() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  return at_ > begin || fail("has a number without a digit here");
}

// RFC 8259, section 6. What may follow is the business of whoever asked for a value.
bool JsonWalk::pass_number() {
  if (text_[at_] != '-' && !is_digit(text_[at_])) return fail("has no value here");
  if (text_[at_] == '-') ++at_;
  if (at_ < text_.size() && text_[at_] == '0') {
    ++at_;
  } else if (!pass_digits()) {
    return false;
  }
  if (at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    if (!pass_digits()) return false;
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    return pass_digits();
  }
  return true;
}

bool JsonWalk::pass_string() {
  if (at_ >= text_.size() || text_[at_] != '"') return fail("has no string here");
  ++at_;
  while (true) {
    if constexpr (std::endian::native == std::endian::little) {
      while (text_.size() - at_ >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text_.data() + at_, 8);
        const std::uint64_t ends = run_ends(word);
        at_ += ends == 0 ? 8 : static_cast<std::size_t>(std::countr_zero(ends)) / 8;
        if (ends != 0) break;
      }
    }
    while (at_ < text_.size() && !ends_run(text_[at_])) ++at_;
    if (at_ >= text_.size()) return fail("ends within a string");
    if (text_[at_] == '"') {
      ++at_;
      return true;
    }
    if (text_[at_] != '\\') return fail("has a control character within a string here");
    if (!pass_escape()) return false;
  }
}

bool JsonWalk::pass_escape() {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  const std::string_view rest = text_.substr(at_ + 1);
  if (rest.starts_with('u')) {
    const std::string_view digits = rest.substr(1, 4);
    if (digits.size() < 4 || !std::all_of(digits.begin(), digits.end(), is_hex)) {
      return fail("has an escape that is none here");
    }
    at_ += 6;
    return true;
  }
  if (rest.empty() || kEscapes.find(rest[0]) == std::string_view::npos) {
    return fail("has an escape that is none here");
  }
  at_ += 2;
  return true;
}

}  // namespace millrace
