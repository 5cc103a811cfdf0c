#include "sample_viewer.h"

#include <utility>

#include "check/conversations.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/shard.h"
#include "millrace/transforms/decode/image_info.h"
#include "millrace/transforms/resize/resize_geometry.h"
#include "quantity_text.h"

namespace millrace::cli {

namespace {

constexpr std::size_t kMostCaptions = 8;
constexpr std::size_t kMostCaptionBytes = 2000;
constexpr int kQuality = 78;

}  // namespace

SampleViewer::SampleViewer(const CheckOptions& options, bool with_pictures)
    : read_(options.read),
      with_pictures_(with_pictures),
      image_fields_(options.image_fields),
      text_fields_(options.text_fields),
      placeholders_(options.placeholders) {
  read_.fields = checked_fields(options);
}

std::map<std::uint64_t, ShownSample> SampleViewer::view(const std::string& path,
                                                        const std::set<std::uint64_t>& indexes) {
  std::map<std::uint64_t, ShownSample> samples;
  const auto shard = open_shard(path, read_);
  const auto index = shard ? (*shard)->index() : tl::unexpected<Error>(shard.error());
  Sample sample;
  for (const std::uint64_t number : indexes) {
    ShownSample& shown = samples[number];
    if (!index || number >= index->sample_offsets.size()) {
      shown.problem = index ? "the shard has changed" : index.error().message;
      continue;
    }
    shown.offset = index->sample_offsets[number];
    if (const auto read = (*shard)->read(shown.offset, sample); !read) {
      shown.key = read.error().key;
      shown.unit = read.error().unit;
      shown.problem = read.error().message;
      continue;
    }
    shown = show(sample);
  }
  return samples;
}

ShownSample SampleViewer::show(const Sample& sample) {
  ShownSample shown;
  shown.offset = sample.begin_bytes();
  shown.unit = sample.offset_unit();
  shown.key = sample.key();
  show_captions(sample, shown);
  std::vector<std::span<const std::uint8_t>> images;
  const auto found = image_fields_.find(sample, images);
  if (!found || images.empty()) {
    shown.problem = found ? "no image" : found.error().message;
  } else {
    show_image(images.front(), shown);
    if (images.size() > 1) shown.image += ", the first of " + std::to_string(images.size());
  }
  return shown;
}

void SampleViewer::show_captions(const Sample& sample, ShownSample& shown) {
  std::vector<std::span<const std::uint8_t>> texts;
  const auto found = text_fields_.find_all(sample, text_scratch_, texts);
  if (found) {
    for (const auto& text : texts) {
      if (shown.captions.size() == kMostCaptions) break;
      const std::string_view all = as_text(text);
      shown.captions.emplace_back(cut_text(all, kMostCaptionBytes));
      shown.tokens.push_back(tokens_.count(all));
    }
  }
  ConversationReader conversations(placeholders_);
  const auto conversation = conversations.read(sample);
  if (!conversation || !*conversation) return;
  for (const std::string& text : (*conversation)->texts) {
    if (shown.captions.size() == kMostCaptions) break;
    shown.captions.emplace_back(cut_text(text, kMostCaptionBytes));
    shown.tokens.push_back(tokens_.count(text));
  }
}

void SampleViewer::show_image(std::span<const std::uint8_t> bytes, ShownSample& shown) {
  const ImageInfo info = read_image_info(bytes);
  shown.image = image_kind_name(info.kind);
  if (!info.mode.empty()) shown.image += ", " + std::string(info.mode);
  if (info.width > 0) {
    shown.image += ", " + std::to_string(info.width) + " x " + std::to_string(info.height);
  }
  shown.image += ", " + bytes_text(bytes.size());
  if (!with_pictures_) return;
  const auto image = decoder_.decode(bytes);
  if (!image) {
    shown.problem = image.error().message;
    return;
  }
  const ImageSize size = thumbnail_size(image->width, image->height, kThumbnailSide);
  pixels_.resize(static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 3);
  const MutableImageView small{pixels_.data(), size.width, size.height,
                               static_cast<std::size_t>(size.width) * 3};
  Resizer::Geometry geometry;
  geometry.full_width = size.width;
  geometry.full_height = size.height;
  if (!resizer_.resize(*image, geometry, Filter::bilinear, small)) return;
  if (!encoder_.encode(small, kQuality, {}, shown.thumbnail)) shown.thumbnail.clear();
}

}  // namespace millrace::cli
