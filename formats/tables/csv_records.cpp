#include "millrace/formats/tables/csv_records.h"

#include <algorithm>
#include <cstring>

namespace millrace::csv {

namespace {

constexpr char kQuote = '"';

// The first `byte` in [begin, end) of the text, or `end`.
std::size_t find_byte(std::string_view text, char byte, std::size_t begin, std::size_t end) {
  if (begin >= end) return end;
  const void* found = std::memchr(text.data() + begin, byte, end - begin);
  if (found == nullptr) return end;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// The quote that closes the one at `open`, or the text's size. `doubled` is set where it passes
// doubled ones.
std::size_t closing_quote(std::string_view text, std::size_t open, bool& doubled) {
  std::size_t at = open + 1;
  while (true) {
    const std::size_t quote = find_byte(text, kQuote, at, text.size());
    if (quote + 1 >= text.size() || text[quote + 1] != kQuote) return quote;
    doubled = true;
    at = quote + 2;
  }
}

// Behind the line end at `at`.
std::size_t behind_line_end(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.size();
  const bool two = text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
  return at + (two ? 2 : 1);
}

}  // namespace

std::size_t RecordScanner::Ahead::find(std::string_view text, std::size_t begin, std::size_t end) {
  constexpr std::size_t kWindowBytes = 64 * 1024;
  if (at_ < begin) {
    at_ = begin;
    found_ = false;
  }
  while (!found_ && at_ < end) {
    const std::size_t window_end = at_ + std::min(kWindowBytes, text.size() - at_);
    at_ = find_byte(text, byte_, at_, window_end);
    found_ = at_ < window_end;
  }
  return found_ ? std::min(at_, end) : end;
}

void RecordScanner::pass_blank_lines() {
  const auto is_blank = [&](char c) { return (c == ' ' || c == '\t') && c != separator_; };
  while (at_ < text_.size()) {
    std::size_t end = at_;
    while (end < text_.size() && is_blank(text_[end])) ++end;
    if (end < text_.size() && text_[end] != '\n' && text_[end] != '\r') return;
    at_ = behind_line_end(text_, end);
  }
}

std::size_t RecordScanner::line_feed_from(std::size_t at) {
  // Kept: a text whose lines end in CR alone may have none for a long way.
  if (line_feed_ < at || at == 0) line_feed_ = find_byte(text_, '\n', at, text_.size());
  return line_feed_;
}

bool RecordScanner::next(Record& record) {
  pass_blank_lines();
  if (at_ >= text_.size()) return false;
  record = {at_, 0, false};
  const std::size_t line_feed = line_feed_from(at_);
  const std::size_t quote = quote_.find(text_, at_, line_feed);
  const std::size_t carriage_return = carriage_return_.find(text_, at_, line_feed);
  if (quote < carriage_return && quote < line_feed) {
    find_quoted_end(record, line_feed);
  } else {
    record.end = behind_line_end(text_, std::min(carriage_return, line_feed));
  }
  at_ = record.end;
  return true;
}

void RecordScanner::find_quoted_end(Record& record, std::size_t line_feed) {
  std::size_t at = record.begin;
  while (true) {
    const std::size_t quote = quote_.find(text_, at, line_feed);
    const std::size_t carriage_return = carriage_return_.find(text_, at, quote);
    if (carriage_return < quote || quote == line_feed) {
      record.end = behind_line_end(text_, std::min(carriage_return, line_feed));
      return;
    }
    at = quote + 1;
    const bool opens = quote == record.begin || text_[quote - 1] == separator_;
    if (!opens) continue;
    bool doubled = false;
    const std::size_t closing = closing_quote(text_, quote, doubled);
    if (closing == text_.size()) {
      record.end = text_.size();
      record.unterminated = true;
      return;
    }
    at = closing + 1;
    if (at > line_feed) line_feed = line_feed_from(at);
  }
}

std::size_t CellWalk::cell_end(std::size_t from) const {
  std::size_t end = from;
  while (end < text_.size() && text_[end] != separator_ && text_[end] != '\n' &&
         text_[end] != '\r') {
    ++end;
  }
  return end;
}

bool CellWalk::next(Cell& cell) {
  if (!more_) return false;
  const std::size_t begin = at_;
  std::size_t end = 0;
  if (begin < text_.size() && text_[begin] == kQuote) {
    bool doubled = false;
    const std::size_t closing = closing_quote(text_, begin, doubled);
    if (closing == text_.size()) {
      unterminated_ = true;
      more_ = false;
      at_ = text_.size();
      return false;
    }
    end = cell_end(closing + 1);
    cell.escaped = doubled || end > closing + 1;
    cell.text = cell.escaped ? text_.substr(begin, end - begin)
                             : text_.substr(begin + 1, closing - begin - 1);
  } else {
    end = cell_end(begin);
    cell = {text_.substr(begin, end - begin), false};
  }
  more_ = end < text_.size() && text_[end] == separator_;
  at_ = more_ ? end + 1 : behind_line_end(text_, end);
  return true;
}

void unescape(std::string_view cell, std::vector<std::uint8_t>& out) {
  std::size_t at = 1;
  while (true) {
    const std::size_t quote = find_byte(cell, kQuote, at, cell.size());
    out.insert(out.end(), cell.begin() + static_cast<std::ptrdiff_t>(at),
               cell.begin() + static_cast<std::ptrdiff_t>(quote));
    if (quote >= cell.size()) return;
    if (quote + 1 >= cell.size() || cell[quote + 1] != kQuote) {
      // What follows the closing quote belongs to the cell, quotes and all.
      out.insert(out.end(), cell.begin() + static_cast<std::ptrdiff_t>(quote) + 1, cell.end());
      return;
    }
    out.push_back(kQuote);
    at = quote + 2;
  }
}

}  // namespace millrace::csv
