#include "millrace/transforms/tokenizers/tokenizer_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "millrace/transforms/text/unicode-inl.h"
#include "millrace/transforms/tokenizers/byte_letters-inl.h"
#include "millrace/transforms/tokenizers/clip_tokenizer.h"
#include "millrace/transforms/tokenizers/clip_vocabulary-inl.h"
#include "millrace/transforms/tokenizers/file_description-inl.h"
#include "millrace/transforms/tokenizers/pair_tokenizer-inl.h"

namespace millrace {

namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Vocabulary = std::unordered_map<std::string_view, std::uint32_t>;

constexpr std::size_t kDeepest = 64;
constexpr std::size_t kSmallestCapacity = 64;  // simdjson's parser refuses to be much smaller
constexpr std::uint64_t kLargestId = 0x7FFFFFFF;

[[noreturn]] void refuse_file(const std::string& what) { throw std::invalid_argument(what); }

/// The member at `key`; a null element where there is none, or where it is null.
bool find_member(Object object, std::string_view key, Element& found) {
  return object[key].get(found) == simdjson::SUCCESS && !found.is_null();
}

template <typename Type>
Type member(Object object, std::string_view key, const char* wanted) {
  Type value{};
  if (object[key].get(value) != simdjson::SUCCESS) {
    refuse_file("\"" + std::string(key) + "\" must be there and be " + wanted);
  }
  return value;
}

std::string_view text_member(Object object, std::string_view key) {
  return member<std::string_view>(object, key, "a string");
}

Object object_of(Element element, const char* what) {
  Object object;
  if (element.get(object) != simdjson::SUCCESS) refuse_file(std::string(what) + " is no object");
  return object;
}

simdjson::dom::array array_member(Object object, std::string_view key) {
  return member<simdjson::dom::array>(object, key, "a list");
}

bool flag(Object object, std::string_view key, bool otherwise) {
  Element found;
  if (!find_member(object, key, found)) return otherwise;
  bool value = otherwise;
  if (found.get(value) != simdjson::SUCCESS) {
    refuse_file("\"" + std::string(key) + "\" must be true or false");
  }
  return value;
}

std::uint32_t token_id(Element element, const char* what) {
  std::uint64_t id = 0;
  if (element.get(id) != simdjson::SUCCESS || id > kLargestId) {
    refuse_file(std::string("an id of ") + what + " is no number up to " +
                std::to_string(kLargestId));
  }
  return static_cast<std::uint32_t>(id);
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 200;
  return "\"" + std::string(text.substr(0, kShown)) + "\"";
}

/// Anything but absent, null, false, 0 or "".
bool is_set(Object object, std::string_view key) {
  Element found;
  if (!find_member(object, key, found)) return false;
  bool is_true = false;
  double number = 0;
  std::string_view text;
  if (found.get(is_true) == simdjson::SUCCESS) return is_true;
  if (found.get(number) == simdjson::SUCCESS) return number != 0;
  if (found.get(text) == simdjson::SUCCESS) return !text.empty();
  return true;
}

std::uint32_t vocabulary_id(const Vocabulary& vocabulary, const std::string& token) {
  const auto found = vocabulary.find(token);
  if (found == vocabulary.end()) refuse_file("the vocabulary has no " + in_quotes(token));
  return found->second;
}

/// The two parts of a merge: "a b", or ["a", "b"] as newer files have it.
std::pair<std::string_view, std::string_view> merge_parts(Element merge) {
  std::string_view text;
  if (merge.get(text) == simdjson::SUCCESS) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos)
      refuse_file("the merge " + in_quotes(text) + " has one part");
    return {text.substr(0, space), text.substr(space + 1)};
  }
  simdjson::dom::array parts;
  std::pair<std::string_view, std::string_view> found;
  if (merge.get(parts) != simdjson::SUCCESS || parts.size() != 2 ||
      parts.at(0).get(found.first) != simdjson::SUCCESS ||
      parts.at(1).get(found.second) != simdjson::SUCCESS) {
    refuse_file("a merge is neither a string nor a list of two");
  }
  return found;
}

MergeModel read_model(Object model) {
  Element type;
  if (find_member(model, "type", type) && text_member(model, "type") != "BPE") {
    refuse_file("the model is " + in_quotes(text_member(model, "type")) + ", and only BPE is read");
  }
  for (const char* key : {"dropout", "continuing_subword_prefix", "byte_fallback"}) {
    if (is_set(model, key))
      refuse_file("\"" + std::string(key) + "\" of the model is not supported");
  }
  Vocabulary vocabulary;
  for (const auto& entry : member<Object>(model, "vocab", "an object")) {
    vocabulary[entry.key] = token_id(entry.value, "the vocabulary");
  }
  std::string suffix;
  Element found;
  if (find_member(model, "end_of_word_suffix", found)) {
    suffix = text_member(model, "end_of_word_suffix");
  }
  std::array<MergeModel::Id, 256> byte_ids{};
  std::array<MergeModel::Id, 256> last_byte_ids{};
  for (const auto& [byte, letter] : byte_letters()) {
    std::array<char, 4> utf8{};
    const std::string token(utf8.data(), encode_utf8(letter, utf8.data()));
    byte_ids[byte] = vocabulary_id(vocabulary, token);
    last_byte_ids[byte] = vocabulary_id(vocabulary, token + suffix);
  }
  std::vector<MergeModel::Merge> merges;
  std::string whole;
  for (const Element merge : array_member(model, "merges")) {
    const auto parts = merge_parts(merge);
    whole.assign(parts.first).append(parts.second);
    merges.push_back({vocabulary_id(vocabulary, std::string(parts.first)),
                      vocabulary_id(vocabulary, std::string(parts.second)),
                      vocabulary_id(vocabulary, whole)});
  }
  MergeModel made(byte_ids, last_byte_ids, merges);
  if (flag(model, "ignore_merges", false)) {
    if (!suffix.empty()) refuse_file("\"ignore_merges\" with a suffix is not supported");
    std::unordered_map<std::string, MergeModel::Id> whole_pieces;
    std::string bytes;
    for (const auto& [token, id] : vocabulary) {
      if (bytes_of_letters(token, bytes)) whole_pieces.emplace(bytes, id);
    }
    made.set_whole_pieces(std::move(whole_pieces));
  }
  return made;
}

void read_normalizer(Object normalizer, std::vector<NormalStep>& steps) {
  const std::string_view type = text_member(normalizer, "type");
  if (type == "Sequence") {
    for (const Element step : array_member(normalizer, "normalizers")) {
      // Within a sequence there is no further one, so this is no deeper than the parser allows.
      read_normalizer(object_of(step, "a normalizer"), steps);
    }
  } else if (type == "NFC") {
    steps.push_back(NormalStep::nfc);
  } else if (type == "Lowercase") {
    steps.push_back(NormalStep::lowercase);
  } else if (type == "Replace") {
    const Object pattern =
        object_of(member<Element>(normalizer, "pattern", "an object"), "pattern");
    std::string_view regex;
    if (pattern["Regex"].get(regex) != simdjson::SUCCESS || regex != R"(\s+)" ||
        text_member(normalizer, "content") != " ") {
      refuse_file("the normalizer Replace is only supported from the Regex \\s+ to a space");
    }
    steps.push_back(NormalStep::spaces);
  } else {
    refuse_file("the normalizer " + in_quotes(type) + " is not supported");
  }
}

void read_byte_level(Object byte_level, PairTokenizerParts& parts) {
  if (flag(byte_level, "add_prefix_space", true)) parts.space_depth = parts.splits.size();
  if (flag(byte_level, "use_regex", true)) parts.splits.push_back(SplitPattern::gpt2);
}

void read_split(Object split, std::vector<SplitPattern>& splits) {
  const Object pattern = object_of(member<Element>(split, "pattern", "an object"), "pattern");
  std::string_view regex;
  if (pattern["Regex"].get(regex) != simdjson::SUCCESS) {
    refuse_file("the pre-tokenizer Split is only supported with a Regex");
  }
  const auto known = split_pattern(regex);
  if (!known)
    refuse_file("the pattern " + in_quotes(regex) + " is none of those that are supported");
  const std::string_view behavior = text_member(split, "behavior");
  const bool is_inverted = flag(split, "invert", false);
  const bool keeps_matches = *known == SplitPattern::clip;
  if (keeps_matches ? behavior != "Removed" || !is_inverted
                    : behavior != "Isolated" || is_inverted) {
    refuse_file("the behaviour " + in_quotes(behavior) + " is not supported with the pattern " +
                in_quotes(regex));
  }
  splits.push_back(*known);
}

/// `ends` tells that ByteLevel has come, after which nothing may.
void read_pre_tokenizer(Object pre_tokenizer, PairTokenizerParts& parts, bool& ends) {
  if (ends) refuse_file("a pre-tokenizer after ByteLevel is not supported");
  const std::string_view type = text_member(pre_tokenizer, "type");
  if (type == "Sequence") {
    for (const Element step : array_member(pre_tokenizer, "pretokenizers")) {
      read_pre_tokenizer(object_of(step, "a pre-tokenizer"), parts, ends);
    }
  } else if (type == "ByteLevel") {
    read_byte_level(pre_tokenizer, parts);
    ends = true;
  } else if (type == "Split") {
    read_split(pre_tokenizer, parts.splits);
  } else {
    refuse_file("the pre-tokenizer " + in_quotes(type) + " is not supported");
  }
}

std::int64_t special_id(Object processor, std::string_view key) {
  const simdjson::dom::array pair = array_member(processor, key);
  Element id;
  if (pair.size() != 2 || pair.at(1).get(id) != simdjson::SUCCESS) {
    refuse_file("\"" + std::string(key) + "\" is no token with its id");
  }
  return token_id(id, "a special token");
}

void read_template(Object processor, PairTokenizerParts& parts) {
  const auto specials = member<Object>(processor, "special_tokens", "an object");
  bool text_seen = false;
  for (const Element element : array_member(processor, "single")) {
    const Object item = object_of(element, "a template's item");
    Element found;
    if (find_member(item, "Sequence", found)) {
      if (text_seen || text_member(object_of(found, "Sequence"), "id") != "A") {
        refuse_file("a template without exactly one text is not supported");
      }
      text_seen = true;
      continue;
    }
    const auto special = member<Object>(item, "SpecialToken", "an object");
    const auto entry = member<Object>(specials, text_member(special, "id"), "an object");
    for (const Element id : array_member(entry, "ids")) {
      (text_seen ? parts.end_ids : parts.begin_ids).push_back(token_id(id, "a special token"));
    }
  }
  if (!text_seen) refuse_file("a template without exactly one text is not supported");
}

void read_post_processor(Object processor, PairTokenizerParts& parts) {
  const std::string_view type = text_member(processor, "type");
  if (type == "Sequence") {
    for (const Element step : array_member(processor, "processors")) {
      read_post_processor(object_of(step, "a post-processor"), parts);
    }
  } else if (type == "TemplateProcessing") {
    read_template(processor, parts);
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    parts.begin_ids.push_back(special_id(processor, "cls"));
    parts.end_ids.push_back(special_id(processor, "sep"));
  } else if (type != "ByteLevel") {
    refuse_file("the post-processor " + in_quotes(type) + " is not supported");
  }
}

void read_added_tokens(Object root, PairTokenizerParts& parts) {
  Element found;
  if (!find_member(root, "added_tokens", found)) return;
  for (const Element element : array_member(root, "added_tokens")) {
    const Object token = object_of(element, "an added token");
    const std::string_view content = text_member(token, "content");
    if (content.empty()) continue;
    for (const char* key : {"single_word", "lstrip", "rstrip"}) {
      if (flag(token, key, false)) {
        refuse_file("\"" + std::string(key) + "\" of the added token " + in_quotes(content) +
                    " is not supported");
      }
    }
    const bool is_normalized = flag(token, "normalized", !flag(token, "special", false));
    if (is_normalized && !parts.normal_steps.empty()) {
      refuse_file("the added token " + in_quotes(content) + " is itself normalized, not supported");
    }
    parts.added.push_back({std::string(content),
                           token_id(member<Element>(token, "id", "a number"), "an added token"),
                           is_normalized});
  }
}

/// "Right" or "Left"; right where it is not there.
RowSide read_direction(Object from) {
  Element found;
  if (!find_member(from, "direction", found)) return RowSide::right;
  const std::string_view name = text_member(from, "direction");
  if (name == "Right") return RowSide::right;
  if (name == "Left") return RowSide::left;
  refuse_file("the direction " + in_quotes(name) + R"( is neither "Right" nor "Left")");
}

/// What of the padding and the truncation is not the lengths, which are the options'.
void read_row(Object root, const TokenizerOptions& options, PairTokenizerParts& parts) {
  Element found;
  if (find_member(root, "truncation", found)) {
    parts.sides.truncation = read_direction(object_of(found, "truncation"));
  }
  if (find_member(root, "padding", found)) {
    const Object padding = object_of(found, "padding");
    parts.pad_id = token_id(member<Element>(padding, "pad_id", "a number"), "padding");
    parts.sides.padding = read_direction(padding);
  } else if (!options.pad_id) {
    refuse_file("it does not say what it pads with: give pad_id");
  }
}

PairTokenizerParts read_parts(std::string_view content, const TokenizerFileOptions& file,
                              const TokenizerOptions& options) {
  if (content.size() > file.max_bytes) {
    refuse_file(std::to_string(content.size()) + " bytes, and at most " +
                std::to_string(file.max_bytes) + " are allowed");
  }
  const simdjson::padded_string padded(content);
  const std::size_t capacity = std::max(content.size() + 1, kSmallestCapacity);
  simdjson::dom::parser parser(capacity);
  if (parser.allocate(capacity, kDeepest) != simdjson::SUCCESS) throw std::bad_alloc();
  Element document;
  if (const auto error = parser.parse(padded).get(document); error != simdjson::SUCCESS) {
    refuse_file(simdjson::error_message(error));
  }
  const Object root = object_of(document, "the file");
  PairTokenizerParts parts{
      read_model(object_of(member<Element>(root, "model", "an object"), "the model"))};
  Element found;
  if (find_member(root, "normalizer", found)) {
    read_normalizer(object_of(found, "the normalizer"), parts.normal_steps);
  }
  bool is_byte_level = false;
  if (find_member(root, "pre_tokenizer", found)) {
    read_pre_tokenizer(object_of(found, "the pre-tokenizer"), parts, is_byte_level);
  }
  if (!is_byte_level) refuse_file("there is no pre-tokenizer ByteLevel: no byte-level BPE");
  if (file.add_special_tokens && find_member(root, "post_processor", found)) {
    read_post_processor(object_of(found, "the post-processor"), parts);
  }
  read_added_tokens(root, parts);
  read_row(root, options, parts);
  parts.description = describe_file("file", file.name, content);
  if (!file.add_special_tokens) parts.description += R"(,"add_special_tokens":false)";
  return parts;
}

PairTokenizerParts read_named_parts(std::string_view content, const TokenizerFileOptions& file,
                                    const TokenizerOptions& options) {
  try {
    return read_parts(content, file, options);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(file.name + ": " + error.what());
  }
}

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_from_file(std::string_view content,
                                                     const TokenizerFileOptions& file,
                                                     const TokenizerOptions& options) {
  options.validate();
  return std::make_shared<const PairTokenizer>(read_named_parts(content, file, options), options);
}

std::shared_ptr<const Tokenizer> hugging_face_clip_tokenizer(const TokenizerOptions& options) {
  const ClipVocabulary& vocabulary = ClipVocabulary::instance();
  std::array<MergeModel::Id, 256> byte_ids{};
  std::array<MergeModel::Id, 256> last_byte_ids{};
  for (unsigned byte = 0; byte < byte_ids.size(); ++byte) {
    byte_ids[byte] = vocabulary.byte_id(static_cast<std::uint8_t>(byte));
    last_byte_ids[byte] = vocabulary.last_byte_id(static_cast<std::uint8_t>(byte));
  }
  std::vector<MergeModel::Merge> merges;
  auto next_id = static_cast<MergeModel::Id>(ClipVocabulary::kFirstMergeId);
  for (const ClipVocabulary::Merge& merge : vocabulary.merges()) {
    merges.push_back({merge.left, merge.right, next_id++});
  }
  PairTokenizerParts parts{MergeModel(byte_ids, last_byte_ids, merges)};
  parts.normal_steps = {NormalStep::nfc, NormalStep::spaces, NormalStep::lowercase};
  parts.splits = {SplitPattern::clip, SplitPattern::gpt2};
  parts.added = {{"<|startoftext|>", ClipTokenizer::kStartId, false},
                 {"<|endoftext|>", ClipTokenizer::kEndId, false}};
  parts.begin_ids = {ClipTokenizer::kStartId};
  parts.end_ids = {ClipTokenizer::kEndId};
  parts.pad_id = ClipTokenizer::kEndId;
  parts.description = R"({"type":"hf_clip")";
  return std::make_shared<const PairTokenizer>(std::move(parts), options);
}

}  // namespace millrace
