#include "check/conversations.h"

#include <string_view>
#include <utility>

#include <simdjson.h>

#include "millrace/formats/plain_text.h"

namespace millrace::cli {

namespace {

namespace dom = simdjson::dom;

std::uint64_t occurrences(std::string_view text, std::string_view token) {
  std::uint64_t count = 0;
  for (std::size_t at = text.find(token); at != std::string_view::npos;
       at = text.find(token, at + token.size())) {
    ++count;
  }
  return count;
}

bool names_image(const dom::element& entry) {
  std::string_view type;
  if (entry["type"].get(type) != simdjson::SUCCESS) return true;
  return type.find("image") != std::string_view::npos;
}

}  // namespace

struct ConversationReader::Parts {
  std::vector<std::string> placeholders;
  dom::parser parser;

  void take_text(std::string_view text, Conversation& conversation) const {
    for (const std::string& token : placeholders) {
      conversation.placeholders += occurrences(text, token);
    }
    conversation.texts.emplace_back(text);
  }

  bool take_content(const dom::element& content, Conversation& conversation) const {
    std::string_view text;
    if (content.get(text) == simdjson::SUCCESS) {
      take_text(text, conversation);
      return true;
    }
    if (content.is_null()) return true;
    dom::array parts;
    if (content.get(parts) != simdjson::SUCCESS) return false;
    for (const dom::element part : parts) {
      if (part["text"].get(text) == simdjson::SUCCESS) {
        take_text(text, conversation);
      } else if (part["type"].get(text) == simdjson::SUCCESS &&
                 text.find("image") != std::string_view::npos) {
        ++conversation.placeholders;
      }
    }
    return true;
  }

  Result<Conversation> take_turns(const dom::element& element) const {
    dom::array turns;
    if (element.get(turns) != simdjson::SUCCESS) {
      return fail(Reason::bad_json, "conversations is no list");
    }
    Conversation conversation;
    for (const dom::element turn : turns) {
      dom::element content;
      const bool found = turn["content"].get(content) == simdjson::SUCCESS ||
                         turn["value"].get(content) == simdjson::SUCCESS;
      if (!found || !take_content(content, conversation)) {
        return fail(Reason::bad_json, "conversations: turn " + std::to_string(conversation.turns) +
                                          " has no content");
      }
      ++conversation.turns;
    }
    return conversation;
  }

  Conversation take_only_text(std::string_view text) const {
    Conversation conversation;
    conversation.is_text = true;
    take_text(text, conversation);
    return conversation;
  }

  static Result<std::uint64_t> count_images(const dom::element& element) {
    dom::array entries;
    if (element.get(entries) != simdjson::SUCCESS) {
      return fail(Reason::bad_json, "modalities is no list");
    }
    std::uint64_t images = 0;
    for (const dom::element entry : entries) images += names_image(entry) ? 1 : 0;
    return images;
  }

  // The conversation with the number of its images.
  static Result<std::optional<Conversation>> with_images(Conversation conversation,
                                                         const dom::element& modalities) {
    const auto images = count_images(modalities);
    if (!images) return tl::unexpected<Error>(images.error());
    conversation.modalities = *images;
    return std::optional(std::move(conversation));
  }

  // Of columns; nothing: they hold none.
  Result<std::optional<Conversation>> read_columns(const Sample& sample) {
    const Field* turns = sample.find("conversations");
    const Field* modalities = sample.find("modalities");
    const Field* text = sample.find("text");
    if (turns == nullptr && (modalities == nullptr || text == nullptr)) {
      return std::optional<Conversation>();
    }
    std::optional<Conversation> conversation;
    if (turns != nullptr) {
      const auto root = parse(turns->data, "conversations");
      if (!root) return tl::unexpected<Error>(root.error());
      auto taken = take_turns(*root);
      if (!taken) return tl::unexpected<Error>(std::move(taken.error()));
      conversation = std::move(*taken);
    } else {
      conversation = take_only_text(as_text(text->data));
    }
    if (modalities == nullptr) return conversation;
    const auto list = parse(modalities->data, "modalities");
    if (!list) return tl::unexpected<Error>(list.error());
    return with_images(std::move(*conversation), *list);
  }

  // Of the field `json`; nothing: it holds none.
  Result<std::optional<Conversation>> read_json(const Field& field, const Sample& sample) {
    const auto root = parse(field.data, "json");
    if (!root) return tl::unexpected<Error>(root.error());
    dom::element modalities;
    const bool lists = (*root)["modalities"].get(modalities) == simdjson::SUCCESS;
    dom::element turns;
    if ((*root)["conversations"].get(turns) == simdjson::SUCCESS) {
      auto taken = take_turns(turns);
      if (!taken) return tl::unexpected<Error>(std::move(taken.error()));
      if (!lists) return std::optional(std::move(*taken));
      return with_images(std::move(*taken), modalities);
    }
    if (!lists) return std::optional<Conversation>();
    std::string_view text;
    const Field* txt = sample.find("txt");
    if ((*root)["text"].get(text) == simdjson::SUCCESS) {
      return with_images(take_only_text(text), modalities);
    }
    if (txt == nullptr) return std::optional<Conversation>();
    return with_images(take_only_text(as_text(txt->data)), modalities);
  }

  Result<dom::element> parse(std::span<const std::uint8_t> data, std::string_view what) {
    dom::element root;
    const auto error = parser.parse(as_text(data).data(), data.size()).get(root);
    if (error == simdjson::SUCCESS) return root;
    return fail(Reason::bad_json, std::string(what) + " is not valid JSON: " +
                                      std::string(simdjson::error_message(error)));
  }
};

ConversationReader::ConversationReader(std::vector<std::string> placeholders)
    : parts_(std::make_unique<Parts>()) {
  parts_->placeholders = std::move(placeholders);
}

ConversationReader::~ConversationReader() = default;

Result<std::optional<Conversation>> ConversationReader::read(const Sample& sample) {
  auto of_columns = parts_->read_columns(sample);
  if (!of_columns || *of_columns) return of_columns;
  const Field* field = sample.find("json");
  if (field == nullptr) return std::optional<Conversation>();
  // Most JSON has none: it is not parsed then.
  const std::string_view json = as_text(field->data);
  if (json.find("\"conversations\"") == std::string_view::npos &&
      json.find("\"modalities\"") == std::string_view::npos) {
    return std::optional<Conversation>();
  }
  return parts_->read_json(*field, sample);
}

}  // namespace millrace::cli
