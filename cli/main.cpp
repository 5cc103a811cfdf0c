// The millrace program.

#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#include "bench.h"
#include "cat.h"
#include "check/check.h"
#include "index.h"
#include "ls.h"
#include "pack/pack.h"
#include "plan.h"
#include "replay.h"

namespace {

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
  millrace::cli::add_bench(app, exit_code);
  millrace::cli::add_cat(app, exit_code);
  millrace::cli::add_check(app, exit_code);
  millrace::cli::add_index(app, exit_code);
  millrace::cli::add_ls(app, exit_code);
  millrace::cli::add_pack(app, exit_code);
  millrace::cli::add_plan(app, exit_code);
  millrace::cli::add_replay(app, exit_code);
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
