#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "check/check_report.h"
#include "printable_text.h"
#include "quantity_text.h"
#include "run_cost.h"

namespace millrace::cli {

namespace {

constexpr std::size_t kMostShownText = 100;

std::string cut(std::string_view text) {
  const std::string_view part = cut_text(text, kMostShownText);
  return escaped(part) + (part.size() < text.size() ? "..." : "");
}

std::string where(const CheckReport& report, SamplePlace place, std::uint64_t offset,
                  OffsetUnit unit, std::string_view key) {
  std::string text = escaped(report.shard_of(place));
  if (const std::string at = place_text(offset, unit); !at.empty()) text += " " + at;
  if (!key.empty()) text += " \"" + cut(key) + "\"";
  return text;
}

void print_line(const std::string& text) { std::printf("%s\n", text.c_str()); }

void print_example(const CheckReport& report, const Finding& finding) {
  if (finding.members.empty()) {
    std::string line =
        "      " + where(report, finding.place, finding.offset, finding.unit, finding.key);
    if (!finding.message.empty()) line += ": " + escaped(finding.message);
    print_line(line);
    if (!finding.text.empty()) print_line("        \"" + cut(finding.text) + "\"");
    return;
  }
  std::string caption;
  std::string line = "      " + finding.message + ": ";
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < finding.members.size() && i < kShown; ++i) {
    const SamplePlace place = finding.members[i];
    const auto sample = report.samples.find(place);
    if (i > 0) line += ", ";
    if (sample == report.samples.end()) {
      line += where(report, place, Error::kNoOffset, OffsetUnit::byte, {});
      continue;
    }
    line += where(report, place, sample->second.offset, sample->second.unit, sample->second.key);
    if (i == 0 && !sample->second.captions.empty()) caption = sample->second.captions.front();
  }
  if (finding.group_size > kShown) line += ", ...";
  print_line(line);
  if (finding.kind == FindingKind::duplicate_caption && !caption.empty()) {
    print_line("        \"" + cut(caption) + "\"");
  }
}

void print_counts(const NamedCounts& counts, const char* indent) {
  for (const auto& [name, number] : counts.sorted()) {
    print_line(indent + grouped(number) + "  " + escaped(name));
  }
}

void print_kind(const CheckOptions& options, const CheckReport& report, FindingKind kind) {
  const FindingInfo& info = info_of(kind);
  const Findings& findings = report.tallies.findings;
  const bool failing = fails(options.fail_on, kind);
  const bool is_error = info.severity == Severity::error;
  const char* note = failing == is_error ? "" : failing ? " (fails the check)" : " (tolerated)";
  std::printf("  %s: %s%s  [%s]\n", std::string(info.counted).c_str(),
              grouped(findings.count_of(kind)).c_str(), note, std::string(info.name).c_str());
  if (kind == FindingKind::unreadable_image) {
    print_counts(report.tallies.image_problems, "      ");
  }
  if (kind == FindingKind::unreadable_record) {
    print_counts(report.tallies.record_problems, "      ");
  }
  if (kind == FindingKind::long_caption) {
    std::printf("      %s tokens are cut off in all\n",
                grouped(report.tallies.tokens_lost).c_str());
  }
  const auto examples = findings.examples_of(kind);
  for (std::size_t i = 0; i < examples.size() && i < options.examples; ++i) {
    print_example(report, examples[i]);
  }
  std::printf("    -> %s\n", std::string(info.advice).c_str());
}

void print_bars(const std::vector<Bar>& bars) {
  std::uint64_t most = 1;
  for (const Bar& bar : bars) most = std::max(most, bar.count);
  constexpr std::uint64_t kWidth = 40;
  for (const Bar& bar : bars) {
    const std::uint64_t length = (bar.count * kWidth + most - 1) / most;
    std::printf("    %-11s %-40s %s\n", bar.label.c_str(),
                std::string(static_cast<std::size_t>(length), '#').c_str(),
                grouped(bar.count).c_str());
  }
}

std::string listed(const NamedCounts& counts) {
  std::string text;
  for (const auto& [name, number] : counts.sorted()) {
    if (!text.empty()) text += ", ";
    text += name + " " + grouped(number);
  }
  return text;
}

void print_images(const CheckTallies& tallies) {
  if (tallies.images == 0) return;
  std::printf("\nImages: %s, %s decoded, %s; %s; modes %s\n", grouped(tallies.images).c_str(),
              grouped(tallies.images_decoded).c_str(), bytes_text(tallies.image_bytes).c_str(),
              listed(tallies.formats).c_str(), listed(tallies.modes).c_str());
  if (tallies.images_decoded == 0) return;
  const Distribution& sides = tallies.shorter_sides;
  std::printf("  shorter side: %llu to %llu pixels, median %llu\n", printf_number(sides.min()),
              printf_number(sides.max()), printf_number(sides.quantile(0.5)));
  print_bars(side_bars(sides));
  const auto ratio = [](std::uint64_t thousandths) {
    return static_cast<double>(thousandths) / 1000;
  };
  const Distribution& aspects = tallies.aspects;
  std::printf("  width : height: %.2f to %.2f, median %.2f\n", ratio(aspects.min()),
              ratio(aspects.max()), ratio(aspects.quantile(0.5)));
  print_bars(aspect_bars(aspects));
}

void print_texts(const CheckOptions& options, const CheckTallies& tallies) {
  if (tallies.texts == 0) return;
  std::printf("\nTexts: %s, %s\n", grouped(tallies.texts).c_str(),
              bytes_text(tallies.text_bytes).c_str());
  if (tallies.conversations > 0) {
    std::printf("  conversations: %s with %s turns and %s image placeholders\n",
                grouped(tallies.conversations).c_str(), grouped(tallies.turns).c_str(),
                grouped(tallies.placeholders).c_str());
  }
  const Distribution& tokens = tallies.tokens;
  if (tokens.count() == 0) return;
  std::printf("  tokens of a caption: %llu to %llu, median %llu; the context has %d\n",
              printf_number(tokens.min()), printf_number(tokens.max()),
              printf_number(tokens.quantile(0.5)), options.context_length);
  print_bars(token_bars(tokens));
}

void print_notes(const CheckOptions& options, const CheckReport& report) {
  const SkippedRecords& skipped = report.tallies.skipped;
  const std::pair<const char*, std::uint64_t> passed_over[] = {
      {"links, devices and folders", skipped.not_files},
      {"members __x__/...", skipped.meta_members},
      {"files of macOS", skipped.apple_members},
      {"members without extension", skipped.without_extension},
      {"repeated extensions, which began a new sample", skipped.duplicate_fields},
      {"captions of images that are not listed", skipped.captions_without_image}};
  for (const auto& [what, count] : passed_over) {
    if (count > 0) std::printf("\nPassed over: %s %s\n", grouped(count).c_str(), what);
  }
  if (report.shards_with_stats > 0) {
    const DownloadStats& downloads = report.downloads;
    std::printf(
        "\nimg2dataset's stats of %s shard(s): %s of %s downloaded; %s failed, %s could not "
        "be resized\n",
        grouped(report.shards_with_stats).c_str(), grouped(downloads.successes).c_str(),
        grouped(downloads.count).c_str(), grouped(downloads.failed_to_download).c_str(),
        grouped(downloads.failed_to_resize).c_str());
    print_counts(downloads.status, "  ");
  }
  if (!options.duplicates) std::printf("\nNothing was compared: --no-duplicates\n");
  if (report.not_compared > 0) {
    std::printf("\n%s samples were not compared: their shards have too many\n",
                grouped(report.not_compared).c_str());
  }
  if (report.crowded > 0) {
    std::printf("\n%s images look like so many others that not all were compared\n",
                grouped(report.crowded).c_str());
  }
}

}  // namespace

void print_check_text(const CheckOptions& options, const CheckReport& report) {
  const CheckTallies& tallies = report.tallies;
  std::printf("%s samples in %s shard(s), %s: %s good, %s bad (%s)\n",
              grouped(tallies.samples).c_str(), grouped(report.shards.size()).c_str(),
              bytes_text(report.bytes).c_str(), grouped(tallies.good).c_str(),
              grouped(tallies.bad).c_str(), percent(tallies.bad, tallies.samples).c_str());
  const std::vector<FindingKind> kinds = kinds_by_weight(report);
  const char* heading = "";
  for (const FindingKind kind : kinds) {
    const char* next = info_of(kind).severity == Severity::error ? "Errors" : "Warnings";
    if (std::string_view(next) != heading) std::printf("\n%s\n", next);
    heading = next;
    print_kind(options, report, kind);
  }
  print_images(tallies);
  print_texts(options, tallies);
  print_notes(options, report);
  const double rate = report.seconds > 0 ? static_cast<double>(tallies.images) / report.seconds : 0;
  std::printf("\n%.1f s, %.0f images/s with %zu thread(s), peak memory %s\n", report.seconds, rate,
              report.threads, bytes_text(report.peak_rss_bytes).c_str());
  if (!options.html.empty()) std::printf("Pictures: %s\n", options.html.c_str());
  if (report.passed) {
    std::printf("PASSED%s\n", report.failing > 0 ? ": within --max-bad"
                              : kinds.empty()    ? ": nothing found"
                                                 : ": nothing that fails the check (--fail-on)");
  } else {
    std::printf("FAILED: %s finding(s) that fail the check\n", grouped(report.failing).c_str());
  }
}

}  // namespace millrace::cli
