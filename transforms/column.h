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

/// An encoded image through `transform`, e.g. `image("jpg;png", clip_transform(224))`.
Column image(std::string fields, std::shared_ptr<const Transform> transform);
/// UTF-8 text to token ids, int64 [context_length].
Column text(std::string fields, std::shared_ptr<const ClipTokenizer> tokenizer);
/// The bytes as they are (Dtype::bytes).
Column raw(std::string fields);
/// A decimal number as text or JSON, one value a sample; `dtype` is float64, float32 or int64.
Column number(std::string field, Dtype dtype = Dtype::float64);

/// "image": float32 [3, size, size] as open_clip's eval transform makes it; "text": int64 [77].
Columns clip_columns(int size = 224);

}  // namespace millrace
