#include "millrace/result/result.h"

#include <set>

#include <doctest/doctest.h>

namespace millrace {
namespace {

TEST_CASE("every reason has a name of its own") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kReasonCount; ++i) names.insert(reason_name(static_cast<Reason>(i)));
  CHECK(names.size() == kReasonCount);
  CHECK(reason_name(Reason::internal) == "internal");
  CHECK(reason_name(Reason::stale_index) == "stale_index");
}

TEST_CASE("an error says the parts of its place that are known") {
  Error error{Reason::bad_image, "no image", {}, Error::kNoOffset, {}};
  CHECK(error.to_string() == "bad_image: no image");
  error.shard = "a.tar";
  error.offset_bytes = 512;
  error.key = "000";
  CHECK(error.to_string() == "a.tar at byte 512, key \"000\": bad_image: no image");
}

}  // namespace
}  // namespace millrace
