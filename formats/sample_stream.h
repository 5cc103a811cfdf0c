#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/formats/sample.h"
#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// The samples of a list of shards, undecoded, one after another. Not thread-safe.
class SampleStream {
 public:
  /// Fills `sample`; true: there is one, false: the end. The sample's views are valid until the
  /// next call. After an error (a damaged place, a shard that cannot be opened) the next call goes
  /// on behind it.
  Result<bool> next(Sample& sample);

 private:
  friend Result<SampleStream> open(const std::vector<std::string>& specs,
                                   const ReadOptions& options);

  std::vector<std::string> paths_;
  ReadOptions options_;
  std::size_t next_shard_ = 0;
  std::shared_ptr<const Shard> shard_;
  std::vector<std::uint64_t> offsets_;
  std::size_t next_sample_ = 0;
};

/// Opens what specs name (see shard_spec.h, shard_listing.h). Errors: those of shards_of.
Result<SampleStream> open(const std::vector<std::string>& specs, const ReadOptions& options = {});

}  // namespace millrace
