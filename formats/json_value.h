#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// JSON that is nested deeper is invalid, wherever it is read.
inline constexpr int kMaxJsonDepth = 1024;

/// Finds one value in JSON documents. Keeps its buffers, so that in the long run nothing is
/// allocated. Not thread-safe.
///
/// Strict RFC 8259: no NaN, no trailing commas, the whole document is checked. A UTF-8 byte order
/// mark is passed over. Of duplicate keys the last counts, as in Python. Numbers may have any
/// number of digits. A lone surrogate in a key or in the value asked for makes the document
/// invalid, because it has no UTF-8. So does nesting deeper than kMaxJsonDepth.
class JsonValueReader {
 public:
  enum class Found : std::uint8_t {
    value,    ///< a string, number, true or false
    absent,   ///< the path leads nowhere, to null or to an empty list
    object,   ///< the path leads to an object
    invalid,  ///< the document is no valid JSON
  };
  struct Answer {
    Found found = Found::absent;
    std::string_view
        text;              ///< the value: strings unescaped, others as written. Until the next call
    std::string_view why;  ///< if invalid
  };

  JsonValueReader();
  ~JsonValueReader();
  JsonValueReader(JsonValueReader&&) noexcept;
  JsonValueReader& operator=(JsonValueReader&&) noexcept;

  /// Follows `path` key by key; the empty one is the document itself. A list, wherever it is met,
  /// stands for its first entry.
  Answer find(std::span<const std::uint8_t> json, std::span<const std::string> path);
  /// The same, where a list stands for the first of its entries that has a value: entries that are
  /// null, objects or without the key are passed over where there are others.
  Answer find_first(std::span<const std::uint8_t> json, std::span<const std::string> path);
  /// The same, where a list stands for all of these: `values` become all that are found, in their
  /// order, valid until the next call. `text` of the answer is the first.
  Answer find_all(std::span<const std::uint8_t> json, std::span<const std::string> path,
                  std::vector<std::string_view>& values);

 private:
  struct Buffers;
  enum class Entries : std::uint8_t { first, first_value, all };
  Answer walk(std::span<const std::uint8_t> json, std::span<const std::string> path,
              Entries entries, std::vector<std::string_view>* values);
  class Walk;

  std::unique_ptr<Buffers> buffers_;
};

}  // namespace millrace
