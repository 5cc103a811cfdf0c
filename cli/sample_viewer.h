#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "check/check.h"
#include "check/check_report.h"
#include "check/sample_check.h"
#include "millrace/formats/field_selector.h"
#include "millrace/formats/sample.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/jpeg/jpeg_encoder.h"
#include "millrace/transforms/resize/resize.h"

namespace millrace::cli {

/// Reads samples to be looked at. Not thread-safe.
class SampleViewer {
 public:
  static constexpr int kThumbnailSide = 192;

  SampleViewer(const CheckOptions& options, bool with_pictures);

  /// The samples at these places of a shard's index.
  std::map<std::uint64_t, ShownSample> view(const std::string& shard,
                                            const std::set<std::uint64_t>& indexes);

 private:
  ShownSample show(const Sample& sample);
  void show_captions(const Sample& sample, ShownSample& shown);
  void show_image(std::span<const std::uint8_t> bytes, ShownSample& shown);

  ReadOptions read_;
  bool with_pictures_;
  ImageFields image_fields_;
  FieldSelector text_fields_;
  FieldSelector::Scratch text_scratch_;
  std::vector<std::string> placeholders_;
  TokenCounter tokens_;
  ImageDecoder decoder_;
  Resizer resizer_;
  JpegEncoder encoder_;
  std::vector<std::uint8_t> pixels_;
};

}  // namespace millrace::cli
