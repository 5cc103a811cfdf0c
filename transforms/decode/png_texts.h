#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "millrace/result/result.h"
#include "millrace/transforms/decode/decode_options.h"

namespace millrace {

/// The texts, the colour profile and the EXIF data of one PNG, checked as Pillow checks them. Keeps
/// what says how the image lies; the spans given in must outlive it. Errors: bad_image.
class PngTexts {
 public:
  explicit PngTexts(const DecodeOptions& options) : options_(&options) {}

  Result<void> read_profile(std::span<const std::uint8_t> body) const;
  /// tEXt and zTXt.
  Result<void> read_text(std::string_view name, std::span<const std::uint8_t> body);
  /// iTXt.
  Result<void> read_international_text(std::span<const std::uint8_t> body);
  /// eXIf.
  void read_exif(std::span<const std::uint8_t> body);

  /// 1 to 8, by what was read so far. Error: metadata over which Pillow stumbles.
  Result<int> orientation() const;

 private:
  using Bytes = std::span<const std::uint8_t>;

  bool keeps_metadata() const { return options_->exif_orientation == ExifOrientation::apply; }
  Result<void> count_text(std::uint64_t bytes);
  /// Notes the text if its key is one that says how the image lies.
  void note(Bytes key, Bytes text);
  Result<std::optional<int>> exif_orientation() const;

  const DecodeOptions* options_;
  std::uint64_t text_bytes_ = 0;
  std::optional<Bytes> exif_;
  bool exif_is_text_ = false;
  int exif_prefixes_ = 0;
  std::optional<Bytes> exif_profile_;  ///< ImageMagick's way to write EXIF: hexadecimal
  Bytes xmp_;                          ///< as text
  Bytes undecoded_xmp_;
  std::vector<std::vector<std::uint8_t>> inflated_;  ///< what the spans point into
};

}  // namespace millrace
