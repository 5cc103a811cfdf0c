// The millrace program.

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench.h"
#include "cat.h"
#include "check/check.h"
#include "index.h"
#include "ls.h"
#include "millrace/loader/nearest_name.h"
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

// What a shell calls wrong usage.
constexpr int kWrongUsage = 2;

std::string unknown(const std::string& what, const std::string& name,
                    const std::vector<std::string>& known) {
  const std::vector<std::string_view> names(known.begin(), known.end());
  return "unknown " + what + " " + name + "; the nearest known one is " +
         std::string(millrace::nearest_name(name, names));
}

// What the parser says of a name that it does not know names no other. Empty: there is no such.
std::string unknown_name(const CLI::App& app, int argc, char** argv) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) {
    std::vector<std::string> verbs;
    for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
      verbs.push_back(verb->get_name());
    }
    for (int i = 1; i < argc; ++i) {
      if (argv[i][0] != '-') return unknown("verb", argv[i], verbs);
    }
    return {};
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : chosen.front()->get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const std::string& argument : chosen.front()->remaining()) {
    const std::string name = argument.substr(0, argument.find('='));
    if (name.starts_with("--")) return unknown("option", name, names);
  }
  return {};
}

int report_wrong_usage(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help and its like
  const std::string message = unknown_name(app, argc, argv);
  if (message.empty()) {
    app.exit(error);
  } else {
    std::fprintf(stderr, "millrace: %s\nRun with --help for more information.\n", message.c_str());
  }
  return kWrongUsage;
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
    return report_wrong_usage(app, error, argc, argv);
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
