#include "bench.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>

#include <CLI/CLI.hpp>

#include "millrace/loader/loader.h"
#include "progress_line.h"
#include "read_flags.h"
#include "run_cost.h"

namespace millrace::cli {

namespace {

struct BenchReport {
  std::uint64_t images = 0;
  double seconds = 0;
  double first_batch_seconds = 0;  // from the making of the loader on
  double cpu_seconds = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t epochs = 0;
  std::uint64_t bad_samples = 0;
  Statistics stats;
  Ledger ledger;

  double images_per_second() const {
    return seconds > 0 ? static_cast<double>(images) / seconds : 0;
  }
  double cpu_seconds_per_1000() const {
    return images > 0 ? cpu_seconds * 1000 / static_cast<double>(images) : 0;
  }
};

void show_progress(ProgressLine& line, const BenchReport& report, double of_seconds) {
  if (!line.is_due()) return;
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%llu images, %.0f images/s, %.0f of %.0f s ",
                printf_number(report.images), static_cast<double>(report.images) / line.seconds(),
                line.seconds(), of_seconds);
  line.show(text.data());
}

void print_json(const BenchReport& report) {
  std::printf(
      "{\"images_per_second\": %.3f, \"cpu_seconds_per_1000\": %.6f, "
      "\"peak_rss_bytes\": %llu, \"bottleneck\": \"%s\", \"images\": %llu, "
      "\"seconds\": %.3f, \"first_batch_seconds\": %.4f, \"epochs\": %llu, "
      "\"threads\": %zu, \"bad_samples\": %llu, \"stages\": {",
      report.images_per_second(), report.cpu_seconds_per_1000(),
      printf_number(report.peak_rss_bytes), report.stats.bottleneck().c_str(),
      printf_number(report.images), report.seconds, report.first_batch_seconds,
      printf_number(report.epochs), report.stats.threads, printf_number(report.bad_samples));
  for (std::size_t i = 0; i < kStageCount; ++i) {
    const auto stage = static_cast<Stage>(i);
    const StageTimes::Counter& counter = report.stats.stages[stage];
    std::printf(R"(%s"%s": {"items": %llu, "bytes": %llu, "busy_seconds": %.6f})",
                i > 0 ? ", " : "", std::string(stage_name(stage)).c_str(),
                printf_number(counter.items), printf_number(counter.bytes),
                static_cast<double>(counter.nanoseconds) * 1e-9);
  }
  std::printf("}, \"ledger\": %s}\n", report.ledger.to_json().c_str());
}

void print_text(const BenchReport& report) {
  std::printf("%-22s %.0f\n", "images/s", report.images_per_second());
  std::printf("%-22s %.3f\n", "CPU s per 1000 images", report.cpu_seconds_per_1000());
  std::printf("%-22s %.0f MB\n", "peak memory", static_cast<double>(report.peak_rss_bytes) * 1e-6);
  std::printf("%-22s %.3f s\n", "first batch after", report.first_batch_seconds);
  std::printf("%-22s %s\n", "bottleneck", report.stats.bottleneck().c_str());
  std::printf("%-22s %llu in %.1f s, %zu thread(s), %llu whole epoch(s)\n", "images",
              printf_number(report.images), report.seconds, report.stats.threads,
              printf_number(report.epochs));
  std::printf("stage           ms/item  share of busy time\n");
  for (std::size_t i = 0; i < kStageCount; ++i) {
    const auto stage = static_cast<Stage>(i);
    const StageTimes::Counter& counter = report.stats.stages[stage];
    if (counter.items == 0) continue;
    const double seconds = static_cast<double>(counter.nanoseconds) * 1e-9;
    std::printf("  %-12s %8.4f  %5.1f %%\n", std::string(stage_name(stage)).c_str(),
                seconds * 1000 / static_cast<double>(counter.items),
                100 * seconds / report.stats.busy_seconds);
  }
  const Ledger& ledger = report.ledger;
  std::printf("ledger of epoch %llu: expected %llu, delivered %llu, substituted %llu, skipped",
              printf_number(ledger.epoch), printf_number(ledger.expected),
              printf_number(ledger.delivered), printf_number(ledger.substituted));
  for (const auto& [reason, count] : ledger.skipped) {
    std::printf(" %s %llu", reason.c_str(), printf_number(count));
  }
  std::printf("%s\n", ledger.skipped.empty() ? " 0" : "");
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < ledger.errors.size() && i < kShown; ++i) {
    std::printf("  %s\n", ledger.errors[i].to_string().c_str());
  }
  if (ledger.errors.size() > kShown) {
    std::printf("  ... and %zu more (--json shows up to %zu)\n", ledger.errors.size() - kShown,
                Ledger::kMostErrors);
  }
}

}  // namespace

int bench(BenchOptions options) {
  options.loader.columns = clip_columns(options.image_size);
  const Clock::time_point made = Clock::now();
  Loader loader(options.loader);
  BenchReport report;
  const double cpu_before = cpu_seconds_so_far();
  const Clock::time_point begin = Clock::now();
  ProgressLine progress;
  while (seconds_since(begin) < options.seconds) {
    std::optional<Batch> batch = loader.next();
    if (!batch) {
      ++report.epochs;
      report.ledger = loader.ledger();
      continue;
    }
    if (report.images == 0) report.first_batch_seconds = seconds_since(made);
    report.images += batch->size;
    show_progress(progress, report, options.seconds);
  }
  report.seconds = seconds_since(begin);
  report.cpu_seconds = cpu_seconds_so_far() - cpu_before;
  report.peak_rss_bytes = peak_rss_bytes();
  report.stats = loader.stats();
  if (report.epochs == 0) report.ledger = loader.ledger();
  for (const auto& [reason, count] : report.ledger.bad_samples) report.bad_samples += count;
  progress.clear();
  if (options.json) {
    print_json(report);
  } else {
    print_text(report);
  }
  return 0;
}

void add_bench(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "bench",
      "Stream CLIP batches of SOURCES and print images/s, CPU time, memory and the bottleneck");
  // CLI11 keeps references to what it fills: it lives as long as the program.
  static BenchOptions options;
  LoaderOptions& loader = options.loader;
  verb->add_option("sources", loader.sources, "Shard specs, files or folders of any format")
      ->required();
  verb->add_option("--batch-size", loader.batch_size, "Samples a batch")->capture_default_str();
  add_threads_flag(*verb, loader.threads);
  verb->add_option("--seconds", options.seconds, "How long to run")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  verb->add_option("--image-size", options.image_size, "Side of the images")->capture_default_str();
  verb->add_option("--prefetch-batches", loader.prefetch_batches, "Batches in flight")
      ->capture_default_str();
  verb->add_flag("--shuffle", loader.shuffle, "Shuffled order");
  verb->add_option("--seed", loader.seed, "Seed of the order")->capture_default_str();
  verb->add_option("--error-budget", loader.error_budget.share, "Tolerated share of bad samples")
      ->capture_default_str();
  add_read_flags(*verb, loader.read);
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] { exit_code = bench(options); });
}

}  // namespace millrace::cli
