#include "millrace/loader/caption_chooser.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "millrace/formats/plain_text.h"
#include "millrace/loader/permutation.h"
#include "millrace/transforms/captions/caption_template.h"

namespace millrace {

namespace {

// What is drawn, told apart by the number that Draw::seed is mixed with.
constexpr std::uint64_t kDrawsSource = 0x736f75726365;     // "source"
constexpr std::uint64_t kDrawsCaption = 0x63617074696f6e;  // "caption"

// 0 <= it < 1, of 53 bits.
double unit_interval(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

}  // namespace

CaptionChooser::CaptionChooser(const Column& column)
    : choice_(column.captions->choice),
      keeps_empty_(column.captions->empty == EmptyCaptions::keep),
      is_plain_(choice_ == CaptionChoice::first && column.captions->weights.empty() &&
                column.captions->templates.empty() && column.captions->clean.empty()),
      cleaner_(column.captions->clean) {
  const Captions& captions = *column.captions;
  for (const std::string& text : captions.templates) {
    Template& added = templates_.emplace_back();
    const CaptionTemplate parsed(text);
    for (const CaptionTemplate::Piece& piece : parsed.pieces()) {
      Piece& part = added.emplace_back();
      part.part = piece.part;
      if (piece.is_field) {
        part.field.emplace(piece.text);
      } else {
        part.literal = piece.text;
      }
    }
  }
  if (!captions.templates.empty()) return;
  for (const CaptionWeight& weight : captions.weights) {
    sources_.push_back({FieldSelector(weight.selector), {}, weight.probability});
    probabilities_ += weight.probability;
  }
  if (sources_.empty()) sources_.push_back({FieldSelector(column.fields), {}, 1});
  std::stable_sort(sources_.begin(), sources_.end(),
                   [](const Source& a, const Source& b) { return a.probability > b.probability; });
}

Result<CaptionChooser::Chosen> CaptionChooser::choose(const Sample& sample, const Draw& draw,
                                                      std::uint64_t part) {
  if (!templates_.empty()) return choose_template(sample, draw);
  if (is_plain_) {
    auto found = sources_.front().selector.find(sample, sources_.front().scratch);
    if (!found) return tl::unexpected<Error>(std::move(found.error()));
    if (*found && (keeps_empty_ || !is_empty_text(**found))) return Chosen{**found, 0};
  }
  return choose_among_sources(sample, draw, part);
}

std::size_t CaptionChooser::first_source(const Draw& draw) const {
  if (sources_.size() == 1) return 0;
  double point = unit_interval(mix(draw.seed, kDrawsSource)) * probabilities_;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    point -= sources_[i].probability;
    if (point < 0) return i;
  }
  return 0;  // rounding took the point to the sum itself
}

Result<CaptionChooser::Chosen> CaptionChooser::choose_among_sources(const Sample& sample,
                                                                    const Draw& draw,
                                                                    std::uint64_t part) {
  const std::size_t first = first_source(draw);
  bool any = false;
  std::uint32_t dropped = 0;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    // The one that is drawn comes first, the others keep their order.
    Source& source = sources_[i == 0 ? first : i <= first ? i - 1 : i];
    if (auto found = source.selector.find_all(sample, source.scratch, texts_); !found) {
      return tl::unexpected<Error>(std::move(found.error()));
    }
    any = any || !texts_.empty();
    auto chosen = choose_text(draw, part, dropped);
    if (!chosen) return tl::unexpected<Error>(std::move(chosen.error()));
    if (*chosen) return **chosen;
    dropped += static_cast<std::uint32_t>(texts_.size());
  }
  return tl::unexpected<Error>(any ? all_are_empty() : sources_[first].selector.missing(sample));
}

Error CaptionChooser::all_are_empty() const {
  return {Reason::bad_text, "no caption that is not empty", {}, Error::kNoOffset, {}};
}

// Of texts_. Nothing: all of them are empty.
Result<std::optional<CaptionChooser::Chosen>> CaptionChooser::choose_text(const Draw& draw,
                                                                          std::uint64_t part,
                                                                          std::uint32_t dropped) {
  left_.clear();
  for (std::uint32_t i = 0; i < texts_.size(); ++i) {
    if (keeps_empty_ || !is_empty_text(texts_[i])) left_.push_back(i);
  }
  const auto empty = static_cast<std::uint32_t>(texts_.size() - left_.size());
  if (left_.empty()) return std::optional<Chosen>();
  if (choice_ == CaptionChoice::all) {
    if (part >= left_.size()) {
      return fail(Reason::bad_text, "caption number " + std::to_string(part + 1) + " of " +
                                        std::to_string(left_.size()) + ", the index knew of more");
    }
    // Each caption is a sample of its own: the empty ones are counted with the first.
    const std::uint32_t counted = part == 0 ? empty : 0;
    const std::span<const std::uint8_t> text = texts_[left_[part]];
    if (cleaner_.is_empty()) return Chosen{text, counted};
    made_.assign(as_text(text));
    const Result<Usable> cleaned = clean();
    if (!cleaned) return tl::unexpected<Error>(cleaned.error());
    if (*cleaned == Usable::empty) {
      return fail(Reason::bad_text, "nothing is left of the caption after clean-up");
    }
    return Chosen{as_bytes(made_), counted};
  }
  // Of those before the one that is taken where the first is.
  if (choice_ == CaptionChoice::random) dropped += empty;
  const auto dropped_before = [&](std::uint32_t taken, std::uint32_t cleaned_away) {
    if (choice_ == CaptionChoice::random) return dropped + cleaned_away;
    std::uint32_t before = dropped + cleaned_away;
    for (std::uint32_t i = 0; i < taken && !keeps_empty_; ++i) {
      before += is_empty_text(texts_[i]) ? 1 : 0;
    }
    return before;
  };
  tried_ = 0;
  while (!left_.empty()) {
    const auto cleaned_away = static_cast<std::uint32_t>(tried_);
    const auto taken = static_cast<std::uint32_t>(next_choice(draw));
    const std::span<const std::uint8_t> text = texts_[taken];
    if (cleaner_.is_empty()) return Chosen{text, dropped_before(taken, cleaned_away)};
    made_.assign(as_text(text));
    const Result<Usable> cleaned = clean();
    if (!cleaned) return tl::unexpected<Error>(cleaned.error());
    if (*cleaned == Usable::yes) {
      return Chosen{as_bytes(made_), dropped_before(taken, cleaned_away)};
    }
  }
  return std::optional<Chosen>();
}

// Takes one out of left_, which is not empty: the first, or any.
std::size_t CaptionChooser::next_choice(const Draw& draw) {
  std::size_t at = 0;
  if (choice_ == CaptionChoice::random) {
    // The remainder prefers no caption by more than one in 2^64 / their number.
    at = mix(mix(draw.seed, kDrawsCaption), tried_) % left_.size();
  }
  const std::size_t taken = left_[at];
  left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(at));
  ++tried_;
  return taken;
}

// What is in made_.
Result<CaptionChooser::Usable> CaptionChooser::clean() {
  if (made_.size() > Captions::kMostCaptionBytes || !cleaner_.clean(made_)) {
    return fail(Reason::bad_text, "a caption is longer than " +
                                      std::to_string(Captions::kMostCaptionBytes) + " bytes");
  }
  return keeps_empty_ || !is_empty_text(as_bytes(made_)) ? Usable::yes : Usable::empty;
}

Result<CaptionChooser::Chosen> CaptionChooser::choose_template(const Sample& sample,
                                                               const Draw& draw) {
  left_.resize(templates_.size());
  std::iota(left_.begin(), left_.end(), 0U);
  tried_ = 0;
  std::uint32_t empty = 0;
  while (!left_.empty()) {
    const Result<Usable> filled = fill(templates_[next_choice(draw)], sample);
    if (!filled) return tl::unexpected<Error>(filled.error());
    if (*filled == Usable::yes) return Chosen{as_bytes(made_), empty};
    empty += *filled == Usable::empty ? 1 : 0;
  }
  if (empty > 0) return tl::unexpected<Error>(all_are_empty());
  Error error = unusable_->missing(sample);
  error.message = "no template is usable: " + error.message;
  if (auto found = unusable_->find(sample, template_scratch_); found && *found) {
    error.message = "no template is usable: \"" + unusable_->text() + "\" is empty";
  }
  return tl::unexpected<Error>(std::move(error));
}

// Makes the caption in made_.
Result<CaptionChooser::Usable> CaptionChooser::fill(const Template& from, const Sample& sample) {
  made_.clear();
  for (std::size_t begin = 0, end = 0; begin < from.size(); begin = end) {
    while (end < from.size() && from[end].part == from[begin].part) ++end;
    const std::size_t length = made_.size();
    const Result<bool> filled = fill_part(std::span(from).subspan(begin, end - begin), sample);
    if (!filled) return tl::unexpected<Error>(filled.error());
    if (*filled) continue;
    if (from[begin].part == 0) return Usable::no;
    made_.resize(length);
  }
  return clean();
}

// false: a field is absent or empty, and unusable_ says which.
Result<bool> CaptionChooser::fill_part(std::span<const Piece> pieces, const Sample& sample) {
  for (const Piece& piece : pieces) {
    made_ += piece.literal;
    if (!piece.field) continue;
    const auto found = piece.field->find(sample, template_scratch_);
    if (!found) return tl::unexpected<Error>(found.error());
    if (!*found || is_empty_text(**found)) {
      unusable_ = &*piece.field;
      return false;
    }
    if ((*found)->size() > Captions::kMostCaptionBytes) {
      return fail(Reason::bad_text, "\"" + piece.field->text() + "\" is longer than " +
                                        std::to_string(Captions::kMostCaptionBytes) + " bytes");
    }
    made_ += as_text(**found);
  }
  return true;
}

}  // namespace millrace
