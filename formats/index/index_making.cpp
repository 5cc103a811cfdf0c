#include "millrace/formats/index/index_making.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/field_selector.h"
#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/index/imported_counts.h"
#include "millrace/formats/index/sample_index_writer.h"
#include "millrace/formats/index/shard_walk.h"
#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/shard_listing.h"

namespace millrace {

namespace fs = std::filesystem;

namespace {

// The shards of one index file: those with names of their own, and the list made of them.
struct IndexFile {
  std::string path;
  std::vector<std::string> shards;  // as this process opens them
  std::vector<std::string> names;   // as the index calls them
  std::vector<std::size_t> list;    // numbers into shards
};

// The path without links as far as it exists, absolute.
fs::path real(const fs::path& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(fs::absolute(path), error);
  return error ? fs::absolute(path) : result;
}

// How an index in `folder` calls a shard: as the paths are written if the shard lies below, by way
// of what the paths truly are if not.
std::string name_from(const std::string& folder, const std::string& shard) {
  const fs::path written = fs::absolute(shard).lexically_normal().lexically_relative(
      fs::absolute(folder.empty() ? "." : folder).lexically_normal());
  if (!written.empty() && *written.begin() != "..") return written.native();
  const fs::path shard_path(shard);
  const fs::path file =
      real(shard_path.has_parent_path() ? shard_path.parent_path() : ".") / shard_path.filename();
  return file.lexically_relative(real(folder.empty() ? "." : folder)).native();
}

Result<std::vector<std::string>> listed_shards(const std::vector<std::string>& sources,
                                               const ReadOptions& read) {
  auto paths = shards_of(sources, read);
  if (!paths) return paths;
  std::vector<std::string> shards;
  for (std::string& path : *paths) {
    if (!SampleIndex::is_index(path)) {
      shards.push_back(std::move(path));
      continue;
    }
    const auto index = SampleIndex::open(path);
    if (!index) return tl::unexpected<Error>(index.error());
    for (std::size_t i = 0; i < (*index)->shards(); ++i) shards.push_back((*index)->path(i));
  }
  return shards;
}

IndexFile one_index(const std::string& output, const std::vector<std::string>& shards) {
  IndexFile file;
  file.path = output;
  std::unordered_map<std::string, std::size_t> numbers;
  for (const std::string& shard : shards) {
    const auto [place, is_new] = numbers.emplace(shard, file.shards.size());
    if (is_new) {
      file.shards.push_back(shard);
      file.names.push_back(name_from(std::string(folder_of(output)), shard));
    }
    file.list.push_back(place->second);
  }
  return file;
}

// One index a folder. Shards that its index knows already and that are still the same stay in it.
std::vector<IndexFile> index_by_folder(const std::vector<std::string>& shards) {
  std::map<std::string, std::set<std::string>, std::less<>> by_folder;
  for (const std::string& shard : shards) {
    by_folder[std::string(folder_of(shard))].emplace(file_name_of(shard));
  }
  std::vector<IndexFile> files;
  for (auto& [folder, names] : by_folder) {
    IndexFile file;
    file.path = folder + std::string(kIndexFileName);
    const auto before = SampleIndex::open(file.path);
    for (std::size_t i = 0; before && i < (*before)->shards(); ++i) {
      const std::string name((*before)->name(i));
      const auto stamp = file_stamp(folder + name);
      if (stamp && *stamp == (*before)->stamp(i)) names.insert(name);
    }
    for (const std::string& name : names) {
      file.list.push_back(file.shards.size());
      file.names.push_back(name);
      file.shards.push_back(folder + name);
    }
    files.push_back(std::move(file));
  }
  return files;
}

bool is_compressed(const std::string& path) {
  const auto file = map_file(path);
  if (!file) return false;  // whoever opens it says why
  constexpr std::size_t kEnough = 512;
  const auto bytes = (*file)->bytes();
  return !compression_of(bytes.first(std::min(bytes.size(), kEnough))).empty();
}

// What the summary wants to know of a shard's block.
struct ShardSums {
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  SkippedRecords skipped;
};

// The loss that a damaged shard's index tells of. Reading ends at damage, so it is the last entry.
Error damage_of(const std::string& path, const IndexBlock& block, const ReadOptions& options) {
  Error damage{Reason::damaged_shard,
               std::to_string(block.damaged()) + " damaged place(s)",
               path,
               Error::kNoOffset,
               {}};
  const auto offsets = block.sample_offsets();
  const auto shard = open_shard(path, options);
  if (!offsets || offsets->empty() || !shard) return damage;
  Sample sample;
  if (const auto read = (*shard)->read(offsets->back(), sample); !read) return read.error();
  return damage;
}

// Progress and sums over all the indexes that are made. Thread-safe.
class Account {
 public:
  Account(const IndexProgress& progress, std::size_t shards)
      : progress_(progress), shards_(shards) {}

  enum class How : std::uint8_t { walked, imported, reused };

  void add(How how, std::uint64_t samples, std::optional<Error> damage) {
    const std::lock_guard lock(mutex_);
    std::uint64_t& counter = how == How::walked     ? summary_.walked
                             : how == How::imported ? summary_.imported
                                                    : summary_.reused;
    ++counter;
    if (damage) summary_.damaged.push_back(std::move(*damage));
    samples_done_ += samples;
    if (progress_) progress_(++shards_done_, shards_, samples_done_);
  }

  void add_entry(const ShardSums& sums) {
    ++summary_.shards;
    summary_.samples += sums.samples;
    summary_.bytes += sums.bytes;
    add_skipped(summary_.skipped, sums.skipped);
  }

  void add_file(const std::string& path) { summary_.files.push_back(path); }

  IndexSummary finish() {
    std::sort(summary_.damaged.begin(), summary_.damaged.end(),
              [](const Error& a, const Error& b) { return a.shard < b.shard; });
    return std::move(summary_);
  }

 private:
  const IndexProgress& progress_;
  std::size_t shards_;
  std::mutex mutex_;
  std::size_t shards_done_ = 0;
  std::uint64_t samples_done_ = 0;
  IndexSummary summary_;
};

// Makes one index file.
class IndexMaker {
 public:
  IndexMaker(const IndexMaking& making, const IndexFile& file, Account& account)
      : making_(making),
        file_(file),
        account_(account),
        stamps_(file.shards.size()),
        places_(file.shards.size()),
        sums_(file.shards.size()),
        blocks_(file.shards.size()) {}

  Result<void> make(const ParallelFor& parallel_for) {
    if (!making_.force) {
      if (auto index = SampleIndex::open(file_.path)) before_ = std::move(*index);
    }
    if (auto looked = for_all(parallel_for, [&](std::size_t i) { return look(i); }); !looked) {
      return looked;
    }
    const bool is_right = lists_the_same();
    if (!is_right) {
      if (auto opened = open_writer(); !opened) return opened;
    }
    if (auto made = for_all(parallel_for, [&](std::size_t i) { return make_block(i); }); !made) {
      return made;
    }
    std::vector<std::size_t> list;
    for (const std::size_t number : file_.list) {
      account_.add_entry(sums_[number]);
      list.push_back(blocks_[number]);
    }
    account_.add_file(file_.path);
    return is_right ? Result<void>{} : writer_->finish(list);
  }

 private:
  template <typename Task>
  Result<void> for_all(const ParallelFor& parallel_for, const Task& task) const {
    std::vector<std::optional<Error>> errors(file_.shards.size());
    parallel_for(file_.shards.size(), [&](std::size_t i) {
      if (auto done = task(i); !done) errors[i] = std::move(done.error());
    });
    for (std::optional<Error>& error : errors) {
      if (error) return tl::unexpected<Error>(std::move(*error));
    }
    return {};
  }

  bool suffices(const IndexBlock& block, const FileStamp& stamp) const {
    return block.stamp() == stamp && has_columns(block, making_.metadata) &&
           (block.knows_offsets() || making_.import_counts);
  }

  // Whether the index there was has the shard right.
  Result<void> look(std::size_t i) {
    const auto stamp = file_stamp(file_.shards[i]);
    if (!stamp) return tl::unexpected<Error>(stamp.error());
    stamps_[i] = *stamp;
    if (before_ == nullptr) return {};
    const auto number = before_->find(file_.names[i]);
    if (!number) return {};
    const auto block = before_->block(*number);
    if (block && suffices(*block, *stamp)) places_[i] = *number;
    return {};
  }

  // Whether nothing is to be written at all.
  bool lists_the_same() const {
    if (before_ == nullptr || before_->shards() != file_.list.size()) return false;
    for (std::size_t i = 0; i < file_.list.size(); ++i) {
      const std::size_t number = file_.list[i];
      if (!places_[number] || before_->name(i) != file_.names[number]) return false;
    }
    return true;
  }

  Result<void> open_writer() {
    auto writer = SampleIndexWriter::open(file_.path,
                                          making_.force ? SampleIndexWriter::Interrupted::discard
                                                        : SampleIndexWriter::Interrupted::take_up);
    if (!writer) return tl::unexpected<Error>(std::move(writer.error()));
    writer_ = std::move(*writer);
    for (std::size_t i = 0; i < writer_->taken_up().size(); ++i) {
      taken_up_[writer_->taken_up()[i].name()] = i;  // the latest of a name
    }
    for (const std::string& shard : file_.shards) {
      if (!making_.import_counts) break;
      const std::string folder(folder_of(shard));
      imports_.try_emplace(folder, folder);
    }
    return {};
  }

  Result<void> make_block(std::size_t i) {
    if (writer_ != nullptr) {
      const auto taken = taken_up_.find(file_.names[i]);
      if (taken != taken_up_.end()) {
        const IndexBlock& block = writer_->taken_up()[taken->second];
        if (suffices(block, stamps_[i])) {
          blocks_[i] = taken->second;
          note(i, block, Account::How::reused);
          return {};
        }
      }
    }
    if (places_[i]) {
      const auto block = before_->block(*places_[i]);
      if (!block) return tl::unexpected<Error>(block.error());
      return keep(i, *block, Account::How::reused);
    }
    return make_anew(i);
  }

  Result<void> make_anew(std::size_t i) {
    const std::string& path = file_.shards[i];
    IndexedShard shard;
    Account::How how = Account::How::imported;
    std::optional<ImportedCount> count;
    // What a compressed shard unpacks to, which loaders plan their memory by, nobody counted.
    if (making_.import_counts && making_.metadata.empty() && !is_compressed(path)) {
      count = imports_.find(folder_of(path))->second.find(file_name_of(path));
    }
    if (count) {
      shard.stamp = stamps_[i];
      shard.samples = count->samples;
      shard.counted_by = std::move(count->file);
    } else {
      auto walked = walk_shard(path, making_.metadata, making_.read, {}, making_.image_size);
      if (!walked) return tl::unexpected<Error>(std::move(walked.error()));
      shard = std::move(*walked);
      how = Account::How::walked;
      if (shard.is_of_other_files) {
        return fail(Reason::stale_index,
                    path +
                        ": an index cannot keep what images say that are files of their own, "
                        "because these may change; leave out image:..., loaders read it anew");
      }
    }
    shard.name = file_.names[i];
    const std::vector<std::uint8_t> bytes = encode_block(shard);
    const auto block = IndexBlock::parse(bytes);
    if (!block) return tl::unexpected<Error>(block.error());
    return keep(i, *block, how);
  }

  Result<void> keep(std::size_t i, const IndexBlock& block, Account::How how) {
    if (writer_ != nullptr) {
      const auto number = writer_->add(block);
      if (!number) return tl::unexpected<Error>(number.error());
      blocks_[i] = *number;
    }
    note(i, block, how);
    return {};
  }

  void note(std::size_t i, const IndexBlock& block, Account::How how) {
    sums_[i] = {block.samples(), block.stamp().bytes, block.skipped()};
    std::optional<Error> damage;
    if (block.damaged() > 0) damage = damage_of(file_.shards[i], block, making_.read);
    account_.add(how, block.samples(), std::move(damage));
  }

  const IndexMaking& making_;
  const IndexFile& file_;
  Account& account_;
  std::shared_ptr<const SampleIndex> before_;
  std::unique_ptr<SampleIndexWriter> writer_;  // null: nothing is to be written
  std::unordered_map<std::string_view, std::size_t> taken_up_;
  std::map<std::string, ImportedCounts, std::less<>> imports_;  // by folder

  // By the number of the shard in the file.
  std::vector<FileStamp> stamps_;
  std::vector<std::optional<std::size_t>> places_;  // in before_
  std::vector<ShardSums> sums_;
  std::vector<std::size_t> blocks_;  // in the new file
};

}  // namespace

Result<IndexSummary> make_indexes(const IndexMaking& making, const ParallelFor& parallel_for,
                                  const IndexProgress& progress) {
  for (const std::string& field : making.metadata) validate_metadata(field);
  const auto shards = listed_shards(making.sources, making.read);
  if (!shards) return tl::unexpected<Error>(shards.error());
  const std::vector<IndexFile> files = making.output.empty()
                                           ? index_by_folder(*shards)
                                           : std::vector{one_index(making.output, *shards)};
  std::size_t distinct = 0;
  for (const IndexFile& file : files) distinct += file.shards.size();
  Account account(progress, distinct);
  for (const IndexFile& file : files) {
    if (auto made = IndexMaker(making, file, account).make(parallel_for); !made) {
      return tl::unexpected<Error>(std::move(made.error()));
    }
  }
  return account.finish();
}

}  // namespace millrace
