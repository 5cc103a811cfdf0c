#include "millrace/formats/tables/row_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

namespace millrace {

namespace {

constexpr std::string_view kImage = "image";
constexpr std::string_view kImagePath = "image.path";

bool is_called_image(std::string_view column) {
  return column.size() == kImage.size() &&
         std::equal(column.begin(), column.end(), kImage.begin(),
                    [](char a, char b) { return a == b || a == b - 'a' + 'A'; });
}

void set_key(const RowNames& row, Sample& sample) {
  if (row.key) return sample.set_key(*row.key);
  if (row.image_column) return sample.set_key(row.image_path);
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), row.number).ptr;
  sample.set_key({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

}  // namespace

Result<RowFields> RowFields::open(const std::string& table, const ReadOptions& options,
                                  std::string_view more_images) {
  RowFields fields;
  fields.wants_image_ = options.wants(kImage);
  fields.wants_path_ = options.wants(kImagePath);
  if (fields.wants_image_ || (!more_images.empty() && options.wants(more_images))) {
    auto images = ImageStore::open(table, options);
    if (!images) return tl::unexpected<Error>(std::move(images.error()));
    fields.images_ = std::move(*images);
  }
  return fields;
}

bool RowFields::replaces_column(const RowNames& row) {
  return row.image_column && is_called_image(*row.image_column) &&
         !ImageStore::is_url(row.image_path);
}

Result<void> RowFields::finish(const RowNames& row, Sample& sample) const {
  set_key(row, sample);
  if (!row.image_column || ImageStore::is_url(row.image_path)) return {};
  if (wants_path_ && is_called_image(*row.image_column)) {
    const std::span<std::uint8_t> text = sample.own_space(row.image_path.size());
    std::copy(row.image_path.begin(), row.image_path.end(), text.begin());
    sample.add_field(kImagePath, text);
  }
  return wants_image_ ? add_file(row.image_path, kImage, sample) : Result<void>{};
}

Result<void> RowFields::add_file(std::string_view path, std::string_view name,
                                 Sample& sample) const {
  if (images_ == nullptr || ImageStore::is_url(path)) return {};
  return images_->add(path, name, sample);
}

}  // namespace millrace
