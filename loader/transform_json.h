#pragma once

#include <memory>
#include <string_view>

#include "millrace/transforms/column.h"
#include "millrace/transforms/decode/decode_options.h"
#include "millrace/transforms/steps/image_transform.h"

namespace millrace {

/// The transform of which `description` is Transform::describe(): what a fingerprint or a ledger
/// says of a column, made again. Every transform that the library has is known here.
/// Throws std::invalid_argument: no such JSON, an unknown type, or a description with members that
/// this version would write otherwise.
std::shared_ptr<const Transform> transform_from_json(std::string_view description);

/// The tokenizer that `description` names, as options have it and Tokenizer::describe() says it:
/// {"type": "clip", "context_length": 77}. Throws std::invalid_argument: no such JSON, an unknown
/// type or member, or a value that the tokenizer refuses.
std::shared_ptr<const Tokenizer> tokenizer_from_json(std::string_view description);

/// The columns of a fingerprint: {name: {"fields", "transform": describe(), "captions"}}, the last
/// where captions_to_json says anything. Throws the same.
Columns columns_from_json(std::string_view description);

/// The members of DecodeOptions as one JSON object, `{"exif_orientation": "apply", "background":
/// [0, 0, 0], ...}`; what is absent keeps its default. Throws the same.
DecodeOptions decode_options_from_json(std::string_view json);

/// The options of an image transform, as `columns` has it (see options_json.h). Throws the same.
ImageTransformOptions image_options_from_json(std::string_view json);

/// The members that are not at their defaults as one JSON object, as options have it; "{}" where
/// all are.
std::string captions_to_json(const Captions& captions);

}  // namespace millrace
