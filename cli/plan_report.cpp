#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "millrace/loader/json.h"
#include "plan.h"
#include "quantity_text.h"

namespace millrace::cli {

namespace {

std::string short_seconds(double seconds) {
  char text[32];
  if (seconds < 1e-3) {
    std::snprintf(text, sizeof(text), "%.1f us", seconds * 1e6);
  } else if (seconds < 1) {
    std::snprintf(text, sizeof(text), "%.1f ms", seconds * 1e3);
  } else {
    std::snprintf(text, sizeof(text), "%.2f s", seconds);
  }
  return text;
}

struct Figure {
  const char* name;  // in JSON
  const char* text;
  double ShuffleQuality::*value;
};

constexpr Figure kFigures[] = {
    {"same_shard_next", "next sample of the same shard", &ShuffleQuality::same_shard_next},
    {"mean_shard_run", "mean run of one shard", &ShuffleQuality::mean_shard_run},
    {"mean_class_run", "mean run of one class", &ShuffleQuality::mean_class_run},
    {"shards_in_batch", "shards in a global batch", &ShuffleQuality::shards_in_batch},
    {"shards_in_window", "shards in a window", &ShuffleQuality::shards_in_window},
    {"commonest_class_in_batch", "share of a batch's commonest class",
     &ShuffleQuality::commonest_class_in_batch},
    {"independent_draws_in_batch", "independent draws a batch is worth",
     &ShuffleQuality::independent_draws_in_batch},
    {"neighbour_distance", "distance of neighbours / (N / 3)", &ShuffleQuality::neighbour_distance},
    {"neighbours_in_batch", "neighbours in the same batch", &ShuffleQuality::neighbours_in_batch},
    {"rank_correlation", "correlation of number and position", &ShuffleQuality::rank_correlation},
    {"mean_read_run", "mean read, in samples", &ShuffleQuality::mean_read_run},
};

boost::json::object quality_json(const ShuffleQuality& quality) {
  boost::json::object object;
  for (const Figure& figure : kFigures) object[figure.name] = quality.*figure.value;
  object["longest_class_run"] = quality.longest_class_run;
  return object;
}

void print_quality(const PlanVerbOptions& options, const PlanReport& report) {
  std::printf("\n%-36s %14s %14s %14s\n", "quality of the shuffle",
              options.shuffle ? "this plan" : "unshuffled", "permutation", "buffer 10,000");
  const auto row = [&](const char* text, const auto& value) {
    std::printf("  %-34s %14.5g %14.5g %14.5g\n", text, value(*report.block_shuffle),
                value(*report.full_permutation), value(*report.shuffle_buffer));
  };
  for (const Figure& figure : kFigures) {
    row(figure.text, [&](const ShuffleQuality& quality) { return quality.*figure.value; });
  }
  row("longest run of one class",
      [](const ShuffleQuality& quality) { return static_cast<double>(quality.longest_class_run); });
  std::printf("  classes: %s groups of consecutive shards; global batch: %s samples; window: %s\n",
              grouped(std::min(options.classes, report.shards)).c_str(),
              grouped(options.batch_size * options.world_size).c_str(),
              grouped(report.window_samples).c_str());
}

void print_sample(const FoundSample& sample) {
  std::printf("position %-10s %s sample %s", grouped(sample.position).c_str(), sample.shard.c_str(),
              grouped(sample.index).c_str());
  if (sample.offset_bytes) std::printf(" at byte %s", grouped(*sample.offset_bytes).c_str());
  if (sample.dropped) {
    std::printf("; dropped with the tail\n");
  } else {
    std::printf("; rank %s, batch %s, slot %s\n", grouped(sample.rank).c_str(),
                grouped(sample.batch).c_str(), grouped(sample.slot).c_str());
  }
  if (!sample.offset_bytes) std::fprintf(stderr, "%s\n", sample.offset_problem.c_str());
}

boost::json::array samples_json(const std::vector<FoundSample>& samples) {
  boost::json::array array;
  for (const FoundSample& sample : samples) {
    boost::json::object object{
        {"position", sample.position}, {"shard", printable_utf8(sample.shard)},
        {"index", sample.index},       {"rank", sample.rank},
        {"batch", sample.batch},       {"slot", sample.slot},
        {"dropped", sample.dropped}};
    if (sample.offset_bytes) {
      object["offset_bytes"] = *sample.offset_bytes;
    } else {
      object["offset_problem"] = printable_utf8(sample.offset_problem);
    }
    array.push_back(std::move(object));
  }
  return array;
}

}  // namespace

void print_plan_text(const PlanVerbOptions& options, const PlanReport& report) {
  std::printf("samples   %s in %s shard(s), %.2f GB", grouped(report.samples).c_str(),
              grouped(report.shards).c_str(), static_cast<double>(report.bytes) * 1e-9);
  if (report.damaged_shards > 0) {
    std::printf("; %s damaged shard(s)", grouped(report.damaged_shards).c_str());
  }
  if (options.shuffle) {
    std::printf("\norder     seed %s, epoch %s: %s lane(s), %s of %s, windows of %s samples\n",
                grouped(options.seed).c_str(), grouped(options.epoch).c_str(),
                grouped(report.lanes).c_str(),
                report.has_units ? "units (whole shards, to be unpacked)" : "segments",
                grouped(report.segment_samples).c_str(), grouped(report.window_samples).c_str());
  } else {
    std::printf("\norder     unshuffled\n");
  }
  std::printf("batches   %s on each of %s rank(s), of %s samples, the last of %s; ",
              grouped(report.batches).c_str(), grouped(options.world_size).c_str(),
              grouped(options.batch_size).c_str(), grouped(report.last_batch_samples).c_str());
  std::printf("%s dropped, %s padded over all ranks\n", grouped(report.dropped).c_str(),
              grouped(report.padded).c_str());
  std::printf("cost      %s to know the shards, %s to plan, %.0f ns a position, ",
              short_seconds(report.open_seconds).c_str(),
              short_seconds(report.plan_seconds).c_str(), report.at_nanoseconds);
  std::printf("%.0f ns to find a sample, %.1f MB peak memory\n", report.position_of_nanoseconds,
              static_cast<double>(report.peak_rss_bytes) * 1e-6);
  for (const FoundSample& sample : report.positions) print_sample(sample);
  for (const FoundSample& sample : report.found) print_sample(sample);
  if (report.block_shuffle) print_quality(options, report);
}

void print_plan_json(const PlanVerbOptions& options, const PlanReport& report) {
  boost::json::object object{
      {"samples", report.samples},
      {"shards", report.shards},
      {"bytes", report.bytes},
      {"damaged_shards", report.damaged_shards},
      {"shuffle", options.shuffle},
      {"shuffle_window", options.shuffle_window},
      {"seed", options.seed},
      {"epoch", options.epoch},
      {"lanes", report.lanes},
      {"has_units", report.has_units},
      {"segment_samples", report.segment_samples},
      {"window_samples", report.window_samples},
      {"batch_size", options.batch_size},
      {"world_size", options.world_size},
      {"drop_last", options.drop_last},
      {"batches", report.batches},
      {"last_batch_samples", report.last_batch_samples},
      {"dropped", report.dropped},
      {"padded", report.padded},
      {"open_seconds", report.open_seconds},
      {"plan_seconds", report.plan_seconds},
      {"at_nanoseconds", report.at_nanoseconds},
      {"position_of_nanoseconds", report.position_of_nanoseconds},
      {"peak_rss_bytes", report.peak_rss_bytes},
      {"positions", samples_json(report.positions)},
      {"found", samples_json(report.found)},
  };
  if (report.block_shuffle) {
    object["quality"] = {{"classes", std::min(options.classes, report.shards)},
                         {"plan", quality_json(*report.block_shuffle)},
                         {"full_permutation", quality_json(*report.full_permutation)},
                         {"shuffle_buffer_10000", quality_json(*report.shuffle_buffer)}};
  }
  std::printf("%s\n", boost::json::serialize(object).c_str());
}

}  // namespace millrace::cli
