#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millrace/transforms/clip_image.h"
#include "millrace/transforms/clip_tokenizer.h"
#include "millrace/transforms/transform.h"

namespace millrace {

/// One output of a batch: which fields of a sample it reads (see FieldSelector for the grammar) and
/// what it makes of them.
struct Column {
  std::string fields;
  std::shared_ptr<const Transform> transform;
};

/// Name -> column, in the order in which batches show them.
using Columns = std::vector<std::pair<std::string, Column>>;

inline constexpr std::string_view kImageFields = "jpg;png;jpeg;webp";
inline constexpr std::string_view kTextFields = "txt;caption;json:caption";

// `fields` is kept as it is: who reads samples checks it. A null transform or tokenizer throws
// std::invalid_argument.

/// An encoded image through `transform`, e.g. `image("jpg;png", clip_transform(224))`.
Column image(std::string fields, std::shared_ptr<const Transform> transform);
/// UTF-8 text to token ids, int64 [context_length]. Nothing but white space is bad_text; invalid
/// UTF-8 is no error (see ClipTokenizer::encode).
Column text(std::string fields, std::shared_ptr<const ClipTokenizer> tokenizer);
/// The bytes as they are (Dtype::bytes). There is no slot (slot_bytes() is 0): whoever makes the
/// batch copies the field itself, and the writer does nothing.
Column raw(std::string fields);
/// A decimal number as text or JSON, one value a sample; `dtype` is float64, float32 or int64.
/// Other text, also true, nan, and for int64 a fraction or an exponent, and numbers out of range
/// are bad_number. Throws std::invalid_argument for another dtype.
Column number(std::string field, Dtype dtype = Dtype::float64);

/// "image": float32 [3, size, size] as open_clip's eval transform makes it; "text": int64 [77].
Columns clip_columns(int size = 224);

}  // namespace millrace
