#include "millrace/transforms/tokenizers/tokenizer.h"

#include <algorithm>
#include <stdexcept>

namespace millrace {

namespace {

/// `,"truncation":"left"`, or nothing for what is so by itself.
std::string describe_side(std::string_view key, RowSide side, RowSide own_side) {
  if (side == own_side) return "";
  return ",\"" + std::string(key) + "\":\"" + std::string(row_side_name(side)) + "\"";
}

}  // namespace

std::string_view row_side_name(RowSide side) { return side == RowSide::right ? "right" : "left"; }

void TokenizerOptions::validate() const {
  if (context_length < 1 || context_length > kMaxContextLength) {
    throw std::invalid_argument("context_length must be between 1 and " +
                                std::to_string(kMaxContextLength) + ", not " +
                                std::to_string(context_length));
  }
  if (pad_id && *pad_id < 0) {
    throw std::invalid_argument("pad_id must not be negative, and is " + std::to_string(*pad_id));
  }
}

Tokenizer::Tokenizer(const TokenizerOptions& options, const RowSides& own_sides)
    : options_(options),
      own_sides_(own_sides),
      sides_{options.truncation.value_or(own_sides.truncation),
             options.padding.value_or(own_sides.padding)} {
  options_.validate();
}

std::size_t Tokenizer::encode(std::string_view text, std::span<std::int64_t> ids) const {
  check_length(ids);
  const std::size_t written = write_ids(text, ids);
  const RowParts parts = row_parts(ids, written);
  if (sides_.padding == RowSide::left) {
    std::copy_backward(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(written), ids.end());
  }
  std::fill(parts.padding.begin(), parts.padding.end(),
            options_.pad_id ? *options_.pad_id : own_pad_id());
  return written;
}

void Tokenizer::write_mask(std::size_t own_ids, std::span<std::int64_t> mask) const {
  check_length(mask);
  const RowParts parts = row_parts(mask, own_ids);
  std::fill(parts.own.begin(), parts.own.end(), 1);
  std::fill(parts.padding.begin(), parts.padding.end(), 0);
}

Tokenizer::RowParts Tokenizer::row_parts(std::span<std::int64_t> row, std::size_t own_ids) const {
  const std::size_t padding = row.size() - own_ids;
  if (sides_.padding == RowSide::left) return {row.subspan(padding), row.first(padding)};
  return {row.first(own_ids), row.subspan(own_ids)};
}

void Tokenizer::check_length(std::span<const std::int64_t> row) const {
  const auto length = static_cast<std::size_t>(options_.context_length);
  if (row.size() != length) {
    throw std::invalid_argument("a row must have context_length = " + std::to_string(length) +
                                " elements, not " + std::to_string(row.size()));
  }
}

std::string Tokenizer::describe_options() const {
  std::string text = ",\"context_length\":" + std::to_string(options_.context_length);
  if (options_.pad_id) text += ",\"pad_id\":" + std::to_string(*options_.pad_id);
  text += describe_side("truncation", sides_.truncation, own_sides_.truncation);
  text += describe_side("padding", sides_.padding, own_sides_.padding);
  return text;
}

}  // namespace millrace
