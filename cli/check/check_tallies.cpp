#include "check/check_tallies.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "millrace/loader/permutation.h"

namespace millrace::cli {

void SpotDraw::keep(const Ticket& ticket) {
  if (kept_.size() < most_) {
    kept_.push_back(ticket);
    std::push_heap(kept_.begin(), kept_.end());
  } else if (most_ > 0 && ticket < kept_.front()) {
    std::pop_heap(kept_.begin(), kept_.end());
    kept_.back() = ticket;
    std::push_heap(kept_.begin(), kept_.end());
  }
}

void SpotDraw::offer(SamplePlace place) {
  if (share_ <= 0) return;
  const std::uint64_t number = mix(mix(seed_, place.shard), place.index);
  constexpr auto kMost = static_cast<double>(std::numeric_limits<std::uint64_t>::max());
  if (static_cast<double>(number) > share_ * kMost) return;
  ++drawn_;
  keep({number, place});
}

void SpotDraw::merge(const SpotDraw& other) {
  most_ = std::max(most_, other.most_);
  drawn_ += other.drawn_;
  for (const Ticket& ticket : other.kept_) keep(ticket);
}

std::vector<SamplePlace> SpotDraw::places() const {
  std::vector<SamplePlace> places;
  for (const Ticket& ticket : kept_) places.push_back(ticket.place);
  std::sort(places.begin(), places.end());
  return places;
}

void NamedCounts::add(std::string_view name, std::uint64_t number) {
  const auto found = counts_.find(name);
  if (found != counts_.end()) {
    found->second += number;
  } else if (counts_.size() < kMost) {
    counts_.emplace(name, number);
  } else {
    counts_["other"] += number;
  }
}

void NamedCounts::merge(const NamedCounts& other) {
  for (const auto& [name, number] : other.counts_) add(name, number);
}

std::vector<std::pair<std::string, std::uint64_t>> NamedCounts::sorted() const {
  std::vector<std::pair<std::string, std::uint64_t>> sorted(counts_.begin(), counts_.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

void CheckTallies::merge(CheckTallies&& other) {
  samples += other.samples;
  good += other.good;
  bad += other.bad;
  images += other.images;
  images_decoded += other.images_decoded;
  image_bytes += other.image_bytes;
  formats.merge(other.formats);
  modes.merge(other.modes);
  image_problems.merge(other.image_problems);
  record_problems.merge(other.record_problems);
  widths.merge(other.widths);
  heights.merge(other.heights);
  shorter_sides.merge(other.shorter_sides);
  aspects.merge(other.aspects);
  texts += other.texts;
  text_bytes += other.text_bytes;
  tokens.merge(other.tokens);
  tokens_lost += other.tokens_lost;
  conversations += other.conversations;
  turns += other.turns;
  placeholders += other.placeholders;
  skipped.not_files += other.skipped.not_files;
  skipped.meta_members += other.skipped.meta_members;
  skipped.apple_members += other.skipped.apple_members;
  skipped.without_extension += other.skipped.without_extension;
  skipped.duplicate_fields += other.skipped.duplicate_fields;
  skipped.captions_without_image += other.skipped.captions_without_image;
  findings.merge(std::move(other.findings));
  spot.merge(other.spot);
}

}  // namespace millrace::cli
