#include "millrace/loader/statistics.h"

#include <boost/json.hpp>

namespace millrace {

namespace json = boost::json;

std::string Statistics::bottleneck() const {
  // Below this share of the time spent waiting, the caller is what the loader waits for.
  constexpr double kConsumerWaits = 0.1;
  // Below this share of busy workers, it is the window that is too small.
  constexpr double kWorkersBusy = 0.5;
  if (waiting_seconds < kConsumerWaits * wall_seconds) return "consumer";
  if (busy_seconds < kWorkersBusy * static_cast<double>(threads) * wall_seconds) return "prefetch";
  std::size_t most = 0;
  for (std::size_t i = 1; i < kStageCount; ++i) {
    if (stages.stages[i].nanoseconds > stages.stages[most].nanoseconds) most = i;
  }
  return std::string(stage_name(static_cast<Stage>(most)));
}

std::string Statistics::to_json() const {
  json::object object;
  object["samples"] = samples;
  object["batches"] = batches;
  object["threads"] = threads;
  object["wall_seconds"] = wall_seconds;
  object["busy_seconds"] = busy_seconds;
  object["waiting_seconds"] = waiting_seconds;
  object["bottleneck"] = bottleneck();
  json::object& by_name = object["stages"].emplace_object();
  for (std::size_t i = 0; i < kStageCount; ++i) {
    const auto stage = static_cast<Stage>(i);
    const StageTimes::Counter& counter = stages[stage];
    json::object& entry = by_name[stage_name(stage)].emplace_object();
    entry["items"] = counter.items;
    entry["bytes"] = counter.bytes;
    entry["busy_seconds"] = static_cast<double>(counter.nanoseconds) * 1e-9;
  }
  return json::serialize(object);
}

}  // namespace millrace
