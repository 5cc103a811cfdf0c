#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "check/check.h"
#include "check/check_tallies.h"
#include "check/conversations.h"
#include "check/fingerprints.h"
#include "millrace/formats/field_selector.h"
#include "millrace/formats/sample.h"
#include "millrace/formats/tables/json_row_reader.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/decode/image_info.h"
#include "millrace/transforms/tokenizers/clip_tokenizer.h"

namespace millrace::cli {

/// The parts of a sample that are images: those of `modalities` (`modalities.0.value`, ...) where
/// it has such, else what the selector finds. Not thread-safe.
class ImageFields {
 public:
  explicit ImageFields(const std::string& selector) : selector_(selector) {}
  /// Errors: bad_json.
  Result<void> find(const Sample& sample, std::vector<std::span<const std::uint8_t>>& images);

 private:
  FieldSelector selector_;
  FieldSelector::Scratch scratch_;
};

/// How many tokens a text has, with beginning and end, however long it is.
class TokenCounter {
 public:
  std::uint64_t count(std::string_view text);

 private:
  // Counting ends at the longest context that there is.
  ClipTokenizer short_{128};
  ClipTokenizer longer_{4096};
  ClipTokenizer longest_{65536};
  std::vector<std::int64_t> ids_;
};

/// The fields that a check needs of tables, for ReadOptions::fields.
std::vector<std::string> checked_fields(const CheckOptions& options);

/// Looks at one sample after another. Holds scratch: one a thread.
class SampleChecker {
 public:
  SampleChecker(const CheckOptions& options, CheckTallies& tallies, Fingerprints::Batch& prints);

  /// A sample that was read. `from_tar`: its fields are files, not columns.
  void check(SamplePlace place, const Sample& sample, bool from_tar);
  /// One that could not be.
  void take_error(SamplePlace place, const Error& error);

 private:
  bool has_own_key(const Sample& sample);
  void check_images(const Sample& sample);
  void check_image(const Sample& sample, std::span<const std::uint8_t> bytes);
  void check_pixels(const Sample& sample, const ImageInfo& info, ImageView image);
  void check_captions(const Sample& sample);
  void check_text(const Sample& sample, std::string_view text);
  void check_conversation(const Sample& sample, const Conversation& conversation);
  void add(FindingKind kind, const Sample& sample, std::string message, std::string_view text = {});
  bool wants(FindingKind kind);

  const CheckOptions& options_;
  CheckTallies& tallies_;
  Fingerprints::Batch& prints_;
  ImageFields image_fields_;
  FieldSelector text_fields_;
  FieldSelector::Scratch text_scratch_;
  ImageDecoder decoder_;
  TokenCounter tokens_;
  ConversationReader conversations_;
  JsonRowReader rows_;
  std::vector<std::string> key_columns_;
  std::vector<JsonRowReader::Path> key_paths_;
  std::vector<std::optional<std::string_view>> key_values_;
  std::vector<std::span<const std::uint8_t>> images_;
  std::vector<std::span<const std::uint8_t>> texts_;
  SamplePlace place_;
  bool is_bad_ = false;
};

}  // namespace millrace::cli
