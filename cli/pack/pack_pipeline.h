#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "millrace/formats/sample.h"
#include "millrace/result/result.h"
#include "pack/pack_journal.h"
#include "pack/packed_sample.h"
#include "source_shards.h"

namespace millrace::cli {

/// One entry of the sources, made ready to be written. Reused.
struct MadeSample {
  SourcePlace place;
  std::shared_ptr<const Shard> shard;  ///< keeps what the sample looks at
  Sample sample;
  PackedSample packed;
  NamedFiles named;
  std::optional<Error> error;  ///< instead of `packed`
};

/// Makes the samples of all sources on that many threads and hands them to `take` in the order of
/// the sources, from `begin` on, on the calling thread. At most a few samples a thread are in
/// memory at any time, and of compressed shards those that they are in and the next one. Ends early
/// where `take` returns an error, which is returned then, or where a shard cannot be opened.
Result<void> for_each_made_sample(const SourceShards& sources, SourcePlace begin,
                                  const PackedShape& shape, std::size_t threads,
                                  const std::function<Result<void>(MadeSample&)>& take);

}  // namespace millrace::cli
