#include "millrace/transforms/captions/caption_cleaner.h"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <re2/re2.h>

#include "millrace/transforms/text/unicode-inl.h"

namespace millrace {

namespace {

// Of a pattern's program and of the states that its automata keep, each thread.
constexpr std::int64_t kPatternMemoryBytes = std::int64_t{1} << 20;
constexpr int kMostGroups = 10;  // \0 to \9

RE2::Options pattern_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemoryBytes);
  return options;
}

[[noreturn]] void refuse(const char* what, const std::string& value, const std::string& why) {
  throw std::invalid_argument("clean: " + std::string(what) + " \"" + value + "\": " + why);
}

}  // namespace

struct CaptionCleaner::Rule {
  explicit Rule(const CaptionCleanUp& rule)
      : pattern(rule.pattern, pattern_options()), replacement(rule.replacement) {
    if (!pattern.ok()) refuse("pattern", rule.pattern, pattern.error());
    std::string why;
    if (!pattern.CheckRewriteString(replacement, &why)) {
      refuse("replacement", rule.replacement, why);
    }
    groups = 1 + RE2::MaxSubmatch(replacement);
  }

  RE2 pattern;
  std::string replacement;
  int groups;  // that are asked for, the whole match included
};

struct CaptionCleaner::Parts {
  std::deque<Rule> rules;
  std::string cleaned;

  bool apply(const Rule& rule, std::string& caption);
};

CaptionCleaner::CaptionCleaner(std::span<const CaptionCleanUp> rules)
    : parts_(std::make_unique<Parts>()) {
  for (const CaptionCleanUp& rule : rules) parts_->rules.emplace_back(rule);
}

CaptionCleaner::~CaptionCleaner() = default;
CaptionCleaner::CaptionCleaner(CaptionCleaner&&) noexcept = default;
CaptionCleaner& CaptionCleaner::operator=(CaptionCleaner&&) noexcept = default;

bool CaptionCleaner::is_empty() const { return parts_->rules.empty(); }

bool CaptionCleaner::clean(std::string& caption) {
  return std::all_of(parts_->rules.begin(), parts_->rules.end(),
                     [&](const Rule& rule) { return parts_->apply(rule, caption); });
}

bool CaptionCleaner::Parts::apply(const Rule& rule, std::string& caption) {
  const re2::StringPiece text(caption);
  re2::StringPiece groups[kMostGroups];
  cleaned.clear();
  std::size_t copied = 0;  // of the caption
  std::size_t at = 0;
  bool any = false;
  while (at <= caption.size() &&
         rule.pattern.Match(text, at, caption.size(), RE2::UNANCHORED, groups, rule.groups)) {
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    const std::size_t end = begin + groups[0].size();
    const bool is_empty_behind_match = begin == end && any && begin == copied;
    if (!is_empty_behind_match) {
      cleaned.append(caption, copied, begin - copied);
      rule.pattern.Rewrite(&cleaned, rule.replacement, groups, rule.groups);
      if (cleaned.size() > Captions::kMostCaptionBytes) return false;
      copied = end;
      any = true;
    }
    at = end;
    if (begin != end) continue;
    if (at == caption.size()) break;
    at += decode_first(std::string_view(caption).substr(at)).bytes;
  }
  if (!any) return true;
  cleaned.append(caption, copied, std::string::npos);
  std::swap(caption, cleaned);
  return caption.size() <= Captions::kMostCaptionBytes;
}

}  // namespace millrace
