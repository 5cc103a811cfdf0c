#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/transforms/captions/captions.h"
#include "millrace/transforms/steps/clip_image.h"
#include "millrace/transforms/tokenizers/clip_tokenizer.h"
#include "millrace/transforms/transform.h"

namespace millrace {

/// One output of a batch: which fields of a sample it reads (see FieldSelector for the grammar) and
/// what it makes of them.
struct Column {
  std::string fields;
  std::shared_ptr<const Transform> transform;
  /// Of captions: which one. Without, `fields` names one value, of a list the first entry.
  std::optional<Captions> captions = {};

  /// All that it reads: `fields`, or what stands in their place (see Captions).
  std::vector<std::string> selectors() const;
};

/// Name -> column, in the order in which batches show them.
using Columns = std::vector<std::pair<std::string, Column>>;

/// Where image-text datasets of every kind have their images and captions.
inline constexpr std::string_view kImageFields =
    "jpg;png;jpeg;webp;image;image.bytes;bytes;img;modalities.0.value;modalities.0.jpg;"
    "modalities.0.png;modalities.0.webp";
inline constexpr std::string_view kTextFields =
    "txt;caption;captions;texts;text;title;json:caption;json:captions;json:texts;json:text;"
    "json:title";

// `fields` is kept as it is: who reads samples checks it. A null transform or tokenizer throws
// std::invalid_argument.

/// An encoded image through `transform`, e.g. `image("jpg;png", clip_transform(224))`.
Column image(std::string fields, std::shared_ptr<const Transform> transform);
/// UTF-8 text to token ids, int64 [context_length]. Nothing but white space is bad_text, unless
/// captions.empty is keep; invalid UTF-8 is no error (see Tokenizer::encode). With weights or
/// templates `fields` is not looked at and may be empty. Throws as Captions::validate.
Column text(std::string fields, std::shared_ptr<const Tokenizer> tokenizer, Captions captions = {});
/// Which of the ids that `text` gives for the same arguments are the text's own: int64
/// [context_length], 1 for those and 0 for padding. Two columns with the same captions see the same
/// caption.
Column attention_mask(std::string fields, std::shared_ptr<const Tokenizer> tokenizer,
                      Captions captions = {});
/// The bytes as they are (Dtype::bytes). There is no slot (slot_bytes() is 0): whoever makes the
/// batch copies the field itself, and the writer does nothing. With `captions` the text of the
/// caption that a text column with the same ones gets.
Column raw(std::string fields, std::optional<Captions> captions = {});
/// A decimal number as text or JSON, one value a sample; `dtype` is float64, float32 or int64.
/// Other text, also true, nan, and for int64 a fraction or an exponent, and numbers out of range
/// are bad_number. Throws std::invalid_argument for another dtype.
Column number(std::string field, Dtype dtype = Dtype::float64);

/// "image": float32 [3, size, size] as open_clip's eval transform makes it; "text": int64 [77].
Columns clip_columns(int size = 224);

}  // namespace millrace
