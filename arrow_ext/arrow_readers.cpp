#include "millrace/formats/tables/arrow_readers.h"

#include <string_view>
#include <utility>

#include "millrace/arrow_ext/arrow_shard.h"
#include "millrace/arrow_ext/parquet_shard.h"
#include "millrace/formats/byte_source.h"

namespace millrace::arrow_ext {

namespace {

class Readers final : public ArrowReaders {
 public:
  Result<std::uint64_t> row_groups(const std::string& path) const override {
    auto file = map_file(path);
    if (!file) return tl::unexpected<Error>(std::move(file.error()));
    return parquet_row_groups(*file);
  }

  Result<std::shared_ptr<const Shard>> open_parquet(const std::string& shard,
                                                    std::shared_ptr<const ByteSource> file,
                                                    const ReadOptions& options) const override {
    return parquet_shard(shard, std::move(file), options);
  }

  Result<std::shared_ptr<const Shard>> open_arrow(const std::string& path,
                                                  std::shared_ptr<const ByteSource> file,
                                                  const ReadOptions& options) const override {
    return arrow_shard(path, std::move(file), options);
  }
};

}  // namespace

}  // namespace millrace::arrow_ext

/// What formats/tables/arrow_readers.cpp looks up. Null: it was built for another version of
/// millrace.
extern "C" __attribute__((visibility("default"))) const millrace::ArrowReaders*
millrace_arrow_readers(const char* version) {
  static const millrace::arrow_ext::Readers readers;
  return std::string_view(version) == MILLRACE_VERSION ? &readers : nullptr;
}
