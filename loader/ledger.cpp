#include "millrace/loader/ledger.h"

#include <boost/json.hpp>

#include "millrace/loader/json.h"

namespace millrace {

namespace json = boost::json;

namespace {

json::object counts(const CountByReason& by_reason) {
  json::object object;
  for (const auto& [reason, count] : by_reason) object[reason] = count;
  return object;
}

std::uint64_t sum(const CountByReason& by_reason) {
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : by_reason) sum += count;
  return sum;
}

json::object accounts(const std::map<std::string, LedgerAccount>& by_name) {
  json::object object;
  for (const auto& [name, account] : by_name) {
    json::object& members = object[printable_utf8(name)].emplace_object();
    members["expected"] = account.expected();
    members["delivered"] = account.delivered;
    members["substituted"] = account.substituted;
    members["skipped"] = counts(account.skipped);
  }
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

std::uint64_t LedgerAccount::expected() const { return delivered + substituted + sum(skipped); }

std::uint64_t Ledger::accounted() const { return delivered + substituted + sum(skipped); }

std::string Ledger::to_json() const {
  json::object object;
  object["epoch"] = epoch;
  object["from_position"] = from_position;
  object["expected"] = expected;
  object["delivered"] = delivered;
  object["substituted"] = substituted;
  object["skipped"] = counts(skipped);
  object["bad_samples"] = counts(bad_samples);
  object["captions_dropped"] = captions_dropped;
  object["padded"] = padded;
  object["sources"] = accounts(sources);
  if (!shards.empty()) object["shards"] = accounts(shards);
  json::array& places = object["errors"].emplace_array();
  for (const Error& error : errors) places.push_back(place_and_reason(error));
  return json::serialize(object);
}

}  // namespace millrace
