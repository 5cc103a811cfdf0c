// Any bytes are an MDS shard, an index.json, or both: reading them ends, stays inside the bytes,
// and accounts for every entry. The first two bytes say how long the index.json in front is;
// without one the shard's own config names the columns.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "millrace/formats/shard.h"
#include "millrace/formats/tables/mds_index.h"
#include "millrace/formats/tables/mds_shard.h"
#include "sample_reading.h"

namespace {

using millrace::fuzz::require;

// A folder for the index.json, removed at the end.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() / ("fuzz_mds_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  if (size < 2) return 0;
  const std::size_t index_size = std::min<std::size_t>(data[0] + 256 * data[1], size - 2);
  const std::span<const std::uint8_t> index_json(data + 2, index_size);
  const std::filesystem::path index_path = folder.path() / "index.json";
  if (index_size > 0) {
    (void)millrace::parse_mds_index(index_json);
    std::ofstream(index_path, std::ios::binary)
        .write(reinterpret_cast<const char*>(index_json.data()),
               static_cast<std::streamsize>(index_json.size()));
  } else {
    std::filesystem::remove(index_path);
  }
  if (const auto shards = millrace::mds_shards(folder.path().string())) {
    for (const std::string& shard : *shards) require(shard.starts_with(folder.path().string()));
  }
  const std::vector<std::uint8_t> bytes(data + 2 + index_size, data + size);
  const auto shard = millrace::open_mds((folder.path() / "a.mds").string(),
                                        {millrace::memory_source("a.mds", bytes), {}, 0}, {});
  if (!shard) return 0;
  // The table says also where samples would begin that a cut file has lost: each is an error.
  const auto within = [&](const millrace::Sample& sample) {
    require(sample.end_bytes() <= bytes.size());
  };
  constexpr std::size_t kLastOffset = std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t touched = millrace::fuzz::read_samples(**shard, kLastOffset, within);
  return touched == ~std::uint64_t{0} ? 1 : 0;
}
