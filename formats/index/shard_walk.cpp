#include "millrace/formats/index/shard_walk.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/index/shard_catalog.h"

namespace millrace {

namespace {

constexpr std::string_view kKeyField = "__key__";
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

enum class Kind : std::uint8_t { key, count, number, image_width, image_height, image_aspect };

Kind kind_of(std::string_view metadata) {
  if (metadata == kKeyField) return Kind::key;
  if (metadata.ends_with(kCountSuffix)) return Kind::count;
  if (!metadata.starts_with(kImagePrefix)) return Kind::number;
  const std::string_view what = metadata.substr(kImagePrefix.size());
  if (what == "width") return Kind::image_width;
  if (what == "height") return Kind::image_height;
  if (what == "aspect") return Kind::image_aspect;
  throw std::invalid_argument(
      "metadata: \"" + std::string(metadata) +
      "\": of an image, image:width, image:height and image:aspect are known");
}

bool is_of_image(Kind kind) { return kind >= Kind::image_width; }

/// One metadata field, taken apart.
class MetadataField {
 public:
  /// `image_size` must outlive this.
  MetadataField(std::string_view text, const ImageSizeReader& image_size)
      : kind_(kind_of(text)),
        selector_(kind_ == Kind::count ? text.substr(0, text.size() - kCountSuffix.size())
                  : is_of_image(kind_) ? std::string_view(image_size.fields)
                                       : text),
        image_size_(image_size) {
    if (is_of_image(kind_) && !image_size.read) {
      throw std::invalid_argument("metadata: \"" + std::string(text) +
                                  "\": nothing here reads images");
    }
  }

  const FieldSelector& selector() const { return selector_; }

  /// The 64 bits that an index keeps of it. Null: a damaged place.
  std::uint64_t value_of(const Sample* sample) {
    if (kind_ == Kind::key) return sample != nullptr ? key_hash(sample->key()) : 0;
    return std::bit_cast<std::uint64_t>(sample != nullptr ? number_in(*sample) : kNone);
  }

 private:
  double number_in(const Sample& sample) {
    if (kind_ == Kind::count) return count_of(sample);
    return is_of_image(kind_) ? side_of(sample) : number_of(sample);
  }

  double side_of(const Sample& sample) {
    const auto image = selector_.find(sample, scratch_);
    if (!image || !*image) return kNone;
    const ImageSizeReader::Size size = image_size_.read(**image);
    if (size.width < 1 || size.height < 1) return kNone;
    if (kind_ == Kind::image_width) return size.width;
    if (kind_ == Kind::image_height) return size.height;
    return static_cast<double>(size.width) / size.height;
  }

  double number_of(const Sample& sample) {
    const auto text = selector_.find(sample, scratch_);
    if (!text || !*text) return kNone;
    const auto* begin = reinterpret_cast<const char*>((*text)->data());
    const char* end = begin + (*text)->size();
    double number = 0;
    const auto [stop, error] = std::from_chars(begin, end, number);
    return error == std::errc() && stop == end ? number : kNone;
  }

  double count_of(const Sample& sample) {
    if (!selector_.find_all(sample, scratch_, texts_)) return kNone;
    return static_cast<double>(std::count_if(texts_.begin(), texts_.end(),
                                             [](auto text) { return !is_empty_text(text); }));
  }

  Kind kind_;
  FieldSelector selector_;
  const ImageSizeReader& image_size_;
  FieldSelector::Scratch scratch_;
  std::vector<std::span<const std::uint8_t>> texts_;
};

// Reads every sample once for all these columns.
void read_metadata(const Shard& shard, std::span<const std::string> metadata,
                   const ImageSizeReader& image_size, IndexedShard& indexed) {
  std::vector<MetadataField> fields;
  fields.reserve(metadata.size());
  std::vector<IndexedShard::Column> columns;
  bool any_of_images = false;
  for (const std::string& field : metadata) {
    fields.emplace_back(field, image_size);
    columns.push_back({field, {}});
    columns.back().values.reserve(indexed.sample_offsets->size());
    any_of_images = any_of_images || is_of_image(kind_of(field));
  }
  Sample sample;
  for (const std::uint64_t offset : *indexed.sample_offsets) {
    const Result<void> read = shard.read(offset, sample);
    const bool is_elsewhere = read ? sample.files() > 0 : read.error().reason == Reason::io_error;
    indexed.is_of_other_files = indexed.is_of_other_files || (any_of_images && is_elsewhere);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      columns[i].values.push_back(fields[i].value_of(read ? &sample : nullptr));
    }
  }
  std::move(columns.begin(), columns.end(), std::back_inserter(indexed.columns));
}

Result<std::shared_ptr<const Shard>> open_for(const std::string& path,
                                              std::span<const std::string> metadata,
                                              ReadOptions read, const ShardOpener& open,
                                              const ImageSizeReader& image_size) {
  if (open) return open(path);
  read.fields.emplace();
  for (const std::string& field : metadata) {
    for (std::string& name : MetadataField(field, image_size).selector().fields()) {
      read.fields->push_back(std::move(name));
    }
  }
  return open_shard(path, read);
}

}  // namespace

void validate_metadata(const std::string& field) {
  if (!is_of_image(kind_of(field))) static_cast<void>(FieldSelector(field));
}

Result<IndexedShard> walk_shard(const Shard& shard, std::span<const std::string> metadata,
                                const ImageSizeReader& image_size) {
  auto index = shard.index();
  if (!index) return tl::unexpected<Error>(std::move(index.error()));
  IndexedShard indexed;
  indexed.name = shard.name();
  indexed.samples = index->sample_offsets.size();
  indexed.damaged = index->damaged;
  indexed.skipped = index->skipped;
  indexed.unpacked_bytes = shard.whole_unpacked_bytes();
  indexed.probe = shard_probe(shard.source().bytes(), index->sample_offsets);
  indexed.sample_offsets = std::move(index->sample_offsets);
  if (!metadata.empty()) read_metadata(shard, metadata, image_size, indexed);
  return indexed;
}

Result<IndexedShard> walk_shard(const std::string& path, std::span<const std::string> metadata,
                                const ReadOptions& read, const ShardOpener& open,
                                const ImageSizeReader& image_size) {
  // Taken before the walk: a file that is written to meanwhile has another one afterwards, and is
  // walked again.
  const auto stamp = file_stamp(path);
  if (!stamp) return tl::unexpected<Error>(stamp.error());
  // Of a sample whose image cannot be read, all but the image's metadata is known: where both are
  // asked for, they are read apart.
  std::vector<std::string> of_samples;
  std::vector<std::string> of_images;
  for (const std::string& field : metadata) {
    (is_of_image(kind_of(field)) ? of_images : of_samples).push_back(field);
  }
  const bool are_apart = !of_samples.empty() && !of_images.empty();
  const std::span<const std::string> first = are_apart ? std::span(of_samples) : metadata;
  const auto shard = open_for(path, first, read, open, image_size);
  if (!shard) return tl::unexpected<Error>(shard.error());
  auto indexed = walk_shard(**shard, first, image_size);
  if (!indexed) return indexed;
  if (are_apart) {
    const auto with_images = open_for(path, of_images, read, open, image_size);
    if (!with_images) return tl::unexpected<Error>(with_images.error());
    read_metadata(**with_images, of_images, image_size, *indexed);
  }
  indexed->stamp = *stamp;
  const ByteSource& source = (*shard)->source();
  source.done_with(0, source.bytes().size());
  return indexed;
}

}  // namespace millrace
