#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "check/check_page_style.h"
#include "check/check_report.h"
#include "check/html_text.h"
#include "quantity_text.h"

namespace millrace::cli {

namespace {

std::string plain(std::string_view text) { return html_text(text); }

std::string place_words(const CheckReport& report, SamplePlace place, std::uint64_t offset,
                        OffsetUnit unit) {
  std::string words = report.shard_of(place);
  if (const std::string at = place_text(offset, unit); !at.empty()) words += " " + at;
  return words;
}

// Builds the page in memory, within its size: cards that do not fit are left out and counted.
class Page {
 public:
  Page(const CheckOptions& options, const CheckReport& report)
      : options_(options), report_(report), most_bytes_(options.html_max_mb * 1'000'000) {}

  std::string build() {
    begin();
    const std::vector<FindingKind> kinds = kinds_by_weight(report_);
    add_overview(kinds);
    for (const FindingKind kind : kinds) add_kind(kind);
    add_distributions();
    add_spot_check();
    text_ +=
        "<footer>" + plain("millrace check, " + grouped(report_.tallies.samples) + " samples read");
    if (left_out_ > 0) {
      text_ += plain("; " + grouped(left_out_) +
                     " samples were left out of this page, so that it "
                     "stays below " +
                     std::to_string(options_.html_max_mb) + " MB (--html-max-mb)");
    }
    text_ += "</footer></main></body></html>\n";
    return std::move(text_);
  }

 private:
  void begin() {
    text_ +=
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "img-src data:; style-src 'unsafe-inline'\">"
        "<title>millrace check</title><style>";
    text_ += kPageStyle;
    text_ += "</style></head><body><main>";
  }

  void add_overview(const std::vector<FindingKind>& kinds) {
    const CheckTallies& tallies = report_.tallies;
    text_ += "<header><h1>millrace check <span class=\"";
    text_ += report_.passed ? "ok\">passed" : "bad\">failed";
    text_ += "</span></h1><p class=\"sources\">";
    for (const std::string& source : options_.sources) text_ += plain(source) + " ";
    text_ += "</p><div class=\"figures\">";
    add_figure(grouped(tallies.samples), "samples");
    add_figure(grouped(tallies.bad), "bad, " + percent(tallies.bad, tallies.samples));
    add_figure(grouped(report_.shards.size()), "shards, " + bytes_text(report_.bytes));
    add_figure(grouped(tallies.images_decoded),
               "of " + grouped(tallies.images) + " images decoded");
    add_figure(grouped(tallies.texts), "texts");
    add_figure(grouped(tallies.tokens_lost), "tokens cut off");
    text_ += "</div></header>";
    if (kinds.empty()) {
      text_ += "<p>Nothing found.</p>";
      return;
    }
    text_ +=
        "<nav><table><thead><tr><th class=\"number\">found</th><th>what</th><th></th></tr>"
        "</thead><tbody>";
    for (const FindingKind kind : kinds) {
      const FindingInfo& info = info_of(kind);
      text_ += "<tr><td class=\"number\">" + grouped(count_of(kind)) + "</td><td><a href=\"#" +
               std::string(info.name) + "\">" + plain(info.counted) + "</a></td><td>" +
               badge(kind) + "</td></tr>";
    }
    text_ += "</tbody></table></nav>";
  }

  void add_figure(const std::string& number, const std::string& what) {
    text_ += "<div><b>" + plain(number) + "</b><span>" + plain(what) + "</span></div>";
  }

  std::uint64_t count_of(FindingKind kind) const { return report_.tallies.findings.count_of(kind); }

  static std::string badge(FindingKind kind) {
    const std::string name(severity_name(info_of(kind).severity));
    return "<span class=\"badge " + name + "\">" + name + "</span>";
  }

  void add_kind(FindingKind kind) {
    const FindingInfo& info = info_of(kind);
    text_ += "<section id=\"" + std::string(info.name) + "\"><h2>" + plain(info.counted) + ": " +
             grouped(count_of(kind)) + " " + badge(kind) + "</h2><p class=\"advice\">" +
             plain(info.advice) + "</p>";
    if (kind == FindingKind::unreadable_image) add_counts(report_.tallies.image_problems);
    if (kind == FindingKind::unreadable_record) add_counts(report_.tallies.record_problems);
    const auto examples = report_.tallies.findings.examples_of(kind);
    const bool groups = !examples.empty() && !examples.front().members.empty();
    if (groups) {
      add_groups(kind);
    } else {
      text_ += "<div class=\"cards\">";
      for (const Finding& finding : examples) add_card(finding);
      text_ += "</div>";
      add_rest(count_of(kind), examples.size(), "more are not shown");
    }
    text_ += "</section>";
  }

  void add_rest(std::uint64_t count, std::uint64_t shown, std::string_view words) {
    if (count <= shown) return;
    text_ += "<p class=\"rest\">" + grouped(count - shown) + " " + std::string(words) + "</p>";
  }

  void add_groups(FindingKind kind) {
    const auto examples = report_.tallies.findings.examples_of(kind);
    for (const Finding& group : examples) {
      text_ += "<h3>" + grouped(group.group_size) + " that are alike</h3><div class=\"cards\">";
      for (const SamplePlace place : group.members) {
        const auto sample = report_.samples.find(place);
        if (sample != report_.samples.end()) add_sample_card(place, sample->second, {});
      }
      text_ += "</div>";
      add_rest(group.group_size, group.members.size(), "more of this group are not shown");
    }
    const Duplicates& found = kind == FindingKind::duplicate_key       ? report_.duplicate_keys
                              : kind == FindingKind::duplicate_image   ? report_.duplicate_images
                              : kind == FindingKind::duplicate_caption ? report_.duplicate_captions
                                                                       : report_.near_images;
    add_rest(found.groups, examples.size(), "more groups are not shown");
  }

  void add_counts(const NamedCounts& counts) {
    text_ += "<ul class=\"counts\">";
    for (const auto& [name, number] : counts.sorted()) {
      text_ += "<li><b>" + grouped(number) + "</b> " + plain(name) + "</li>";
    }
    text_ += "</ul>";
  }

  void add_card(const Finding& finding) {
    const auto sample = report_.samples.find(finding.place);
    if (sample != report_.samples.end()) {
      add_sample_card(finding.place, sample->second, finding.message);
      return;
    }
    std::string card = "<article><div class=\"none\">" + plain(finding.message) + "</div>";
    card += "<p class=\"place\">" +
            plain(place_words(report_, finding.place, finding.offset, finding.unit)) +
            "</p></article>";
    append(card);
  }

  void add_sample_card(SamplePlace place, const ShownSample& sample, std::string_view message) {
    std::string card = "<article>";
    if (!sample.thumbnail.empty()) {
      card += R"(<img loading="lazy" alt="" src="data:image/jpeg;base64,)" +
              base64(sample.thumbnail) + "\">";
    } else {
      card += "<div class=\"none\">" +
              plain(sample.problem.empty() ? "no picture" : sample.problem) + "</div>";
    }
    if (!message.empty()) card += "<p class=\"message\">" + plain(message) + "</p>";
    for (std::size_t i = 0; i < sample.captions.size(); ++i) {
      const bool is_long = sample.tokens[i] > static_cast<std::uint64_t>(options_.context_length);
      card += "<p class=\"caption\"><bdi>" + plain(sample.captions[i]) + "</bdi> <span" +
              (is_long ? " class=\"over\"" : "") + ">" + std::to_string(sample.tokens[i]) +
              " tokens</span></p>";
    }
    if (!sample.image.empty()) card += "<p class=\"image\">" + plain(sample.image) + "</p>";
    card += "<p class=\"place\"><b><bdi>" + plain(sample.key) + "</bdi></b><br>" +
            plain(place_words(report_, place, sample.offset, sample.unit)) + "</p></article>";
    append(card);
  }

  void append(const std::string& card) {
    constexpr std::size_t kForTheRest = 100'000;
    if (text_.size() + card.size() + kForTheRest > most_bytes_) {
      ++left_out_;
    } else {
      text_ += card;
    }
  }

  void add_distributions() {
    const CheckTallies& tallies = report_.tallies;
    text_ += "<section><h2>Distributions</h2><div class=\"charts\">";
    add_chart("Shorter side, pixels", side_bars(tallies.shorter_sides));
    add_chart("Width : height", aspect_bars(tallies.aspects));
    add_chart("Tokens of a caption", token_bars(tallies.tokens));
    add_chart("Formats", named_bars(tallies.formats));
    add_chart("Modes", named_bars(tallies.modes));
    text_ += "</div></section>";
  }

  static std::vector<Bar> named_bars(const NamedCounts& counts) {
    std::vector<Bar> bars;
    for (const auto& [name, number] : counts.sorted()) bars.push_back({name, number});
    return bars;
  }

  void add_chart(const std::string& title, const std::vector<Bar>& bars) {
    if (bars.empty()) return;
    std::uint64_t most = 1;
    for (const Bar& bar : bars) most = std::max(most, bar.count);
    text_ += "<figure><figcaption>" + plain(title) + "</figcaption><table class=\"chart\">";
    for (const Bar& bar : bars) {
      const std::uint64_t width = (bar.count * 100 + most - 1) / most;
      text_ += "<tr><th>" + plain(bar.label) +
               "</th><td><i style=\"width:" + std::to_string(width) +
               R"(%"></i></td><td class="number">)" + grouped(bar.count) + "</td></tr>";
    }
    text_ += "</table></figure>";
  }

  void add_spot_check() {
    const std::vector<SamplePlace> places = report_.tallies.spot.places();
    if (places.empty()) return;
    text_ += "<section id=\"spot_check\"><h2>Spot check: " + grouped(places.size()) +
             " samples</h2><p class=\"advice\">" +
             plain("Drawn at random (seed " + std::to_string(options_.seed) +
                   "). Do the captions say what is to be seen?") +
             "</p><div class=\"cards\">";
    for (const SamplePlace place : places) {
      const auto sample = report_.samples.find(place);
      if (sample != report_.samples.end()) add_sample_card(place, sample->second, {});
    }
    text_ += "</div>";
    add_rest(report_.spot_drawn, places.size(), "more were drawn and are not shown");
    text_ += "</section>";
  }

  const CheckOptions& options_;
  const CheckReport& report_;
  std::uint64_t most_bytes_;
  std::uint64_t left_out_ = 0;
  std::string text_;
};

tl::unexpected<Error> cannot_write(const std::string& path) {
  return fail(Reason::io_error, path + ": cannot be written: " + std::strerror(errno));
}

}  // namespace

Result<void> write_html(const CheckOptions& options, const CheckReport& report) {
  const std::string page = Page(options, report).build();
  std::FILE* file = std::fopen(options.html.c_str(), "wb");
  if (file == nullptr) return cannot_write(options.html);
  const bool written = std::fwrite(page.data(), 1, page.size(), file) == page.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed) return cannot_write(options.html);
  return {};
}

}  // namespace millrace::cli
