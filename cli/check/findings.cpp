#include "check/findings.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace millrace::cli {

namespace {

constexpr std::array<FindingInfo, kFindingKinds> kInfos = {{
    {"unreadable_shard", Severity::error, "shards that cannot be opened",
     "make them again, or leave them out: a loader refuses to start with them"},
    {"damaged_shard", Severity::error, "damaged places in shards",
     "make the shard again; what follows the damage may be lost, how much is not known"},
    {"unreadable_record", Severity::error, "records that cannot be read",
     "mend the lines or rows, or the paths in them (--image-root)"},
    {"unreadable_image", Severity::error, "images that cannot be decoded",
     "remove the samples or fetch the images again; a loader puts others in their place"},
    {"missing_image", Severity::error, "samples without an image",
     "say where images are (--image FIELDS), or remove the samples"},
    {"missing_caption", Severity::error, "samples without a caption",
     "say where captions are (--text FIELDS), or remove the samples"},
    {"empty_caption", Severity::error, "captions that are empty or white space",
     "remove or write them; loaders drop them"},
    {"invalid_utf8", Severity::error, "texts that are not UTF-8",
     "convert them (often from Latin-1); tokenizers see U+FFFD instead"},
    {"placeholder_mismatch", Severity::error,
     "conversations and texts with another number of image placeholders than images",
     "one placeholder for each entry of modalities; --placeholder TOKEN names other tokens"},
    {"bad_conversation", Severity::error, "conversations that are no list of {role, content}",
     "mend the JSON of the field `conversations` or `modalities`"},
    {"duplicate_key", Severity::error, "samples whose key another sample has, too",
     "make keys unique: selections, caches and joins by key take one for the other"},
    {"incomplete_shard", Severity::warning,
     "shards with another number of samples than img2dataset wrote to their stats",
     "the download was interrupted or the shard cut: make it again"},
    {"duplicate_image", Severity::warning, "images that are there already, byte for byte",
     "remove copies: they weigh double, and may be in the validation set, too"},
    {"near_duplicate_image", Severity::warning,
     "images that look like another one (resized, compressed again)",
     "look at them (--html); keep the best of each group; --near 0 leaves them unsearched"},
    {"duplicate_caption", Severity::warning, "captions that another image has, too",
     "with a contrastive loss these are false negatives: write others, or deduplicate"},
    {"long_caption", Severity::warning, "captions longer than the tokenizer's context",
     "their ends are cut off: shorten or split them (several captions a sample)"},
    {"mojibake", Severity::warning, "texts that look decoded with the wrong encoding",
     "such as \"CafÃ©\": decode them again as UTF-8 (ftfy does)"},
    {"replacement_character", Severity::warning, "texts with U+FFFD, what broken bytes become",
     "the text was lost before: fetch it again"},
    {"control_character", Severity::warning, "texts with control characters",
     "remove them; zero bytes often mean a wrong encoding"},
    {"markup", Severity::warning, "texts with HTML entities or tags",
     "unescape and strip them before training, or with a clean-up of the text column"},
    {"small_image", Severity::warning, "images with a side shorter than --min-side",
     "they are blown up: leave them out by a selection (the loader's `select`)"},
    {"extreme_aspect", Severity::warning, "images longer or narrower than --max-aspect",
     "a centre crop shows little of them: leave them out, or pad"},
    {"flat_image", Severity::warning, "images of one colour",
     "often a server's \"not available\" picture, or a blank page: look at them (--html)"},
    {"not_rgb", Severity::warning, "images that are not 8-bit RGB",
     "they become RGB as Pillow's convert(\"RGB\") has it: alpha is dropped, 16-bit gray clipped"},
    {"rotated_image", Severity::warning, "images that EXIF says to turn",
     "they are decoded as stored, as open_clip does: turn the pixels if that matters"},
    {"animated_image", Severity::warning, "images of several frames", "the first frame is taken"},
}};

// What is wrong with a whole shard comes before its samples.
bool is_worse(const Finding& a, const Finding& b) {
  if (a.group_size != b.group_size) return a.group_size > b.group_size;
  const auto order = [](const Finding& finding) {
    return SamplePlace{finding.place.shard, finding.place.index + 1};
  };
  return order(a) < order(b);
}

}  // namespace

std::string_view severity_name(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

const FindingInfo& info_of(FindingKind kind) { return kInfos[static_cast<std::size_t>(kind)]; }

std::string_view cut_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  const auto goes_on = [&] { return (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80; };
  for (int i = 0; i < 3 && most > 0 && goes_on(); ++i) --most;
  return text.substr(0, most);
}

bool Findings::wants(FindingKind kind, SamplePlace place) const {
  const std::vector<Finding>& kept = examples_[index(kind)];
  return kept.size() < kept_ || (!kept.empty() && place < kept.back().place);
}

void Findings::add(Finding finding) {
  count(finding.kind);
  keep(std::move(finding));
}

void Findings::keep(Finding finding) {
  std::vector<Finding>& kept = examples_[index(finding.kind)];
  const auto behind = std::upper_bound(kept.begin(), kept.end(), finding, is_worse);
  kept.insert(behind, std::move(finding));
  if (kept.size() > kept_) kept.pop_back();
}

void Findings::count(FindingKind kind, std::uint64_t number) { counts_[index(kind)] += number; }

void Findings::merge(Findings&& other) {
  kept_ = std::max(kept_, other.kept_);
  for (std::size_t i = 0; i < kFindingKinds; ++i) {
    counts_[i] += other.counts_[i];
    std::vector<Finding>& kept = examples_[i];
    std::move(other.examples_[i].begin(), other.examples_[i].end(), std::back_inserter(kept));
    std::stable_sort(kept.begin(), kept.end(), is_worse);
    if (kept.size() > kept_) kept.resize(kept_);
  }
}

}  // namespace millrace::cli
