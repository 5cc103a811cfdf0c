#include "millrace/formats/images/image_folder_shard.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "millrace/formats/images/rooted_folder.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/tar/member_name.h"

namespace millrace {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLabel = "label";

tl::unexpected<Error> cannot_list(const std::string& path, int why) {
  return tl::unexpected<Error>(
      Error{Reason::io_error,
            "cannot list the folder: " + std::generic_category().message(why),
            path,
            Error::kNoOffset,
            {}});
}

// The names of a folder's files, links to what may be files included. Others are counted.
Result<std::vector<std::string>> file_names(const std::string& path, SkippedRecords& skipped) {
  struct Listing {
    explicit Listing(DIR* folder) : dir(folder) {}
    ~Listing() {
      if (dir != nullptr) ::closedir(dir);
    }
    Listing(const Listing&) = delete;
    Listing& operator=(const Listing&) = delete;
    DIR* dir;
  } const listing(::opendir(path.c_str()));
  if (listing.dir == nullptr) return cannot_list(path, errno);
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(listing.dir);  // NOLINT(concurrency-mt-unsafe): its own DIR
    if (entry == nullptr && errno != 0) return cannot_list(path, errno);
    if (entry == nullptr) return names;
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name == "." || name == "..") continue;
    bool is_file = entry->d_type == DT_REG;
    if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) {
      struct stat status = {};
      // What a link leads to is looked at when it is read; only folders are told apart here.
      const bool known = ::fstatat(::dirfd(listing.dir), entry->d_name, &status, 0) == 0;
      is_file = known ? S_ISREG(status.st_mode) : true;
    }
    if (is_file) {
      names.emplace_back(name);
    } else {
      ++skipped.not_files;
    }
  }
}

bool is_field(std::string_view name, SkippedRecords& skipped) {
  switch (split_member_name(name).kind) {
    case MemberKind::field:
      return true;
    case MemberKind::meta:
      ++skipped.meta_members;
      return false;
    case MemberKind::apple:
      ++skipped.apple_members;
      return false;
    case MemberKind::without_extension:
      ++skipped.without_extension;
      return false;
  }
  return false;
}

// The files that make samples, in order.
struct FolderFiles {
  struct File {
    std::uint64_t name_end = 0;  // in the names, which are joined by line feeds
    bool begins_sample = false;
    bool is_wanted = false;
  };
  std::vector<std::uint8_t> names;
  std::vector<File> files;
  std::vector<std::uint64_t> first_files;  // of each sample
  SkippedRecords skipped;
};

void add_file(std::string_view name, std::string_view extension, bool begins_sample,
              const ReadOptions& options, FolderFiles& folder) {
  if (!folder.files.empty()) folder.names.push_back('\n');
  const std::size_t at = folder.names.size();
  folder.names.resize(at + name.size());
  std::copy(name.begin(), name.end(), folder.names.begin() + static_cast<std::ptrdiff_t>(at));
  if (begins_sample) folder.first_files.push_back(folder.files.size());
  folder.files.push_back({folder.names.size(), begins_sample, options.wants(lower(extension))});
}

// Files of one key stand together once the names are sorted: all of them begin with it and a dot.
FolderFiles group(std::vector<std::string> names, SkippedRecords skipped,
                  const ReadOptions& options) {
  FolderFiles folder;
  folder.skipped = skipped;
  names.erase(
      std::remove_if(names.begin(), names.end(),
                     [&](const std::string& name) { return !is_field(name, folder.skipped); }),
      names.end());
  std::sort(names.begin(), names.end());
  std::vector<std::string> extensions;  // of the sample so far
  for (auto begin = names.begin(); begin != names.end();) {
    const std::string_view key = split_member_name(*begin).key;
    const auto end = std::find_if(begin, names.end(), [&](const std::string& name) {
      return split_member_name(name).key != key;
    });
    if (std::none_of(begin, end, [](const std::string& name) { return is_image_name(name); })) {
      folder.skipped.meta_members += static_cast<std::uint64_t>(end - begin);
      begin = end;
      continue;
    }
    extensions.clear();
    for (auto name = begin; name != end; ++name) {
      const std::string_view extension = split_member_name(*name).extension;
      std::string field = lower(extension);
      const bool repeated =
          std::find(extensions.begin(), extensions.end(), field) != extensions.end();
      if (repeated) {
        ++folder.skipped.duplicate_fields;
        extensions.clear();
      }
      add_file(*name, extension, repeated || name == begin, options, folder);
      extensions.push_back(std::move(field));
    }
    begin = end;
  }
  return folder;
}

class ImageFolderShard final : public Shard {
 public:
  ImageFolderShard(RootedFolder root, std::string prefix, const std::string& path,
                   std::string label, FolderFiles files, const ReadOptions& options)
      : root_(std::move(root)),
        prefix_(std::move(prefix)),
        label_(std::move(label)),
        wants_label_(options.wants(kLabel)),
        max_bytes_(options.limits.max_image_bytes),
        source_(memory_source(path, std::move(files.names))),
        files_(std::move(files.files)),
        first_files_(std::move(files.first_files)),
        skipped_(files.skipped) {}

  std::string_view name() const override { return source_->name(); }
  const ByteSource& source() const override { return *source_; }
  std::uint64_t will_need(std::uint64_t, std::uint64_t) const override { return 0; }
  void done_with(const Sample&) const override {}

  Result<ShardIndex> index() const override {
    ShardIndex index;
    index.sample_offsets.resize(first_files_.size());
    for (std::size_t i = 0; i < first_files_.size(); ++i) index.sample_offsets[i] = i;
    index.skipped = skipped_;
    return index;
  }

  Result<void> read(std::uint64_t row, Sample& sample) const override {
    sample.reset(name(), row, OffsetUnit::row);
    if (row >= first_files_.size()) {
      return located(
          fail(Reason::internal, "there is no such sample: the number is not of the index").value(),
          sample);
    }
    sample.set_end_bytes(row + 1);
    std::size_t file = static_cast<std::size_t>(first_files_[static_cast<std::size_t>(row)]);
    sample.set_key(split_member_name(file_name(file)).key);
    bool has_label = false;
    do {
      if (!files_[file].is_wanted) continue;
      const std::string_view name = file_name(file);
      const auto bytes = read_file(name, sample);
      if (!bytes) return located(bytes.error(), sample);
      sample.add_field(split_member_name(name).extension, *bytes);
      has_label = has_label || sample.fields().back().name == kLabel;
    } while (++file < files_.size() && !files_[file].begins_sample);
    if (wants_label_ && !has_label) {
      sample.add_field(kLabel, as_bytes(label_));
    }
    return {};
  }

 private:
  std::string_view file_name(std::size_t number) const {
    const auto begin = static_cast<std::size_t>(number == 0 ? 0 : files_[number - 1].name_end + 1);
    const auto end = static_cast<std::size_t>(files_[number].name_end);
    const auto bytes = source_->bytes().subspan(begin, end - begin);
    return as_text(bytes);
  }

  Result<std::span<const std::uint8_t>> read_file(std::string_view name, Sample& sample) const {
    if (prefix_.empty()) return root_.read(name, max_bytes_, sample);
    std::array<char, PATH_MAX> path;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    if (prefix_.size() + name.size() > path.size()) {
      return fail(Reason::io_error, "cannot read " + quoted_name(name) + ": the path is too long");
    }
    prefix_.copy(path.data(), prefix_.size());
    name.copy(path.data() + prefix_.size(), name.size());
    return root_.read({path.data(), prefix_.size() + name.size()}, max_bytes_, sample);
  }

  static tl::unexpected<Error> located(Error error, const Sample& sample) {
    error.shard = sample.shard();
    error.offset_bytes = sample.begin_bytes();
    error.unit = sample.offset_unit();
    error.key = sample.key();
    return tl::unexpected<Error>(std::move(error));
  }

  RootedFolder root_;
  std::string prefix_;  // from the root to the files
  std::string label_;
  bool wants_label_;
  std::uint64_t max_bytes_;
  std::shared_ptr<const ByteSource> source_;  // the names
  std::vector<FolderFiles::File> files_;
  std::vector<std::uint64_t> first_files_;
  SkippedRecords skipped_;
};

}  // namespace

bool is_image_name(std::string_view file_name) {
  const std::size_t dot = file_name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view extension = file_name.substr(dot + 1);
  constexpr std::array<std::string_view, 9> kImages = {"jpg", "jpeg", "png",  "webp", "gif",
                                                       "bmp", "tif",  "tiff", "avif"};
  return std::any_of(kImages.begin(), kImages.end(), [&](std::string_view image) {
    return std::equal(extension.begin(), extension.end(), image.begin(), image.end(),
                      [](char a, char b) { return lower(a) == b; });
  });
}

Result<std::shared_ptr<const Shard>> open_image_folder(const std::string& path,
                                                       const ReadOptions& options) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return cannot_list(path, error.value());
  auto root = RootedFolder::open(options.image_root.empty() ? path : options.image_root);
  if (!root) return tl::unexpected<Error>(std::move(root.error()));
  SkippedRecords skipped;
  auto names = file_names(path, skipped);
  if (!names) return tl::unexpected<Error>(std::move(names.error()));
  std::string prefix = options.image_root.empty() ? "" : real.string() + "/";
  return std::make_shared<const ImageFolderShard>(
      std::move(*root), std::move(prefix), path, real.filename().string(),
      group(std::move(*names), skipped, options), options);
}

}  // namespace millrace
