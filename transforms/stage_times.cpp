#include "millrace/transforms/stage_times.h"

namespace millrace {

std::string_view stage_name(Stage stage) {
  switch (stage) {
    case Stage::read:
      return "read";
    case Stage::decode:
      return "decode";
    case Stage::resize:
      return "resize";
    case Stage::normalize:
      return "normalize";
    case Stage::tokenize:
      return "tokenize";
    case Stage::copy:
      return "copy";
  }
  return "unknown";
}

StageTimes& StageTimes::operator+=(const StageTimes& more) {
  for (std::size_t i = 0; i < kStageCount; ++i) {
    stages[i].items += more.stages[i].items;
    stages[i].bytes += more.stages[i].bytes;
    stages[i].nanoseconds += more.stages[i].nanoseconds;
  }
  return *this;
}

}  // namespace millrace
