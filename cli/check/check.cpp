#include "check/check.h"

#include <cstdio>
#include <exception>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include "check/amount.h"
#include "check/check_report.h"
#include "millrace/formats/field_selector.h"
#include "read_flags.h"

namespace millrace::cli {

namespace {

constexpr int kMostNearDistance = 8;

[[noreturn]] void refuse(const std::string& option, const std::string& value,
                         const std::string& why) {
  throw std::invalid_argument(option + " " + value + ": " + why);
}

void check_kind(const std::string& name) {
  if (name == "error" || name == "warning" || name == "any" || name == "none") return;
  std::string known;
  for (std::size_t i = 0; i < kFindingKinds; ++i) {
    const std::string_view kind = info_of(static_cast<FindingKind>(i)).name;
    if (name == kind) return;
    known.append(", ").append(kind);
  }
  refuse("--fail-on", name, "must be error, warning, any, none" + known);
}

void validate(const CheckOptions& options) {
  if (options.modality != "image") {
    refuse("-m", options.modality, "the only modality that can be checked is image");
  }
  if (options.near_distance > kMostNearDistance) {
    refuse("--near", std::to_string(options.near_distance),
           "must be at most " + std::to_string(kMostNearDistance));
  }
  if (options.context_length < 3) {
    refuse("--context-length", std::to_string(options.context_length), "must be at least 3");
  }
  if (!(options.max_aspect >= 1)) {
    refuse("--max-aspect", std::to_string(options.max_aspect), "must be at least 1");
  }
  for (const std::string& name : options.fail_on) check_kind(name);
  for (const std::string& token : options.placeholders) {
    if (token.empty()) refuse("--placeholder", "\"\"", "must not be empty");
  }
  if (!options.spot_check.empty()) parse_amount(options.spot_check, "--sample");
  if (!options.max_bad.empty() && !parse_amount(options.max_bad, "--max-bad").is_percent) {
    refuse("--max-bad", options.max_bad, "expected a share of the samples, such as 0.1%");
  }
  const FieldSelector image_fields(options.image_fields);
  const FieldSelector text_fields(options.text_fields);
  options.read.validate();
}

}  // namespace

int check(const CheckOptions& options) {
  constexpr int kCouldNotLook = 2;
  try {
    validate(options);
    const auto report = run_check(options);
    if (!report) {
      std::fprintf(stderr, "millrace: %s\n", report.error().to_string().c_str());
      return kCouldNotLook;
    }
    if (!options.html.empty()) {
      if (const auto written = write_html(options, *report); !written) {
        std::fprintf(stderr, "millrace: %s\n", written.error().to_string().c_str());
        return kCouldNotLook;
      }
    }
    (options.json ? print_check_json : print_check_text)(options, *report);
    return report->passed ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "millrace: %s\n", error.what());
    return kCouldNotLook;
  }
}

void add_check(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "check", "Read everything in SOURCES and say what is wrong with images, captions and shards");
  // CLI11 keeps references to what it fills: it lives as long as the program.
  static CheckOptions options;
  verb->add_option("sources", options.sources, "Shard specs, tables, folders, or a millrace.index")
      ->required();
  verb->add_option("-m,--modality", options.modality, "What the samples hold besides text: image")
      ->capture_default_str();
  add_threads_flag(*verb, options.threads);
  verb->add_option("--image", options.image_fields, "Fields that hold the image, the first present")
      ->capture_default_str();
  verb->add_option("--text", options.text_fields, "Fields that hold captions, the first present")
      ->capture_default_str();
  add_read_flags(*verb, options.read);
  verb->add_option("--placeholder", options.placeholders,
                   "What stands for an image in conversations; repeatable")
      ->allow_extra_args(false)
      ->capture_default_str();
  verb->add_option("--context-length", options.context_length, "Tokens that a text may have")
      ->capture_default_str();
  verb->add_option("--min-side", options.min_side, "Images with a shorter side are too small")
      ->capture_default_str();
  verb->add_option("--max-aspect", options.max_aspect, "Longer side : shorter side, at most")
      ->capture_default_str();
  verb->add_option("--near", options.near_distance,
                   "Bits of 63 in which images that look alike may differ; 0: not looked for")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_flag("!--no-duplicates", options.duplicates,
                 "Look for nothing that is there twice: keeps nothing of each sample in memory");
  verb->add_option("--sample", options.spot_check,
                   "Samples drawn for --html and --json to look through: 10% or 200");
  verb->add_option("--seed", options.seed, "Of the drawing")->capture_default_str();
  verb->add_option("--examples", options.examples, "Examples printed of each kind")
      ->capture_default_str();
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->add_option("--html", options.html, "Write a page with pictures to this file");
  verb->add_option("--html-max-mb", options.html_max_mb, "How large the page may become")
      ->capture_default_str();
  verb->add_option(
          "--fail-on", options.fail_on,
          "Kinds of findings that let the check fail, by name, or error, warning, any, none")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  verb->add_option("--max-bad", options.max_bad,
                   "Tolerated findings of these kinds, as a share of the samples: 0.1%");
  verb->callback([&exit_code] { exit_code = check(options); });
}

}  // namespace millrace::cli
