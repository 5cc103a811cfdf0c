#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "millrace/loader/epoch_order.h"

namespace millrace {

/// The orders over units that are in use, by source and pass: making one takes time and memory in
/// proportion to the units, and a position is asked for by the microsecond. Thread-safe; one short
/// lock a call.
class UnitPasses {
 public:
  explicit UnitPasses(std::size_t sources) : sources_(sources) {}

  /// The order of a source's pass; `units` and `shuffle` are always the same for it.
  EpochOrder order(std::size_t source, std::uint64_t pass,
                   const std::shared_ptr<const SampleCounts>& units,
                   const EpochOrder::Shuffle& shuffle);

 private:
  struct Kept {
    std::uint64_t pass;
    EpochOrder order;
  };
  struct Source {
    std::mutex mutex;
    std::list<Kept> kept;  // the one used last first
  };
  std::vector<Source> sources_;
};

}  // namespace millrace
