#include "millrace/formats/images/image_store.h"

#include <algorithm>
#include <array>
#include <climits>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "millrace/formats/images/image_tars.h"
#include "millrace/formats/images/rooted_folder.h"
#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/index/index_block.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/shard_listing.h"

namespace millrace {

namespace {

namespace fs = std::filesystem;

Error at(const Sample& sample, Error error) {
  error.shard = sample.shard();
  error.offset_bytes = sample.begin_bytes();
  error.unit = sample.offset_unit();
  error.key = sample.key();
  return error;
}

Result<void> add_found(Result<std::span<const std::uint8_t>> bytes, std::string_view name,
                       Sample& sample) {
  if (!bytes) return tl::unexpected<Error>(at(sample, std::move(bytes.error())));
  sample.add_field(name, *bytes);
  return {};
}

class FolderStore final : public ImageStore {
 public:
  FolderStore(std::shared_ptr<const RootedFolder> root, std::string beside, std::uint64_t max_bytes)
      : root_(std::move(root)), beside_(std::move(beside)), max_bytes_(max_bytes) {}

  Result<void> add(std::string_view path, std::string_view name, Sample& sample) const override {
    std::array<char, PATH_MAX> joined;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    std::string_view from_root = path;
    if (path.starts_with("../") && !beside_.empty() &&
        beside_.size() + path.size() <= joined.size()) {
      beside_.copy(joined.data(), beside_.size());
      path.copy(joined.data() + beside_.size(), path.size());
      from_root = {joined.data(), beside_.size() + path.size()};
    }
    auto bytes = root_->read(from_root, max_bytes_, sample);
    if (!bytes) bytes.error().message += where_paths_start();
    return add_found(std::move(bytes), name, sample);
  }

 private:
  std::string where_paths_start() const {
    if (!beside_.empty()) return " (image_root: " + root_->path() + ")";
    return " (without image_root, paths start from the table's folder and may not leave it)";
  }

  std::shared_ptr<const RootedFolder> root_;
  std::string beside_;  // the table's folder, with a slash; empty: it is the root
  std::uint64_t max_bytes_;
};

// What the members of tars are known by: another list of files, or files that have changed, are
// another store.
struct TarsIdentity {
  std::vector<std::string> paths;
  std::vector<FileStamp> stamps;
  ReadLimits limits;
  bool operator==(const TarsIdentity&) const = default;
};

class TarStore final : public ImageStore {
 public:
  explicit TarStore(TarsIdentity identity)
      : identity_(std::move(identity)), tars_(identity_.paths, identity_.limits) {}

  const TarsIdentity& identity() const { return identity_; }

  Result<void> add(std::string_view path, std::string_view name, Sample& sample) const override {
    return add_found(tars_.find(path, sample), name, sample);
  }

 private:
  TarsIdentity identity_;
  ImageTars tars_;
};

// The stores of tars that are in use, because finding the members of many tars takes a while. The
// latest one stays, for shards that are opened one after another.
class TarStores {
 public:
  std::shared_ptr<const TarStore> get(TarsIdentity identity) {
    const std::lock_guard lock(mutex_);
    stores_.erase(std::remove_if(stores_.begin(), stores_.end(),
                                 [](const auto& store) { return store.expired(); }),
                  stores_.end());
    for (const auto& kept : stores_) {
      auto store = kept.lock();
      if (store != nullptr && store->identity() == identity) return latest_ = std::move(store);
    }
    latest_ = std::make_shared<const TarStore>(std::move(identity));
    stores_.push_back(latest_);
    return latest_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<const TarStore>> stores_;
  std::shared_ptr<const TarStore> latest_;
};

TarStores& tar_stores() {
  static TarStores stores;
  return stores;
}

Result<std::shared_ptr<const ImageStore>> open_tars(const ReadOptions& options) {
  ReadOptions as_tars;
  as_tars.format = "tar";
  auto paths = shards_of(options.image_tars, as_tars);
  if (!paths) return tl::unexpected<Error>(std::move(paths.error()));
  TarsIdentity identity{{}, {}, options.limits};
  std::unordered_set<std::string> named;
  for (std::string& path : *paths) {
    // Named twice it is one tar, not two that have the same members.
    if (!named.insert(path).second) continue;
    const auto stamp = file_stamp(path);
    if (!stamp) return tl::unexpected<Error>(stamp.error());
    identity.paths.push_back(std::move(path));
    identity.stamps.push_back(*stamp);
  }
  return tar_stores().get(std::move(identity));
}

std::string folder_of_table(const std::string& table) {
  std::error_code error;
  if (fs::is_directory(table, error)) return table;
  const std::string_view folder = folder_of(table);
  return folder.empty() ? "." : std::string(folder);
}

}  // namespace

Result<std::shared_ptr<const ImageStore>> ImageStore::open(const std::string& table,
                                                           const ReadOptions& options) {
  if (!options.image_tars.empty()) return open_tars(options);
  const std::string folder = folder_of_table(table);
  auto root = RootedFolder::shared(options.image_root.empty() ? folder : options.image_root);
  if (!root) return tl::unexpected<Error>(std::move(root.error()));
  std::string beside;
  if (!options.image_root.empty()) {
    std::error_code error;
    beside = fs::absolute(folder, error).string();
    if (!error && !beside.ends_with('/')) beside += '/';
  }
  return std::make_shared<const FolderStore>(std::move(*root), std::move(beside),
                                             options.limits.max_image_bytes);
}

bool ImageStore::is_url(std::string_view path) {
  // RFC 3986, section 3.1.
  const std::size_t colon = path.find("://");
  if (colon == std::string_view::npos || colon == 0 || !is_letter(path.front())) return false;
  const std::string_view scheme = path.substr(0, colon);
  return std::all_of(scheme.begin(), scheme.end(), [&](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

}  // namespace millrace
