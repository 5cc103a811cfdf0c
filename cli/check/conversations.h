#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/formats/sample.h"
#include "millrace/result/result.h"

namespace millrace::cli {

/// What a sample says in turns, or in one text, and of how many images.
struct Conversation {
  bool is_text = false;  ///< one text beside `modalities`, not turns
  std::uint64_t turns = 0;
  std::uint64_t placeholders = 0;
  std::optional<std::uint64_t> modalities;  ///< entries of `modalities` that are images
  std::vector<std::string> texts;           ///< the content of the turns, or the text
};

/// Finds conversations: a field `conversations`, or one of that name in the field `json`, a list of
/// {role, content} or {from, value}; content is a text, or a list of {type, text}, of which those
/// whose type is an image stand for a placeholder. `modalities` is a list in the same place; its
/// entries are images unless their `type` names something else. Where there are modalities and no
/// conversations, the sample says one text: `text` in the same place, else the field `txt`. One a
/// thread.
class ConversationReader {
 public:
  explicit ConversationReader(std::vector<std::string> placeholders);
  ~ConversationReader();
  ConversationReader(const ConversationReader&) = delete;
  ConversationReader& operator=(const ConversationReader&) = delete;

  /// Nothing: the sample has none. Errors: bad_json, not located.
  Result<std::optional<Conversation>> read(const Sample& sample);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace::cli
