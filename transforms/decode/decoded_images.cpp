#include "millrace/transforms/decode/decoded_images.h"

#include "millrace/transforms/decode/decode.h"

namespace millrace {

struct DecodedImages::Entry {
  explicit Entry(const DecodeOptions& of) : options(of), decoder(of) {}

  DecodeOptions options;
  ImageDecoder decoder;
  std::span<const std::uint8_t> field;  // of which `image` is; none: empty
  ImageView image;
};

DecodedImages::DecodedImages() = default;
DecodedImages::~DecodedImages() = default;

void DecodedImages::forget() {
  for (const auto& entry : entries_) entry->field = {};
}

Result<ImageView> DecodedImages::decode(const DecodeOptions& options,
                                        std::span<const std::uint8_t> field, StageTimes& times) {
  Entry* entry = nullptr;
  for (const auto& known : entries_) {
    if (known->options == options) entry = known.get();
  }
  if (entry == nullptr) {
    entry = entries_.emplace_back(std::make_unique<Entry>(options)).get();
  } else if (!field.empty() && entry->field.data() == field.data() &&
             entry->field.size() == field.size()) {
    return entry->image;
  }
  entry->field = {};
  const StageTimer timer(times, Stage::decode, field.size());
  Result<ImageView> decoded = entry->decoder.decode(field);
  if (!decoded) return decoded;
  entry->field = field;
  entry->image = *decoded;
  return decoded;
}

}  // namespace millrace
