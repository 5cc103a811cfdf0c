#include "millrace/transforms/decode/decoded_images.h"

#include <array>

#include "millrace/transforms/decode/decode.h"

namespace millrace {

namespace {

bool is_same(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return !a.empty() && a.data() == b.data() && a.size() == b.size();
}

}  // namespace

struct DecodedImages::Entry {
  explicit Entry(const DecodeOptions& of) : options(of), decoder(of) {}

  ImageDecoder::Job* announced(std::span<const std::uint8_t> field) {
    for (std::size_t i = 0; i < count; ++i) {
      if (is_same(jobs[i].file, field)) return &jobs[i];
    }
    return nullptr;
  }

  DecodeOptions options;
  ImageDecoder decoder;
  std::array<ImageDecoder::Job, ImageDecoder::kMostTogether> jobs;  // announced
  std::size_t count = 0;
  ImageDecoder::Job alone;  // the last one that was not decoded with others
};

DecodedImages::DecodedImages() = default;
DecodedImages::~DecodedImages() = default;

void DecodedImages::forget() {
  for (const auto& entry : entries_) {
    entry->count = 0;
    entry->alone = {};
  }
}

DecodedImages::Entry& DecodedImages::entry_of(const DecodeOptions& options) {
  for (const auto& known : entries_) {
    if (known->options == options) return *known;
  }
  return *entries_.emplace_back(std::make_unique<Entry>(options));
}

Result<ImageSize> DecodedImages::measure(const DecodeOptions& options,
                                         std::span<const std::uint8_t> field) {
  Entry& entry = entry_of(options);
  entry.alone = {};  // a PNG's metadata are looked for behind its pixels
  return entry.decoder.measure(field);
}

void DecodedImages::announce(const DecodeOptions& options, std::span<const std::uint8_t> field,
                             const std::optional<ImageWindow>& needed) {
  Entry& entry = entry_of(options);
  if (ImageDecoder::Job* known = entry.announced(field)) {
    known->needed =
        known->needed && needed ? std::optional(hull_of(*known->needed, *needed)) : std::nullopt;
  } else if (entry.count < entry.jobs.size()) {
    entry.jobs[entry.count++] = {field, needed, std::nullopt};
  }
}

void DecodedImages::decode_announced(StageTimes& times) {
  for (const auto& entry : entries_) {
    const auto jobs = std::span(entry->jobs).first(entry->count);
    if (jobs.empty()) continue;
    StageTimes::Counter& counter = times[Stage::decode];
    const std::uint64_t items = counter.items;
    {
      const StageTimer timer(times, Stage::decode, 0);
      entry->decoder.decode_together(jobs);
    }
    counter.items = items;  // what was not decoded is counted when it is
    for (const ImageDecoder::Job& job : jobs) {
      if (!job.image) continue;
      ++counter.items;
      counter.bytes += job.file.size();
    }
  }
}

Result<DecodedImage> DecodedImages::decode(const DecodeOptions& options,
                                           std::span<const std::uint8_t> field, StageTimes& times) {
  Entry& entry = entry_of(options);
  const ImageDecoder::Job* announced = entry.announced(field);
  if (announced != nullptr && announced->image) return *announced->image;
  if (is_same(entry.alone.file, field)) return *entry.alone.image;
  entry.alone = {};
  const StageTimer timer(times, Stage::decode, field.size());
  Result<DecodedImage> decoded =
      entry.decoder.decode(announced != nullptr ? *announced : ImageDecoder::Job{field, {}, {}});
  if (decoded) entry.alone = {field, std::nullopt, *decoded};
  return decoded;
}

}  // namespace millrace
