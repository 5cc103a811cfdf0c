#pragma once

#include <cstddef>
#include <string_view>

#include "millrace/formats/json_value.h"

namespace millrace {

/// Walks a JSON document of any size where it lies: no tree, no copy, and of memory nothing but a
/// bit for each open bracket, while a parser that indexes a document needs several times its size.
/// It knows at which byte a document is broken, and gives values as they are written, to be taken
/// over into other JSON as they are.
///
/// Strict RFC 8259, at most 1,024 levels deep, as JsonValueReader. It does not look at whether the
/// text is UTF-8. Duplicate keys are the caller's to judge. Allocates nothing. Not thread-safe.
class JsonWalk {
 public:
  /// `at`: where a value begins, possibly behind white space.
  explicit JsonWalk(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

  /// The first character of what comes next; '\0' at the end of the text.
  char peek();
  /// Enters the object or array that comes next, if it is one.
  bool enter(char bracket);
  /// In an object: gives the next key as written, with its quotes; its value comes next. False,
  /// once, behind the closing bracket, and wherever the document is broken.
  bool next_member(std::string_view& key);
  /// In an array: the next entry comes next. False as above.
  bool next_entry();
  /// Passes over the value that comes next and gives it as it is written. False if it is broken.
  bool value(std::string_view& written);
  /// Whether nothing but white space follows.
  bool at_end();

  std::size_t at() const { return at_; }
  /// Why the document is broken, at `at()`; null: it is not, so far.
  const char* broken() const { return broken_; }
  bool fail(const char* why);

  static constexpr std::size_t kMaxDepth = kMaxJsonDepth;

 private:
  void pass_blanks();
  bool pass(char c);
  bool pass_key();
  bool pass_string();
  bool pass_escape();
  bool pass_number();
  bool pass_digits();
  bool pass_word(std::string_view word);
  bool pass_scalar();
  bool pass_value();

  std::string_view text_;
  std::size_t at_;
  std::size_t entered_ = 0;  // levels
  bool is_first_ = false;    // nothing was passed yet of what was entered last
  const char* broken_ = nullptr;
};

}  // namespace millrace
