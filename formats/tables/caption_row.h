#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/formats/read_options.h"
#include "millrace/formats/sample.h"
#include "millrace/formats/tables/row_fields.h"
#include "millrace/result/result.h"

namespace millrace {

/// Makes the field `json` of a sample whose file has no such line: members added one by one, and of
/// them the sample's key and image. Made anew for each sample, over a sample that was reset;
/// allocates nothing once the sample's buffers have grown. A sample with neither key nor image path
/// is called by its offset.
class CaptionRow {
 public:
  CaptionRow(const ReadOptions& options, Sample& sample);

  /// A member with a scalar value, both as JSON writes them; `key` without its quotes.
  void add(std::string_view key, std::string_view value);
  /// A member with a list of values.
  void begin_list(std::string_view key);
  void add_entry(std::string_view value);
  void end_list();
  /// Adds a text that is no JSON yet; it must be UTF-8.
  void add_text(std::string_view key, std::string_view text);
  void add_text_entry(std::string_view text);

  /// Adds the field, if it was asked for, and what RowFields adds.
  Result<void> finish(const RowFields& rows);

 private:
  void begin_member(std::string_view key);
  void begin_entry();
  void append(std::string_view text);
  void look_at(std::string_view key, std::string_view value, bool is_json);

  const ReadOptions& options_;
  Sample& sample_;
  std::vector<std::uint8_t>& json_;
  bool has_entries_ = false;
  RowNames names_;
  std::size_t key_rank_;
  std::size_t path_rank_;
};

}  // namespace millrace
