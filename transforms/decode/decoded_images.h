#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/image.h"
#include "millrace/transforms/native_image.h"
#include "millrace/transforms/stage_times.h"

namespace millrace {

/// What the writers of one thread have decoded of the samples at hand: a field that several columns
/// read with the same options is decoded once, no more of it than they all together look at, and
/// two images side by side where that is faster. Holds a decoder for each of these options, with
/// scratch that is kept between samples.
class DecodedImages {
 public:
  DecodedImages();
  ~DecodedImages();
  DecodedImages(const DecodedImages&) = delete;
  DecodedImages& operator=(const DecodedImages&) = delete;

  /// To be called before each sample, or before a few that are made together: from now on the same
  /// memory may hold another image.
  void forget();

  /// As ImageDecoder::measure.
  Result<ImageSize> measure(const DecodeOptions& options, std::span<const std::uint8_t> field);
  /// decode() will be called for the field, and of the image no pixels outside of `needed` will be
  /// looked at by anybody until forget(); none: all will. `needed` lies within the image.
  void announce(const DecodeOptions& options, std::span<const std::uint8_t> field,
                const std::optional<ImageWindow>& needed);
  /// Decodes what is better decoded together of the fields announced since forget(). The rest, and
  /// all that is bad, is left to decode().
  void decode_announced(StageTimes& times);

  /// As ImageDecoder::decode, of the pixels that were announced to be needed; the time counts as
  /// Stage::decode. The view is valid until forget(), or until other fields are decoded with the
  /// same options.
  Result<DecodedImage> decode(const DecodeOptions& options, std::span<const std::uint8_t> field,
                              StageTimes& times);

 private:
  struct Entry;
  Entry& entry_of(const DecodeOptions& options);

  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace millrace
