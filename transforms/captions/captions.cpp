#include "millrace/transforms/captions/captions.h"

#include <cmath>
#include <set>
#include <stdexcept>

#include "millrace/transforms/captions/caption_cleaner.h"
#include "millrace/transforms/captions/caption_template.h"

namespace millrace {

namespace {

void require(bool holds, const std::string& member, const std::string& value,
             const std::string& rule) {
  if (!holds) throw std::invalid_argument(member + " = " + value + ": " + rule);
}

void require_few(std::size_t entries, const char* member) {
  require(entries <= Captions::kMostEntries, member, "[" + std::to_string(entries) + " entries]",
          "at most " + std::to_string(Captions::kMostEntries));
}

void require_short(const std::string& text, const char* member) {
  constexpr std::size_t kShown = 40;
  require(text.size() <= Captions::kMostPatternBytes, member,
          "\"" + text.substr(0, kShown) + "...\"",
          std::to_string(text.size()) + " bytes, and at most " +
              std::to_string(Captions::kMostPatternBytes) + " are allowed");
}

void validate_weights(const std::vector<CaptionWeight>& weights) {
  if (weights.empty()) return;
  double sum = 0;
  std::set<std::string_view> selectors;
  for (const CaptionWeight& weight : weights) {
    require(weight.probability >= 0 && std::isfinite(weight.probability),
            "weights[\"" + weight.selector + "\"]", std::to_string(weight.probability),
            "must not be negative");
    require(selectors.insert(weight.selector).second, "weights", "\"" + weight.selector + "\"",
            "the selector is there twice");
    sum += weight.probability;
  }
  require(sum > 0 && std::isfinite(sum), "weights", "[...]",
          "at least one probability must be above 0");
}

}  // namespace

std::string_view caption_choice_name(CaptionChoice choice) {
  switch (choice) {
    case CaptionChoice::first:
      return "first";
    case CaptionChoice::random:
      return "random";
    case CaptionChoice::all:
      return "all";
  }
  return "";
}

std::string_view empty_captions_name(EmptyCaptions empty) {
  return empty == EmptyCaptions::drop ? "drop" : "keep";
}

void Captions::validate() const {
  require_few(weights.size(), "weights");
  require_few(templates.size(), "templates");
  require_few(clean.size(), "clean");
  validate_weights(weights);
  require(weights.empty() || templates.empty(), "templates",
          templates.empty() ? "" : "\"" + templates.front() + "\"",
          "there are weights, too; a template {SELECTOR} stands for a selector");
  for (const std::string& text : templates) {
    require_short(text, "templates");
    try {
      const CaptionTemplate parsed(text);
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(std::string("templates: ") + error.what());
    }
  }
  for (const CaptionCleanUp& rule : clean) {
    require_short(rule.pattern, "clean");
    require_short(rule.replacement, "clean");
  }
  const CaptionCleaner parsed(clean);
  if (choice != CaptionChoice::all) return;
  const auto forbid = [](bool is_given, const std::string& what) {
    require(!is_given, "choice", "\"all\"", "does not go with " + what);
  };
  forbid(!weights.empty(), "weights");
  forbid(!templates.empty(), "templates");
  forbid(empty == EmptyCaptions::keep, "empty = \"keep\"");
}

}  // namespace millrace
