#include <cstdio>
#include <string>
#include <utility>

#include <boost/json.hpp>

#include "check/check_report.h"
#include "millrace/loader/json.h"

namespace millrace::cli {

namespace {

namespace json = boost::json;

json::object counts_json(const NamedCounts& counts) {
  json::object object;
  for (const auto& [name, number] : counts.sorted()) object[printable_utf8(name)] = number;
  return object;
}

json::array bars_json(const std::vector<Bar>& bars) {
  json::array array;
  for (const Bar& bar : bars) array.push_back({{"range", bar.label}, {"count", bar.count}});
  return array;
}

json::object distribution_json(const Distribution& values, const std::vector<Bar>& bars) {
  json::object object{
      {"min", values.min()}, {"median", values.quantile(0.5)}, {"max", values.max()}};
  if (!bars.empty()) object["histogram"] = bars_json(bars);
  return object;
}

json::object aspects_json(const Distribution& aspects) {
  const auto ratio = [](std::uint64_t thousandths) {
    return static_cast<double>(thousandths) / 1000;
  };
  return {{"min", ratio(aspects.min())},
          {"median", ratio(aspects.quantile(0.5))},
          {"max", ratio(aspects.max())},
          {"histogram", bars_json(aspect_bars(aspects))}};
}

json::object place_json(const CheckReport& report, SamplePlace place, std::uint64_t offset,
                        OffsetUnit unit, const std::string& key) {
  json::object object;
  object["shard"] = printable_utf8(report.shard_of(place));
  if (place.index != Finding::kNoIndex) object["index"] = place.index;
  if (offset != Error::kNoOffset) object[unit == OffsetUnit::row ? "row" : "offset"] = offset;
  if (!key.empty()) object["key"] = printable_utf8(key);
  return object;
}

json::object shown_json(const CheckReport& report, SamplePlace place) {
  const auto found = report.samples.find(place);
  if (found == report.samples.end()) {
    return place_json(report, place, Error::kNoOffset, OffsetUnit::byte, {});
  }
  const ShownSample& sample = found->second;
  return place_json(report, place, sample.offset, sample.unit, sample.key);
}

json::object finding_json(const CheckReport& report, const Finding& finding) {
  if (finding.members.empty()) {
    json::object object =
        place_json(report, finding.place, finding.offset, finding.unit, finding.key);
    if (!finding.message.empty()) object["message"] = printable_utf8(finding.message);
    if (!finding.text.empty()) object["text"] = printable_utf8(finding.text);
    return object;
  }
  json::array members;
  for (const SamplePlace place : finding.members) members.push_back(shown_json(report, place));
  return {{"group_size", finding.group_size}, {"members", std::move(members)}};
}

json::object findings_json(const CheckOptions& options, const CheckReport& report) {
  json::object object;
  const Findings& findings = report.tallies.findings;
  for (std::size_t i = 0; i < kFindingKinds; ++i) {
    const auto kind = static_cast<FindingKind>(i);
    const FindingInfo& info = info_of(kind);
    json::array examples;
    const auto kept = findings.examples_of(kind);
    for (std::size_t e = 0; e < kept.size() && e < options.examples; ++e) {
      examples.push_back(finding_json(report, kept[e]));
    }
    object[info.name] = {{"count", findings.count_of(kind)},
                         {"severity", severity_name(info.severity)},
                         {"fails", fails(options.fail_on, kind)},
                         {"examples", std::move(examples)}};
  }
  return object;
}

json::object spot_json(const CheckReport& report) {
  json::array samples;
  for (const SamplePlace place : report.tallies.spot.places()) {
    json::object object = shown_json(report, place);
    if (const auto found = report.samples.find(place); found != report.samples.end()) {
      json::array captions;
      for (const std::string& caption : found->second.captions) {
        captions.emplace_back(printable_utf8(caption));
      }
      object["captions"] = std::move(captions);
      object["tokens"] = json::value_from(found->second.tokens);
      object["image"] = found->second.image;
      if (!found->second.problem.empty()) object["problem"] = printable_utf8(found->second.problem);
    }
    samples.push_back(std::move(object));
  }
  return {{"drawn", report.spot_drawn}, {"samples", std::move(samples)}};
}

json::object duplicates_json(const CheckReport& report) {
  const auto sums = [](const Duplicates& found) {
    return json::object{{"groups", found.groups}, {"extra", found.extra}};
  };
  return {{"keys", sums(report.duplicate_keys)},     {"images", sums(report.duplicate_images)},
          {"near_images", sums(report.near_images)}, {"captions", sums(report.duplicate_captions)},
          {"not_compared", report.not_compared},     {"crowded", report.crowded}};
}

json::object images_json(const CheckTallies& tallies) {
  return {
      {"count", tallies.images},
      {"decoded", tallies.images_decoded},
      {"undecodable", tallies.images - tallies.images_decoded},
      {"bytes", tallies.image_bytes},
      {"formats", counts_json(tallies.formats)},
      {"modes", counts_json(tallies.modes)},
      {"problems", counts_json(tallies.image_problems)},
      {"width", distribution_json(tallies.widths, {})},
      {"height", distribution_json(tallies.heights, {})},
      {"shorter_side", distribution_json(tallies.shorter_sides, side_bars(tallies.shorter_sides))},
      {"aspect", aspects_json(tallies.aspects)}};
}

json::object texts_json(const CheckOptions& options, const CheckTallies& tallies) {
  json::object tokens = distribution_json(tallies.tokens, token_bars(tallies.tokens));
  tokens["sum"] = tallies.tokens.sum();
  tokens["captions"] = tallies.tokens.count();
  return {{"count", tallies.texts},
          {"bytes", tallies.text_bytes},
          {"context_length", options.context_length},
          {"tokens", std::move(tokens)},
          {"over_context", tallies.findings.count_of(FindingKind::long_caption)},
          {"tokens_lost", tallies.tokens_lost}};
}

json::object records_json(const CheckTallies& tallies) {
  const SkippedRecords& skipped = tallies.skipped;
  return {{"problems", counts_json(tallies.record_problems)},
          {"skipped",
           {{"not_files", skipped.not_files},
            {"meta_members", skipped.meta_members},
            {"apple_members", skipped.apple_members},
            {"without_extension", skipped.without_extension},
            {"duplicate_fields", skipped.duplicate_fields},
            {"captions_without_image", skipped.captions_without_image}}}};
}

json::object downloads_json(const CheckReport& report) {
  const DownloadStats& downloads = report.downloads;
  return {{"shards", report.shards_with_stats},
          {"count", downloads.count},
          {"successes", downloads.successes},
          {"failed_to_download", downloads.failed_to_download},
          {"failed_to_resize", downloads.failed_to_resize},
          {"status", counts_json(downloads.status)}};
}

}  // namespace

void print_check_json(const CheckOptions& options, const CheckReport& report) {
  const CheckTallies& tallies = report.tallies;
  const double rate = report.seconds > 0 ? static_cast<double>(tallies.images) / report.seconds : 0;
  const json::object object{
      {"passed", report.passed},
      {"failing", report.failing},
      {"shards", report.shards.size()},
      {"bytes", report.bytes},
      {"samples", tallies.samples},
      {"good", tallies.good},
      {"bad", tallies.bad},
      {"findings", findings_json(options, report)},
      {"images", images_json(tallies)},
      {"texts", texts_json(options, tallies)},
      {"conversations",
       {{"count", tallies.conversations},
        {"turns", tallies.turns},
        {"placeholders", tallies.placeholders}}},
      {"duplicates", duplicates_json(report)},
      {"records", records_json(tallies)},
      {"downloads", downloads_json(report)},
      {"spot_check", spot_json(report)},
      {"threads", report.threads},
      {"seconds", report.seconds},
      {"images_per_second", rate},
      {"cpu_seconds", report.cpu_seconds},
      {"peak_rss_bytes", report.peak_rss_bytes},
  };
  std::printf("%s\n", json::serialize(object).c_str());
}

}  // namespace millrace::cli
