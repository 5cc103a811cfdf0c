#include "millrace/formats/images/image_folder_shard.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
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

// The files that make samples, in order: an image, then what lies beside it.
struct FolderFiles {
  struct File {
    std::uint64_t name_end = 0;   // in the names, which are joined by line feeds
    std::uint16_t key_bytes = 0;  // of an image, which begins a sample; else 0
    std::uint16_t field_at = 0;   // where in the name that of the field begins
    bool is_wanted = false;
  };
  std::vector<std::uint8_t> names;
  std::vector<File> files;
  std::vector<std::uint64_t> first_files;  // of each sample
  SkippedRecords skipped;
};

std::string_view image_stem(std::string_view image) { return image.substr(0, image.rfind('.')); }

// The images of a folder, and which of them a file lies beside.
class FolderImages {
 public:
  struct Image {
    std::string_view name;
    bool is_only_of_stem = true;
  };
  struct Sidecar {
    std::size_t image = 0;
    bool by_whole_name = false;  // `a.jpg.txt`, not `a.txt`
    std::string_view name;
    std::size_t field_at = 0;
  };

  /// `names`, which must live on, in order.
  explicit FolderImages(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (is_image_name(name)) images_.push_back({name});
    }
    for (std::size_t i = 0; i < images_.size(); ++i) {
      by_stem_.emplace_back(image_stem(images_[i].name), i);
    }
    std::sort(by_stem_.begin(), by_stem_.end());
    for (std::size_t i = 1; i < by_stem_.size(); ++i) {
      if (by_stem_[i - 1].first != by_stem_[i].first) continue;
      images_[by_stem_[i - 1].second].is_only_of_stem = false;
      images_[by_stem_[i].second].is_only_of_stem = false;
    }
  }

  const std::vector<Image>& images() const { return images_; }

  /// Adds what the file is to its image, or to all images of its stem, the longest that there is.
  /// Returns whether there is any.
  bool add_sidecar(std::string_view name, std::vector<Sidecar>& sidecars) const {
    for (std::size_t dot = name.rfind('.'); dot != std::string_view::npos && dot > 0;
         dot = name.rfind('.', dot - 1)) {
      const std::string_view before = name.substr(0, dot);
      const auto image = std::lower_bound(
          images_.begin(), images_.end(), before,
          [](const Image& one, std::string_view wanted) { return one.name < wanted; });
      if (image != images_.end() && image->name == before) {
        const auto number = static_cast<std::size_t>(image - images_.begin());
        sidecars.push_back({number, true, name, dot + 1});
        return true;
      }
      auto of_stem = std::lower_bound(by_stem_.begin(), by_stem_.end(),
                                      std::pair<std::string_view, std::size_t>{before, 0});
      const bool found = of_stem != by_stem_.end() && of_stem->first == before;
      for (; of_stem != by_stem_.end() && of_stem->first == before; ++of_stem) {
        sidecars.push_back({of_stem->second, false, name, dot + 1});
      }
      if (found) return true;
    }
    return false;
  }

 private:
  std::vector<Image> images_;  // by name
  std::vector<std::pair<std::string_view, std::size_t>> by_stem_;
};

void add_file(std::string_view name, std::size_t key_bytes, std::size_t field_at,
              const ReadOptions& options, FolderFiles& folder) {
  if (!folder.files.empty()) folder.names.push_back('\n');
  const std::size_t at = folder.names.size();
  folder.names.resize(at + name.size());
  std::copy(name.begin(), name.end(), folder.names.begin() + static_cast<std::ptrdiff_t>(at));
  if (key_bytes > 0) folder.first_files.push_back(folder.files.size());
  // A file's name has 255 bytes.
  folder.files.push_back({folder.names.size(), static_cast<std::uint16_t>(key_bytes),
                          static_cast<std::uint16_t>(field_at),
                          options.wants(lower(name.substr(field_at)))});
}

// The sidecars of one image, of which those by its stem come first.
void add_sidecars(std::span<const FolderImages::Sidecar> sidecars, std::string_view image,
                  const ReadOptions& options, FolderFiles& folder) {
  std::vector<std::string> fields;
  for (const FolderImages::Sidecar& sidecar : sidecars) {
    const auto is_taken = [&](std::size_t field_at) {
      return std::find(fields.begin(), fields.end(), lower(sidecar.name.substr(field_at))) !=
             fields.end();
    };
    std::size_t field_at = sidecar.field_at;
    // Beside `a.txt`, `a.jpg.txt` is the field `jpg.txt`.
    if (sidecar.by_whole_name && is_taken(field_at)) field_at = image_stem(image).size() + 1;
    const std::string_view field = sidecar.name.substr(field_at);
    if (is_taken(field_at) || (field.starts_with("__") && field.ends_with("__"))) {
      ++folder.skipped.meta_members;
      continue;
    }
    add_file(sidecar.name, 0, field_at, options, folder);
    fields.push_back(lower(field));
  }
}

// Each image is a sample, with the files beside it that its name begins.
FolderFiles group(std::vector<std::string> names, SkippedRecords skipped,
                  const ReadOptions& options) {
  FolderFiles folder;
  folder.skipped = skipped;
  names.erase(
      std::remove_if(names.begin(), names.end(),
                     [&](const std::string& name) { return !is_field(name, folder.skipped); }),
      names.end());
  std::sort(names.begin(), names.end());
  const FolderImages images(names);
  std::vector<FolderImages::Sidecar> sidecars;
  for (const std::string& name : names) {
    if (is_image_name(name)) continue;
    if (!images.add_sidecar(name, sidecars)) ++folder.skipped.meta_members;
  }
  std::sort(sidecars.begin(), sidecars.end(), [](const auto& a, const auto& b) {
    return std::tie(a.image, a.by_whole_name, a.name) < std::tie(b.image, b.by_whole_name, b.name);
  });
  auto begin = sidecars.begin();
  for (std::size_t i = 0; i < images.images().size(); ++i) {
    const FolderImages::Image& image = images.images()[i];
    const std::size_t stem_bytes = image_stem(image.name).size();
    // `a.jpg` and `a.png` are two samples: no key may stand for both.
    add_file(image.name, image.is_only_of_stem ? stem_bytes : image.name.size(), stem_bytes + 1,
             options, folder);
    const auto end =
        std::find_if(begin, sidecars.end(), [&](const auto& one) { return one.image != i; });
    add_sidecars({begin, end}, image.name, options, folder);
    begin = end;
  }
  return folder;
}

class ImageFolderShard final : public Shard {
 public:
  ImageFolderShard(std::shared_ptr<const RootedFolder> root, std::string prefix,
                   const std::string& path, std::string label, FolderFiles files,
                   const ReadOptions& options)
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
    auto file = static_cast<std::size_t>(first_files_[static_cast<std::size_t>(row)]);
    sample.set_key(file_name(file).substr(0, files_[file].key_bytes));
    bool has_label = false;
    do {
      if (!files_[file].is_wanted) continue;
      const std::string_view name = file_name(file);
      const auto bytes = read_file(name, sample);
      if (!bytes) return located(bytes.error(), sample);
      sample.add_field(name.substr(files_[file].field_at), *bytes);
      has_label = has_label || sample.fields().back().name == kLabel;
    } while (++file < files_.size() && files_[file].key_bytes == 0);
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
    if (prefix_.empty()) return root_->read(name, max_bytes_, sample);
    std::array<char, PATH_MAX> path;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    if (prefix_.size() + name.size() > path.size()) {
      return fail(Reason::io_error, "cannot read " + quoted_name(name) + ": the path is too long");
    }
    prefix_.copy(path.data(), prefix_.size());
    name.copy(path.data() + prefix_.size(), name.size());
    return root_->read({path.data(), prefix_.size() + name.size()}, max_bytes_, sample);
  }

  static tl::unexpected<Error> located(Error error, const Sample& sample) {
    error.shard = sample.shard();
    error.offset_bytes = sample.begin_bytes();
    error.unit = sample.offset_unit();
    error.key = sample.key();
    return tl::unexpected<Error>(std::move(error));
  }

  std::shared_ptr<const RootedFolder> root_;
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
  auto root = RootedFolder::shared(options.image_root.empty() ? path : options.image_root);
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
