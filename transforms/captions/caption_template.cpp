#include "millrace/transforms/captions/caption_template.h"

#include <stdexcept>
#include <utility>

namespace millrace {

namespace {

/// Reads a template from its front to its end.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<CaptionTemplate::Piece> parse() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool is_bracket = c == '{' || c == '}' || c == '[' || c == ']';
      const bool is_doubled = at_ + 1 < text_.size() && text_[at_ + 1] == c;
      if (is_bracket && !is_doubled) {
        take_bracket(c);
      } else {
        literal_ += c;
        at_ += is_bracket ? 2 : 1;
      }
    }
    if (part_ > 0) refuse(part_begin_, "the bracket is not closed");
    end_literal();
    return std::move(pieces_);
  }

 private:
  void take_bracket(char c) {
    if (c == '{') return take_field();
    if (c == '}') refuse(at_, "a brace closes that was not opened; a brace itself is }}");
    end_literal();
    if (c == '[') {
      if (part_ > 0) refuse(at_, "a bracket within a bracket; a bracket itself is [[");
      part_ = ++parts_;
      part_begin_ = at_;
      part_has_field_ = false;
    } else {
      if (part_ == 0) refuse(at_, "a bracket closes that was not opened; a bracket itself is ]]");
      if (!part_has_field_) refuse(part_begin_, "the bracket holds no field");
      part_ = 0;
    }
    ++at_;
  }

  void take_field() {
    end_literal();
    const std::size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) refuse(at_, "the brace is not closed");
    const std::string_view selector = text_.substr(at_ + 1, end - at_ - 1);
    if (selector.empty()) refuse(at_, "the braces name no field; a brace itself is {{");
    if (selector.find('{') != std::string_view::npos) refuse(at_, "a brace within braces");
    pieces_.push_back({true, std::string(selector), part_});
    part_has_field_ = true;
    at_ = end + 1;
  }

  void end_literal() {
    if (literal_.empty()) return;
    pieces_.push_back({false, std::exchange(literal_, {}), part_});
  }

  [[noreturn]] void refuse(std::size_t at, const char* why) const {
    throw std::invalid_argument("\"" + std::string(text_) + "\": at byte " +
                                std::to_string(at + 1) + ": " + why);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string literal_;
  std::size_t part_ = 0;  // the optional one at hand
  std::size_t parts_ = 0;
  std::size_t part_begin_ = 0;
  bool part_has_field_ = false;
  std::vector<CaptionTemplate::Piece> pieces_;
};

}  // namespace

CaptionTemplate::CaptionTemplate(std::string_view text) : pieces_(Parser(text).parse()) {}

std::vector<std::string> CaptionTemplate::selectors() const {
  std::vector<std::string> selectors;
  for (const Piece& piece : pieces_) {
    if (piece.is_field) selectors.push_back(piece.text);
  }
  return selectors;
}

}  // namespace millrace
