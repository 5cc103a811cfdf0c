#include "millrace/formats/shard.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "millrace/formats/content_looks.h"
#include "millrace/formats/images/image_folder_shard.h"
#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/shard_format.h"
#include "millrace/formats/shard_listing.h"
#include "millrace/formats/tables/arrow_formats.h"
#include "millrace/formats/tables/coco_shard.h"
#include "millrace/formats/tables/csv_shard.h"
#include "millrace/formats/tables/flickr30k_shard.h"
#include "millrace/formats/tables/jsonl_shard.h"
#include "millrace/formats/tables/mds_shard.h"
#include "millrace/formats/tar/tar_reader.h"

namespace millrace {

namespace {

using Bytes = std::span<const std::uint8_t>;

// By its name also where it is damaged, so that its reader says what is wrong.
bool is_tar(std::string_view file_name, Bytes bytes) {
  constexpr std::array<std::string_view, 6> kEndings = {".tar", ".tgz", ".tbz2",
                                                        ".tbz", ".txz", ".tzst"};
  return tar::begins_like_tar(bytes) || file_name.find(".tar.") != std::string_view::npos ||
         std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return file_name.ends_with(ending); });
}

Result<std::shared_ptr<const Shard>> open_tar(const std::string&, ShardBytes bytes,
                                              const ReadOptions& options) {
  return tar_shard(std::move(bytes.source), options.limits);
}

constexpr ShardFormat kFormats[] = {
    {"mds", is_mds, open_mds},  // by its name alone: its first bytes may be any
    {"flickr30k", is_flickr30k, open_flickr30k, true},
    {"coco", is_coco, open_coco, true},
    {"csv", is_csv, open_csv, true},
    {"parquet", is_parquet, open_parquet},
    {"arrow", is_arrow, open_arrow},
    {"jsonl", is_jsonl, open_jsonl, true},
    {"tar", is_tar, open_tar},
};

// The name without the ending of its compression.
std::string_view plain_name(std::string_view name) {
  for (const std::string_view ending : {".gz", ".bz2", ".xz", ".zst", ".zstd", ".lz4"}) {
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return name;
}

// Null: none.
const ShardFormat* format_of(std::string_view path, Bytes bytes, const ReadOptions& options) {
  const std::span<const ShardFormat> formats = shard_formats();
  const std::string_view name = plain_name(file_name_of(path));
  const auto found = std::find_if(formats.begin(), formats.end(), [&](const ShardFormat& format) {
    return options.format.empty() ? format.recognizes(name, bytes) : format.name == options.format;
  });
  return found == formats.end() ? nullptr : &*found;
}

tl::unexpected<Error> refuse(const std::string& path, std::string why) {
  return tl::unexpected<Error>(Error{Reason::io_error, std::move(why), path, Error::kNoOffset, {}});
}

tl::unexpected<Error> refuse_unknown(const std::string& path, Bytes bytes,
                                     const ReadOptions& options) {
  if (!options.format.empty()) {
    return refuse(path, "a file is not read as " + options.format + ": name its folder");
  }
  return refuse(path, "no format that millrace knows (it looks like " + looks_of(bytes) +
                          "); the option format (--format) forces one");
}

Result<std::shared_ptr<const Shard>> open_file(const std::string& path,
                                               const ReadOptions& options) {
  // A row group is read from its file.
  const std::string file = shard_file(path);
  auto source = map_file(file);
  if (!source) return tl::unexpected<Error>(std::move(source.error()));
  ShardBytes bytes{std::move(*source), std::nullopt, 0};
  const std::string_view name = file_name_of(file);
  if (bytes.source->bytes().empty() && plain_name(name) != name) {
    // Compressed, nothing is some bytes.
    return tl::unexpected<Error>(
        Error{Reason::damaged_shard, "the compressed file is empty", path, 0, {}});
  }
  if (!compression_of(bytes.source->bytes()).empty()) {
    auto unpacked = unpack(bytes.source, options.limits);
    if (!unpacked) return tl::unexpected<Error>(std::move(unpacked.error()));
    bytes = std::move(*unpacked);
  }
  const ShardFormat* format = format_of(file, bytes.source->bytes(), options);
  if (format == nullptr) {
    // Of a compressed file that is damaged the damage is said, not what is left of it.
    if (!bytes.damage || !options.format.empty()) {
      return refuse_unknown(path, bytes.source->bytes(), options);
    }
    format = &shard_formats().back();
  }
  if (format->is_text && is_utf16(bytes.source->bytes())) {
    return refuse(path, "the text is " + looks_of(bytes.source->bytes()));
  }
  auto shard = format->open(path, bytes, options);
  if (!shard) {
    // What is missing may be so because the compressed file is cut.
    if (bytes.damage) shard.error().message += "; " + bytes.damage->message;
    return shard;
  }
  return packed_shard(std::move(*shard), bytes);
}

}  // namespace

std::uint64_t Shard::will_need(std::uint64_t offset, std::uint64_t next_offset) const {
  source().will_need(offset, next_offset);
  return next_offset - offset;
}

void Shard::done_with(const Sample& sample) const {
  source().done_with(sample.begin_bytes(), sample.end_bytes());
}

std::span<const ShardFormat> shard_formats() { return kFormats; }

std::string_view format_by_name(std::string_view path) {
  const ShardFormat* format = format_of(path, {}, {});
  return format == nullptr ? std::string_view() : format->name;
}

Result<std::shared_ptr<const Shard>> open_shard(const std::string& path,
                                                const ReadOptions& options) {
  std::error_code error;
  const bool can_be_folder = options.format.empty() || options.format == "images";
  if (can_be_folder && std::filesystem::is_directory(path, error)) {
    return open_image_folder(path, options);
  }
  return open_file(path, options);
}

}  // namespace millrace
