#include "millrace/loader/ledger.h"

#include <boost/json.hpp>

#include "millrace/loader/json.h"

namespace millrace {

namespace json = boost::json;

namespace {

json::object counts(const std::map<std::string, std::uint64_t, std::less<>>& by_reason) {
  json::object object;
  for (const auto& [reason, count] : by_reason) object[reason] = count;
  return object;
}

json::object place_and_reason(const Error& error) {
  json::object object;
  object["reason"] = reason_name(error.reason);
  object["message"] = printable_utf8(error.message);
  object["shard"] = printable_utf8(error.shard);
  object["offset"] = nullptr;
  if (error.offset_bytes != Error::kNoOffset) object["offset"] = error.offset_bytes;
  object["key"] = printable_utf8(error.key);
  return object;
}

}  // namespace

std::uint64_t Ledger::accounted() const {
  std::uint64_t sum = delivered + substituted;
  for (const auto& [reason, count] : skipped) sum += count;
  return sum;
}

std::string Ledger::to_json() const {
  json::object object;
  object["epoch"] = epoch;
  object["from_position"] = from_position;
  object["expected"] = expected;
  object["delivered"] = delivered;
  object["substituted"] = substituted;
  object["skipped"] = counts(skipped);
  object["bad_samples"] = counts(bad_samples);
  object["padded"] = padded;
  json::array& places = object["errors"].emplace_array();
  for (const Error& error : errors) places.push_back(place_and_reason(error));
  return json::serialize(object);
}

}  // namespace millrace
