#include "millrace/arrow_ext/parquet_footers.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <parquet/file_reader.h>

namespace millrace::arrow_ext {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kTailBytes = 8;  // the footer's length and the magic number
constexpr std::size_t kKept = 16;

// The footer as it lies in the file; empty where there is none, which the parser puts into words.
Bytes footer_bytes(Bytes file) {
  if (file.size() < kTailBytes) return {};
  std::uint32_t length = 0;
  std::memcpy(&length, file.data() + file.size() - kTailBytes, sizeof length);
  if (length > file.size() - kTailBytes) return {};
  return file.subspan(file.size() - kTailBytes - length);
}

class Footers {
 public:
  std::shared_ptr<parquet::FileMetaData> find(std::string_view file, Bytes footer) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& one) {
      return one.file == file &&
             std::equal(one.bytes.begin(), one.bytes.end(), footer.begin(), footer.end());
    });
    if (found == kept_.end()) return nullptr;
    kept_.splice(kept_.begin(), kept_, found);
    return found->footer;
  }

  void keep(std::string_view file, Bytes bytes, std::shared_ptr<parquet::FileMetaData> footer) {
    const std::lock_guard lock(mutex_);
    kept_.push_front({std::string(file), {bytes.begin(), bytes.end()}, std::move(footer)});
    if (kept_.size() > kKept) kept_.pop_back();
  }

 private:
  struct Kept {
    std::string file;
    std::vector<std::uint8_t> bytes;
    std::shared_ptr<parquet::FileMetaData> footer;
  };
  std::mutex mutex_;
  std::list<Kept> kept_;  // the last used first
};

}  // namespace

std::shared_ptr<parquet::FileMetaData> parquet_footer(
    const ByteSource& file, const std::shared_ptr<arrow::io::RandomAccessFile>& input) {
  static Footers footers;
  const Bytes bytes = footer_bytes(file.bytes());
  if (!bytes.empty()) {
    if (auto known = footers.find(file.name(), bytes)) return known;
  }
  auto footer = parquet::ReadMetaData(input);
  if (!bytes.empty()) footers.keep(file.name(), bytes, footer);
  return footer;
}

}  // namespace millrace::arrow_ext
