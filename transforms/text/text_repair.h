#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace millrace {

/// The clean-up that open_clip's tokenizers begin with: ftfy.fix_text (6.3.1, its default
/// configuration) and html.unescape twice. Written after their published behaviour, and compared
/// with them over fuzzed text.
///
/// UTF-8 in and out; text that is not UTF-8 is read as Python's errors="replace" reads it. Work is
/// bounded: a text that would take more than about 64 passes over itself (nested entities, only
/// hostile ones are so deep) keeps what the last pass made of it.
///
/// Holds the scratch of one thread: use one a thread.
class TextRepair {
 public:
  TextRepair();
  ~TextRepair();
  TextRepair(TextRepair&& other) noexcept;
  TextRepair& operator=(TextRepair&& other) noexcept;

  /// ftfy.fix_text(text). Valid until the next call; it may be `text` itself.
  std::string_view fix_text(std::string_view text);

  /// html.unescape(html.unescape(ftfy.fix_text(text))). Valid until the next call; it may be `text`
  /// itself. Costs next to nothing for printable ASCII without entities.
  std::string_view clean(std::string_view text);

  /// Whether clean(text) is surely the same text but for the kind of its line breaks, seen from its
  /// bytes alone: nearly every caption.
  static bool is_plain(std::string_view text);

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace millrace
