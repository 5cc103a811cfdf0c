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

  static Result<std::uint64_t> count_images(const dom::element& element) {
    dom::array entries;
    if (element.get(entries) != simdjson::SUCCESS) {
      return fail(Reason::bad_json, "modalities is no list");
    }
    std::uint64_t images = 0;
    for (const dom::element entry : entries) images += names_image(entry) ? 1 : 0;
    return images;
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
  if (const Field* field = sample.find("conversations")) {
    const auto root = parts_->parse(field->data, "conversations");
    if (!root) return tl::unexpected<Error>(root.error());
    auto conversation = parts_->take_turns(*root);
    if (!conversation) return tl::unexpected<Error>(std::move(conversation.error()));
    if (const Field* modalities = sample.find("modalities")) {
      const auto list = parts_->parse(modalities->data, "modalities");
      if (!list) return tl::unexpected<Error>(list.error());
      const auto images = Parts::count_images(*list);
      if (!images) return tl::unexpected<Error>(images.error());
      conversation->modalities = *images;
    }
    return std::optional(std::move(*conversation));
  }
  const Field* field = sample.find("json");
  // Most JSON has none: it is not parsed then.
  if (field == nullptr ||
      as_text(field->data).find("\"conversations\"") == std::string_view::npos) {
    return std::optional<Conversation>();
  }
  const auto root = parts_->parse(field->data, "json");
  if (!root) return tl::unexpected<Error>(root.error());
  dom::element found;
  if ((*root)["conversations"].get(found) != simdjson::SUCCESS) {
    return std::optional<Conversation>();
  }
  auto conversation = parts_->take_turns(found);
  if (!conversation) return tl::unexpected<Error>(std::move(conversation.error()));
  if ((*root)["modalities"].get(found) == simdjson::SUCCESS) {
    const auto images = Parts::count_images(found);
    if (!images) return tl::unexpected<Error>(images.error());
    conversation->modalities = *images;
  }
  return std::optional(std::move(*conversation));
}

}  // namespace millrace::cli
