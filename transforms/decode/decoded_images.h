#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/stage_times.h"

namespace millrace {

/// What the writers of one thread have decoded of the samples at hand: a field that several columns
/// read with the same options is decoded once, and two images side by side where that is faster.
/// Holds a decoder for each of these options, with scratch that is kept between samples.
class DecodedImages {
 public:
  DecodedImages();
  ~DecodedImages();
  DecodedImages(const DecodedImages&) = delete;
  DecodedImages& operator=(const DecodedImages&) = delete;

  /// To be called before each sample, or before a few that are made together: from now on the same
  /// memory may hold another image.
  void forget();

  /// Decodes those of the fields, which decode() will be called for, that are better decoded
  /// together; their views are valid until forget(). The others, and all that is bad, are left to
  /// decode(); so is all after the first call with the same options since forget().
  void decode_together(const DecodeOptions& options,
                       std::span<const std::span<const std::uint8_t>> fields, StageTimes& times);

  /// As ImageDecoder::decode; the time counts as Stage::decode. The view is valid until forget(),
  /// or until other fields are decoded with the same options.
  Result<ImageView> decode(const DecodeOptions& options, std::span<const std::uint8_t> field,
                           StageTimes& times);

 private:
  struct Entry;
  Entry& entry_of(const DecodeOptions& options);

  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace millrace
