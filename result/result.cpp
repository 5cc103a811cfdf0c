#include "millrace/result/result.h"

#include <array>
#include <system_error>

namespace millrace {

std::string_view reason_name(Reason reason) {
  static constexpr std::array<std::string_view, kReasonCount> kNames = {
      "io_error",          "damaged_shard",   "missing_field", "bad_image",
      "unsupported_image", "image_too_large", "bad_text",      "bad_json",
      "bad_number",        "internal",        "stale_index"};
  return kNames.at(static_cast<std::size_t>(reason));
}

std::string Error::to_string() const {
  std::string text;
  if (!shard.empty()) {
    text += shard;
    if (offset_bytes != kNoOffset) {
      text += unit == OffsetUnit::row ? " at row " : " at byte ";
      text += std::to_string(offset_bytes);
    }
  }
  if (!key.empty()) text += (text.empty() ? "key \"" : ", key \"") + key + "\"";
  if (!text.empty()) text += ": ";
  text += reason_name(reason);
  text += ": ";
  text += message;
  return text;
}

tl::unexpected<Error> system_failure(std::string path, std::string_view what, int number) {
  std::string message(what);
  message += ": " + std::generic_category().message(number);
  return tl::unexpected<Error>(
      Error{Reason::io_error, std::move(message), std::move(path), Error::kNoOffset, {}});
}

}  // namespace millrace
