// The millrace program.

#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#include "bench.h"
#include "index.h"
#include "plan.h"
#include "replay.h"

namespace {

void add_bench(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "bench",
      "Stream CLIP batches of SOURCES and print images/s, CPU time, memory and the bottleneck");
  // CLI11 keeps references to what it fills: it lives as long as the program.
  static millrace::cli::BenchOptions options;
  millrace::LoaderOptions& loader = options.loader;
  verb->add_option("sources", loader.sources, "Shard specs, e.g. 'data/{000..099}.tar'")
      ->required();
  verb->add_option("--batch-size", loader.batch_size, "Samples a batch")->capture_default_str();
  verb->add_option("--threads", loader.threads, "Worker threads; 0: all cores")
      ->capture_default_str();
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
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] { exit_code = millrace::cli::bench(options); });
}

void add_index(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "index", "Write down where the samples of SOURCES are, so that loaders need not look");
  static millrace::cli::IndexOptions options;
  millrace::IndexMaking& making = options.making;
  verb->add_option("sources", making.sources, "Shard specs, e.g. 'data/{000..099}.tar'")
      ->required();
  verb->add_option("-o,--output", making.output,
                   "One index of all shards in their order, which can be a source itself; without "
                   "it, millrace.index in each folder of shards");
  verb->add_option("--metadata", making.metadata,
                   "A field to keep of every sample, e.g. json:width or __key__; repeatable")
      ->allow_extra_args(false);
  verb->add_flag("--counts", making.import_counts,
                 "Only counts, from sizes.json, wids, DALI, energon or img2dataset files");
  verb->add_flag("--force", making.force, "Walk every shard, whatever an index says of it");
  verb->add_option("--threads", options.threads, "Threads; 0: all cores")->capture_default_str();
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] { exit_code = millrace::cli::index(options); });
}

void add_plan(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "plan",
      "Plan an epoch over SOURCES: its size, which sample has which position, how well it "
      "is shuffled");
  static millrace::cli::PlanVerbOptions options;
  verb->add_option("sources", options.sources, "Shard specs, or a millrace.index")->required();
  verb->add_flag("--shuffle,!--no-shuffle", options.shuffle, "Shuffled order (the default)");
  verb->add_option("--shuffle-window", options.shuffle_window, "Samples mixed at any time")
      ->capture_default_str();
  verb->add_option("--seed", options.seed, "Seed of the order")->capture_default_str();
  verb->add_option("--epoch", options.epoch, "Which epoch")->capture_default_str();
  verb->add_option("--batch-size", options.batch_size, "Samples a batch on each rank")
      ->capture_default_str();
  verb->add_option("--world-size", options.world_size, "Ranks")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  verb->add_flag("--drop-last", options.drop_last, "Leave out the tail that fills no batch");
  millrace::Selection& select = options.select;
  verb->add_option("--where", select.where, "Only samples whose JSON says so: 'width >= 256'");
  verb->add_option("--keep-keys", select.keep_keys, "Only these keys; @FILE: its lines; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--drop-keys", select.drop_keys, "Not these keys; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--every", select.every, "Of what is left, each N-th")->capture_default_str();
  verb->add_option("--every-offset", select.every_offset, "Which of each N, from 0")
      ->capture_default_str();
  verb->add_option("--position", options.positions, "Print the sample at a position; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--find", options.find,
                   "Print the position of SHARD:INDEX; SHARD: a path, its end, or the shard's "
                   "number; repeatable")
      ->allow_extra_args(false);
  verb->add_flag("--quality", options.quality,
                 "Measure the shuffle beside a full permutation and a buffer of 10,000");
  verb->add_option("--classes", options.classes,
                   "Groups of consecutive shards that --quality takes for classes")
      ->capture_default_str();
  verb->add_option("--threads", options.threads, "Threads; 0: all cores")->capture_default_str();
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] { exit_code = millrace::cli::plan(options); });
}

void add_replay(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "replay", "Decode the bad samples of LEDGER again and say which of them still fail");
  static millrace::cli::ReplayOptions options;
  verb->add_option("ledger", options.ledger, "What a loader wrote to its ledger_path")->required();
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] { exit_code = millrace::cli::replay(options); });
}

// CLI11 would read "-1" as the largest number there is.
void refuse_negative_numbers(CLI::App& app) {
  for (CLI::App* verb : app.get_subcommands({})) {
    for (CLI::Option* option : verb->get_options()) {
      if (option->get_type_name() != "UINT") continue;
      option->check([](const std::string& value) {
        return value.starts_with('-') ? value + ": must not be negative" : std::string();
      });
    }
  }
}

int run(int argc, char** argv) {
  CLI::App app("millrace: a streaming data loader for image-text training");
  app.set_version_flag("--version", MILLRACE_VERSION);
  app.require_subcommand(1);
  int exit_code = 0;
  add_bench(app, exit_code);
  add_index(app, exit_code);
  add_plan(app, exit_code);
  add_replay(app, exit_code);
  refuse_negative_numbers(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "millrace: %s\n", error.what());
    return 1;
  }
}
