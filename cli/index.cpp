#include "index.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "millrace/loader/image_sizes.h"
#include "millrace/loader/json.h"
#include "millrace/loader/options.h"
#include "progress_line.h"
#include "read_flags.h"
#include "run_cost.h"
#include "run_on_threads.h"

namespace millrace::cli {

namespace {

void show_progress(ProgressLine& line, std::size_t done, std::size_t shards,
                   std::uint64_t samples) {
  if (!line.is_due()) return;
  const double share = shards > 0 ? static_cast<double>(done) / static_cast<double>(shards) : 1;
  std::array<char, 96> counts{};
  std::snprintf(counts.data(), counts.size(), " %zu/%zu shards, %llu samples, %.0f samples/s ",
                done, shards, printf_number(samples),
                static_cast<double>(samples) / line.seconds());
  line.show(ProgressLine::bar(share) + counts.data());
}

void print_json(const IndexSummary& summary, double seconds) {
  const SkippedRecords& skipped = summary.skipped;
  boost::json::array files;
  for (const std::string& file : summary.files) files.emplace_back(printable_utf8(file));
  const boost::json::object object{
      {"shards", summary.shards},
      {"samples", summary.samples},
      {"bytes", summary.bytes},
      {"damaged_shards", summary.damaged.size()},
      {"skipped",
       {{"not_files", skipped.not_files},
        {"meta_members", skipped.meta_members},
        {"apple_members", skipped.apple_members},
        {"without_extension", skipped.without_extension},
        {"duplicate_fields", skipped.duplicate_fields}}},
      {"walked", summary.walked},
      {"imported", summary.imported},
      {"reused", summary.reused},
      {"seconds", seconds},
      {"files", std::move(files)},
  };
  std::printf("%s\n", boost::json::serialize(object).c_str());
}

void print_text(const IndexSummary& summary, double seconds) {
  std::printf("%llu samples in %llu shard(s), %.1f MB: %llu walked, %llu imported, %llu reused, ",
              printf_number(summary.samples), printf_number(summary.shards),
              static_cast<double>(summary.bytes) * 1e-6, printf_number(summary.walked),
              printf_number(summary.imported), printf_number(summary.reused));
  std::printf("%zu damaged, %.2f s\n", summary.damaged.size(), seconds);
  for (const std::string& file : summary.files) std::printf("%s\n", file.c_str());
}

}  // namespace

int index(const IndexOptions& options) {
  options.making.read.validate();
  const std::size_t threads = options.threads > 0 ? options.threads : usable_cores();
  const Clock::time_point begin = Clock::now();
  ProgressLine bar;
  IndexMaking making = options.making;
  making.image_size = image_size_reader();
  const auto summary = make_indexes(
      making,
      [&](std::size_t count, const std::function<void(std::size_t)>& task) {
        run_on_threads(threads, count, task);
      },
      [&](std::size_t done, std::size_t shards, std::uint64_t samples) {
        show_progress(bar, done, shards, samples);
      });
  bar.clear();
  if (!summary) {
    std::fprintf(stderr, "millrace: %s\n", summary.error().to_string().c_str());
    return 1;
  }
  for (const Error& damage : summary->damaged) {
    std::fprintf(stderr, "%s\n", damage.to_string().c_str());
  }
  if (options.json) {
    print_json(*summary, seconds_since(begin));
  } else {
    print_text(*summary, seconds_since(begin));
  }
  return 0;
}

void add_index(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "index", "Write down where the samples of SOURCES are, so that loaders need not look");
  static IndexOptions options;
  IndexMaking& making = options.making;
  verb->add_option("sources", making.sources, "Shard specs, files or folders of any format")
      ->required();
  verb->add_option("-o,--output", making.output,
                   "One index of all shards in their order, which can be a source itself; without "
                   "it, millrace.index in each folder of shards");
  verb->add_option("--metadata", making.metadata,
                   "A field to keep of every sample, e.g. json:width, image:aspect or __key__; "
                   "repeatable")
      ->allow_extra_args(false);
  verb->add_flag("--counts", making.import_counts,
                 "Only counts, from sizes.json, wids, DALI, energon or img2dataset files");
  verb->add_flag("--force", making.force, "Walk every shard, whatever an index says of it");
  add_read_flags(*verb, making.read);
  add_threads_flag(*verb, options.threads);
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] { exit_code = index(options); });
}

}  // namespace millrace::cli
