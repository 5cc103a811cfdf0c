#include "check/sample_check.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>
#include <utility>

#include "millrace/formats/plain_text.h"

#include "check/perceptual_hash.h"
#include "check/text_flaws.h"

namespace millrace::cli {

namespace {

// Of a list of modalities so many are asked for by name where a table has them as columns.
constexpr int kMostModalities = 64;

// A message as a name for its kind: numbers differ from file to file.
std::string without_numbers(std::string_view message) {
  std::string result;
  for (const char c : message.substr(0, 200)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) {
      result += c;
    } else if (result.empty() || result.back() != 'N') {
      result += 'N';
    }
  }
  return result;
}

std::string size_text(int width, int height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

// `modalities.0.value` of a table, `modalities.0.jpg` of its pack.
bool is_modality(std::string_view field) {
  constexpr std::string_view kEnds[] = {".value", ".value.bytes", ".jpg", ".jpeg", ".png", ".webp"};
  return field.starts_with("modalities.") &&
         std::any_of(std::begin(kEnds), std::end(kEnds),
                     [&](std::string_view end) { return field.ends_with(end); });
}

}  // namespace

Result<void> ImageFields::find(const Sample& sample,
                               std::vector<std::span<const std::uint8_t>>& images) {
  images.clear();
  for (const Field& field : sample.fields()) {
    if (is_modality(field.name)) images.push_back(field.data);
  }
  if (!images.empty()) return {};
  const auto found = selector_.find(sample, scratch_);
  if (!found) return tl::unexpected<Error>(found.error());
  if (*found) images.push_back(**found);
  return {};
}

std::uint64_t TokenCounter::count(std::string_view text) {
  for (const ClipTokenizer* tokenizer : {&short_, &longer_, &longest_}) {
    ids_.resize(static_cast<std::size_t>(tokenizer->context_length()));
    tokenizer->encode(text, ids_);
    // Behind the end there are zeros, and a token may be 0, too.
    const auto end = std::find(ids_.rbegin(), ids_.rend(), ClipTokenizer::kEndId);
    const auto count = static_cast<std::size_t>(ids_.rend() - end);
    if (count < ids_.size() || tokenizer == &longest_) return count;
  }
  return 0;
}

std::vector<std::string> checked_fields(const CheckOptions& options) {
  const std::string selectors[] = {options.image_fields, options.text_fields};
  std::vector<std::string> fields = FieldSelector::fields_of(selectors);
  fields.emplace_back("conversations");
  fields.emplace_back("modalities");
  for (int i = 0; i < kMostModalities; ++i) {
    fields.push_back("modalities." + std::to_string(i) + ".value");
  }
  fields.insert(fields.end(), options.read.keys.begin(), options.read.keys.end());
  if (std::find(fields.begin(), fields.end(), "json") == fields.end()) fields.emplace_back("json");
  return fields;
}

SampleChecker::SampleChecker(const CheckOptions& options, CheckTallies& tallies,
                             Fingerprints::Batch& prints)
    : options_(options),
      tallies_(tallies),
      prints_(prints),
      image_fields_(options.image_fields),
      text_fields_(options.text_fields),
      conversations_(options.placeholders) {
  for (const std::string& key : options.read.keys) {
    key_paths_.push_back(JsonRowReader::path_of(key));
    key_columns_.push_back(lower(key));
  }
}

// Not of rows that are called by their image's path or their number, nor of files in folders:
// those are called alike wherever they are.
bool SampleChecker::has_own_key(const Sample& sample) {
  for (const std::string& column : key_columns_) {
    const Field* field = sample.find(column);
    if (field != nullptr && as_text(field->data) == sample.key()) return true;
  }
  const Field* row = sample.find("json");
  if (row == nullptr || !rows_.read(row->data, key_paths_, key_values_)) return false;
  return std::find(key_values_.begin(), key_values_.end(), std::optional(sample.key())) !=
         key_values_.end();
}

bool SampleChecker::wants(FindingKind kind) { return tallies_.findings.wants(kind, place_); }

void SampleChecker::add(FindingKind kind, const Sample& sample, std::string message,
                        std::string_view text) {
  is_bad_ = is_bad_ || info_of(kind).severity == Severity::error;
  if (!wants(kind)) {
    tallies_.findings.count(kind);
    return;
  }
  Finding finding;
  finding.kind = kind;
  finding.place = place_;
  finding.offset = sample.begin_bytes();
  finding.unit = sample.offset_unit();
  finding.key = sample.key();
  finding.message = std::move(message);
  finding.text = cut_text(text, Finding::kMostTextBytes);
  tallies_.findings.add(std::move(finding));
}

void SampleChecker::take_error(SamplePlace place, const Error& error) {
  ++tallies_.samples;
  ++tallies_.bad;
  tallies_.spot.offer(place);
  Finding finding;
  finding.kind = error.reason == Reason::damaged_shard ? FindingKind::damaged_shard
                                                       : FindingKind::unreadable_record;
  finding.place = place;
  finding.offset = error.offset_bytes;
  finding.unit = error.unit;
  finding.key = error.key;
  finding.message = std::string(reason_name(error.reason)) + ": " + error.message;
  if (finding.kind == FindingKind::unreadable_record) {
    tallies_.record_problems.add(reason_name(error.reason));
  }
  tallies_.findings.add(std::move(finding));
}

void SampleChecker::check(SamplePlace place, const Sample& sample, bool from_tar) {
  place_ = place;
  is_bad_ = false;
  ++tallies_.samples;
  tallies_.spot.offer(place);
  if (options_.duplicates) {
    prints_.begin_sample(place);
    if (from_tar || has_own_key(sample)) prints_.add_key(sample.key());
  }
  check_images(sample);
  check_captions(sample);
  ++(is_bad_ ? tallies_.bad : tallies_.good);
}

void SampleChecker::check_images(const Sample& sample) {
  if (const auto found = image_fields_.find(sample, images_); !found) {
    add(FindingKind::unreadable_record, sample, found.error().message);
    tallies_.record_problems.add(reason_name(found.error().reason));
  }
  for (const auto& bytes : images_) check_image(sample, bytes);
}

void SampleChecker::check_image(const Sample& sample, std::span<const std::uint8_t> bytes) {
  ++tallies_.images;
  tallies_.image_bytes += bytes.size();
  const ImageInfo info = read_image_info(bytes);
  tallies_.formats.add(bytes.empty() ? "empty" : image_kind_name(info.kind));
  const auto image = decoder_.decode(bytes);
  std::optional<PerceptualHash> looks;
  if (image) {
    looks = perceptual_hash(*image);
    ++tallies_.images_decoded;
    check_pixels(sample, info, *image);
    if (looks->is_flat) {
      add(FindingKind::flat_image, sample, size_text(image->width, image->height));
    }
  } else {
    const Error& error = image.error();
    tallies_.image_problems.add(without_numbers(error.message));
    add(FindingKind::unreadable_image, sample,
        std::string(reason_name(error.reason)) + ": " + error.message);
  }
  if (options_.duplicates) prints_.add_image(bytes, looks);
}

void SampleChecker::check_pixels(const Sample& sample, const ImageInfo& info, ImageView image) {
  const int shorter = std::min(image.width, image.height);
  const int longer = std::max(image.width, image.height);
  tallies_.modes.add(info.mode);
  tallies_.widths.add(static_cast<std::uint64_t>(image.width));
  tallies_.heights.add(static_cast<std::uint64_t>(image.height));
  tallies_.shorter_sides.add(static_cast<std::uint64_t>(shorter));
  tallies_.aspects.add(aspect_thousandths(image.width, image.height));
  if (info.mode != "RGB" || info.has_alpha) {
    const bool hidden_alpha = info.has_alpha && info.mode.find('A') == std::string_view::npos;
    add(FindingKind::not_rgb, sample,
        std::string(image_kind_name(info.kind)) + ", mode " + std::string(info.mode) +
            (hidden_alpha ? " with transparent colours" : ""));
  }
  if (info.orientation != 1) {
    add(FindingKind::rotated_image, sample, "orientation " + std::to_string(info.orientation));
  }
  if (info.animated) {
    add(FindingKind::animated_image, sample, std::string(image_kind_name(info.kind)));
  }
  if (shorter < options_.min_side) {
    add(FindingKind::small_image, sample, size_text(image.width, image.height));
  }
  if (longer > options_.max_aspect * shorter) {
    add(FindingKind::extreme_aspect, sample, size_text(image.width, image.height));
  }
}

void SampleChecker::check_captions(const Sample& sample) {
  auto conversation = conversations_.read(sample);
  bool has_turns = false;
  bool wants_image = true;
  if (!conversation) {
    has_turns = true;  // such as they are
    wants_image = false;
    add(FindingKind::bad_conversation, sample, conversation.error().message);
  } else if (*conversation) {
    has_turns = !(*conversation)->is_text;
    wants_image = (*conversation)->modalities.value_or(0) > 0;
    check_conversation(sample, **conversation);
  }
  if (images_.empty() && wants_image) {
    add(FindingKind::missing_image, sample,
        wants(FindingKind::missing_image) ? "nothing for \"" + options_.image_fields + "\""
                                          : std::string());
  }

  if (const auto found = text_fields_.find_all(sample, text_scratch_, texts_); !found) {
    if (has_turns) return;
    add(FindingKind::unreadable_record, sample, found.error().message);
    tallies_.record_problems.add(reason_name(found.error().reason));
    return;
  }
  if (texts_.empty() && !has_turns) {
    add(FindingKind::missing_caption, sample,
        wants(FindingKind::missing_caption) ? text_fields_.missing(sample).message : std::string());
  }
  for (const auto& text : texts_) check_text(sample, as_text(text));
  for (const auto& text : texts_) {
    if (is_empty_text(text)) continue;
    const std::uint64_t tokens = tokens_.count(as_text(text));
    const auto context = static_cast<std::uint64_t>(options_.context_length);
    tallies_.tokens.add(tokens);
    if (tokens > context) {
      tallies_.tokens_lost += tokens - context;
      add(FindingKind::long_caption, sample,
          std::to_string(tokens) + " tokens, " + std::to_string(tokens - context) + " lost",
          as_text(text));
    }
    if (options_.duplicates) prints_.add_caption(as_text(text));
  }
}

void SampleChecker::check_text(const Sample& sample, std::string_view text) {
  ++tallies_.texts;
  tallies_.text_bytes += text.size();
  if (is_empty_text(as_bytes(text))) {
    add(FindingKind::empty_caption, sample, std::to_string(text.size()) + " bytes");
    return;
  }
  const TextFlaws flaws = find_text_flaws(text);
  if (flaws.invalid_utf8) add(FindingKind::invalid_utf8, sample, {}, text);
  if (flaws.control_character) add(FindingKind::control_character, sample, {}, text);
  if (flaws.replacement_character) add(FindingKind::replacement_character, sample, {}, text);
  if (flaws.mojibake) add(FindingKind::mojibake, sample, {}, text);
  if (flaws.markup) add(FindingKind::markup, sample, {}, text);
}

void SampleChecker::check_conversation(const Sample& sample, const Conversation& conversation) {
  tallies_.placeholders += conversation.placeholders;
  if (!conversation.is_text) {  // else the text is a caption, too
    ++tallies_.conversations;
    tallies_.turns += conversation.turns;
    for (const std::string& text : conversation.texts) {
      if (!text.empty()) check_text(sample, text);
    }
  }
  const std::uint64_t images = conversation.modalities.value_or(images_.size());
  if (conversation.placeholders != images) {
    add(FindingKind::placeholder_mismatch, sample,
        std::to_string(conversation.placeholders) + " placeholder(s), " + std::to_string(images) +
            " image(s)",
        conversation.texts.empty() ? std::string_view() : conversation.texts.front());
  }
}

}  // namespace millrace::cli
