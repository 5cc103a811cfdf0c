// Any text is offered as a state: it is refused by std::invalid_argument, or it gives a plan whose
// every position can be asked for, and a state that is taken again.

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "millrace/loader/plan.h"
#include "millrace/loader/state.h"

namespace {

using namespace millrace;

// The mixtures that a run may have: ended by the data, by weights, by counts, by a length.
PlanOptions plan_options(int kind) {
  PlanOptions options;
  options.sources = {{30, 0, 0}, {7, 0, 0}};
  options.shuffle = true;
  options.shuffle_window = 8;
  if (kind == 1) options.sources[0].weight = 3;
  if (kind == 2) options.sources[0].samples_per_epoch = options.sources[1].samples_per_epoch = 20;
  if (kind == 3) options.samples_per_epoch = 25;
  return options;
}

void try_state(std::string_view text, int kind) {
  PlanOptions options = plan_options(kind);
  const Fingerprint fingerprint = {{"shares", kind == 3 ? "[3,1]" : "[1,1]"}};
  for (const bool new_shares : {false, true}) {
    LoaderState state;
    try {
      state = state_from_json(text, fingerprint, {new_shares});
      options.mixture_start = state.mixture_start;
      const EpochPlan plan(options, state.epoch);
      if (state.point.position < plan.begin() || state.point.position > plan.size()) continue;
      static_cast<void>(plan.taken(state.point.position));
      const std::uint64_t size = plan.size() - state.point.position;
      for (std::uint64_t i = 0; i < size && i < 100; ++i) {
        const PlannedSample sample = plan.at(state.point.position + i);
        if (sample.source > 1 || sample.number >= options.sources[sample.source].samples) {
          std::abort();
        }
      }
      state.fingerprint = fingerprint;
    } catch (const std::invalid_argument&) {
      continue;
    }
    static_cast<void>(state_from_json(state_to_json(state), fingerprint));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (int kind = 0; kind < 4; ++kind) try_state(text, kind);
  return 0;
}
