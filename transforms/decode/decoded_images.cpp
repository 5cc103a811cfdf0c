#include "millrace/transforms/decode/decoded_images.h"

#include <array>
#include <optional>
#include <utility>

#include "millrace/transforms/decode/decode.h"

namespace millrace {

namespace {

bool is_same(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return !a.empty() && a.data() == b.data() && a.size() == b.size();
}

}  // namespace

struct DecodedImages::Entry {
  explicit Entry(const DecodeOptions& of) : options(of), decoder(of) {}

  struct Image {
    std::span<const std::uint8_t> field;  // of which the pixels are; none: empty
    ImageView pixels;
  };

  const Image* find(std::span<const std::uint8_t> field) const {
    if (is_same(alone.field, field)) return &alone;
    for (const Image& image : together) {
      if (is_same(image.field, field)) return &image;
    }
    return nullptr;
  }

  DecodeOptions options;
  ImageDecoder decoder;
  Image alone;  // the last one that was
  std::array<Image, ImageDecoder::kMostTogether> together;
  bool has_decoded_together = false;  // since forget()
};

DecodedImages::DecodedImages() = default;
DecodedImages::~DecodedImages() = default;

void DecodedImages::forget() {
  for (const auto& entry : entries_) {
    entry->alone = {};
    entry->together = {};
    entry->has_decoded_together = false;
  }
}

DecodedImages::Entry& DecodedImages::entry_of(const DecodeOptions& options) {
  for (const auto& known : entries_) {
    if (known->options == options) return *known;
  }
  return *entries_.emplace_back(std::make_unique<Entry>(options));
}

void DecodedImages::decode_together(const DecodeOptions& options,
                                    std::span<const std::span<const std::uint8_t>> fields,
                                    StageTimes& times) {
  if (fields.size() < 2 || fields.size() > ImageDecoder::kMostTogether) return;
  Entry& entry = entry_of(options);
  if (std::exchange(entry.has_decoded_together, true)) return;
  std::array<std::optional<ImageView>, ImageDecoder::kMostTogether> decoded;
  StageTimes::Counter& counter = times[Stage::decode];
  const std::uint64_t items = counter.items;
  {
    const StageTimer timer(times, Stage::decode, 0);
    entry.decoder.decode_together(fields, std::span(decoded).first(fields.size()));
  }
  counter.items = items;  // what was not decoded is counted when it is
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!decoded[i]) continue;
    entry.together[i] = {fields[i], *decoded[i]};
    ++counter.items;
    counter.bytes += fields[i].size();
  }
}

Result<ImageView> DecodedImages::decode(const DecodeOptions& options,
                                        std::span<const std::uint8_t> field, StageTimes& times) {
  Entry& entry = entry_of(options);
  if (const Entry::Image* known = entry.find(field)) return known->pixels;
  entry.alone = {};
  const StageTimer timer(times, Stage::decode, field.size());
  Result<ImageView> decoded = entry.decoder.decode(field);
  if (decoded) entry.alone = {field, *decoded};
  return decoded;
}

}  // namespace millrace
