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

}  // namespace millrace
