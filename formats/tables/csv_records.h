#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::csv {

/// Where a record is in a text. It ends behind its line end.
struct Record {
  std::size_t begin = 0;
  std::size_t end = 0;
  /// Its last quote never closes: the record reaches to the end of the text.
  bool unterminated = false;
};

/// Finds the records of a CSV text as pandas' C parser does (`pandas/_libs/src/parser/tokenizer.c`
/// with the defaults of read_csv): records end at LF, CR or CRLF outside of quotes; a quote opens
/// only at the beginning of a cell, and is closed by one that is not doubled; blank lines, and
/// lines of nothing but spaces and tabs that separate nothing, are passed over. Looks at each byte
/// a bounded number of times, whatever the text is. Allocates nothing.
class RecordScanner {
 public:
  /// `at`: where to begin, outside of any record.
  RecordScanner(std::string_view text, std::size_t at, char separator)
      : text_(text), at_(at), separator_(separator) {}

  /// False at the end of the text.
  bool next(Record& record);

 private:
  /// The next place of one byte, searched for in windows, so that a text without it is read once
  /// and not far ahead.
  class Ahead {
   public:
    explicit Ahead(char byte) : byte_(byte) {}
    /// The first place in [begin, end), or `end`. `begin` must not fall from call to call.
    std::size_t find(std::string_view text, std::size_t begin, std::size_t end);

   private:
    char byte_;
    std::size_t at_ = 0;  // the place, or how far there is none
    bool found_ = false;
  };

  void pass_blank_lines();
  std::size_t line_feed_from(std::size_t at);
  void find_quoted_end(Record& record, std::size_t line_feed);

  std::string_view text_;
  std::size_t at_;
  char separator_;
  std::size_t line_feed_ = 0;  // the first one behind the last place asked for
  Ahead quote_{'"'};
  Ahead carriage_return_{'\r'};
};

/// One cell of a record.
struct Cell {
  /// What it says, a view of the text, if not `escaped`; else the cell as it is written, to be
  /// given to `unescape`.
  std::string_view text;
  bool escaped = false;  ///< quotes are doubled in it, or text follows its closing quote
};

/// Adds what an escaped cell says to `out`.
void unescape(std::string_view cell, std::vector<std::uint8_t>& out);

/// The cells of the record that begins at a place of the text.
class CellWalk {
 public:
  CellWalk(std::string_view text, std::size_t begin, char separator)
      : text_(text), at_(begin), separator_(separator) {}

  /// False behind the last cell. A record has at least one.
  bool next(Cell& cell);
  /// Behind the cells and line ends that were passed; behind the record once next() gave false.
  std::size_t at() const { return at_; }
  /// The last cell's quote never closes; there is no next cell.
  bool unterminated() const { return unterminated_; }

 private:
  std::size_t cell_end(std::size_t from) const;

  std::string_view text_;
  std::size_t at_;
  char separator_;
  bool more_ = true;
  bool unterminated_ = false;
};

}  // namespace millrace::csv
