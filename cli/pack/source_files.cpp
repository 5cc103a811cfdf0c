#include "pack/source_files.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "millrace/formats/index/index_block.h"
#include "millrace/formats/index/shard_catalog.h"
#include "millrace/formats/shard_listing.h"
#include "millrace/loader/json.h"
#include "millrace/loader/permutation.h"
#include "run_on_threads.h"

namespace millrace::cli {

namespace {

constexpr std::size_t kBlockSamples = 1024;

}  // namespace

Result<SourceFiles> files_of(const SourceShards& sources, const ReadOptions& read) {
  SourceFiles files;
  for (std::size_t i = 0; i < sources.size(); ++i) files.paths.push_back(sources.path(i));
  if (!read.image_tars.empty()) {
    ReadOptions as_tars;
    as_tars.format = "tar";
    auto tars = shards_of(read.image_tars, as_tars);
    if (!tars) return tl::unexpected<Error>(std::move(tars.error()));
    files.paths.insert(files.paths.end(), tars->begin(), tars->end());
  }
  std::string stamps;
  for (std::size_t i = 0; i < files.paths.size(); ++i) {
    const std::string& path = files.paths[i];
    stamps += path + '\n';
    std::error_code error;
    // A folder changes where nothing that is read does; its images are noted one by one.
    if (std::filesystem::is_directory(path, error)) continue;
    const auto stamp = file_stamp(shard_file(path));
    if (!stamp) return tl::unexpected<Error>(stamp.error());
    if (i < sources.size()) files.bytes += stamp->bytes;
    stamps += std::to_string(stamp->bytes) + ' ' + std::to_string(stamp->mtime_ns) + '\n';
  }
  files.stamp = hexadecimal(key_hash(stamps));
  return files;
}

NamedFiles named_files_of(SourcePlace place, bool was_read, bool from_tar, const Sample& sample) {
  NamedFiles noted;
  if (from_tar || (was_read && sample.files() == 0)) return noted;
  noted.files = was_read ? sample.files() : 1;
  noted.stamp = mix(place.shard, place.entry);
  if (!was_read) return noted;
  // Of a folder the keys and fields are the files' names.
  noted.stamp = mix(mix(noted.stamp, sample.files_stamp()), key_hash(sample.key()));
  for (const Field& field : sample.fields()) noted.stamp = mix(noted.stamp, key_hash(field.name));
  return noted;
}

Result<NamedFiles> named_files_before(SourcePlace end, const SourceShards& sources,
                                      std::size_t threads) {
  NamedFiles sum;
  std::mutex mutex;
  for (std::uint64_t number = 0; number <= end.shard && number < sources.size(); ++number) {
    if (number == end.shard && end.entry == 0) break;
    const auto source = sources.open(number);
    if (!source) return tl::unexpected<Error>(source.error());
    if (source->from_tar) continue;
    std::size_t count = source->offsets.size();
    if (number == end.shard) count = std::min<std::size_t>(count, end.entry);
    run_on_threads(threads, (count + kBlockSamples - 1) / kBlockSamples, [&](std::size_t block) {
      NamedFiles noted;
      Sample sample;
      sample.leave_files_unread();
      const std::size_t block_end = std::min(count, (block + 1) * kBlockSamples);
      for (std::size_t i = block * kBlockSamples; i < block_end; ++i) {
        const bool was_read = source->shard->read(source->offsets[i], sample).has_value();
        noted.add(named_files_of({number, i}, was_read, false, sample));
        if (was_read) source->shard->done_with(sample);
      }
      const std::lock_guard lock(mutex);
      sum.add(noted);
    });
  }
  return sum;
}

}  // namespace millrace::cli
