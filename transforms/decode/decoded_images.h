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

/// What the writers of one thread have decoded of the sample at hand: a field that several columns
/// read with the same options is decoded once. Holds a decoder for each of these options, with
/// scratch that is kept between samples.
class DecodedImages {
 public:
  DecodedImages();
  ~DecodedImages();
  DecodedImages(const DecodedImages&) = delete;
  DecodedImages& operator=(const DecodedImages&) = delete;

  /// To be called before each sample: from now on the same memory may hold another image.
  void forget();

  /// As ImageDecoder::decode; the time counts as Stage::decode. The view is valid until forget(),
  /// or until another field is decoded with the same options.
  Result<ImageView> decode(const DecodeOptions& options, std::span<const std::uint8_t> field,
                           StageTimes& times);

 private:
  struct Entry;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace millrace
