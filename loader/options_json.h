#pragma once

#include <span>
#include <string>
#include <string_view>

#include "millrace/loader/options.h"

namespace millrace {

/// The options as one JSON object whose keys are the names of LoaderOptions' members: the form in
/// which Python hands them over. Absent keys keep their defaults.
///
/// `columns` is an object, name -> one of
///   {"type": "image", "fields": "jpg;png", "transform": {"type": "clip_image", "size": 224}}
///     (or "clip_pixels"; both take the members of DecodeOptions under their names; or "image"
///     with "decode", "steps", "output", "views" and "stream", see ImageTransformOptions and its
///     describe(); of a step only "step" and "size" must be there; or "image_patches", see
///     PatchOptions),
///   {"type": "text", "fields": "txt", "tokenizer": {"type": "clip", "context_length": 77}},
///   {"type": "raw", "fields": "__key__"},
///     (these two also with "captions": {"choice", "weights": {selector: probability}, "templates",
///     "clean": [[pattern, replacement]], "empty"}, see Captions)
///   {"type": "number", "fields": "json:width", "dtype": "float64"}.
/// `error_budget` is a share or {"share", "consecutive"}; `pin_memory` is "auto", true or false;
/// `sources` is a string or a list of strings; `shuffle_window` a number of samples, or bytes as in
/// "512MiB"; `read` the members of ReadOptions (read_options_json.h); `select` {"shards": [begin,
/// end], "where", "keep_keys", "drop_keys", "every", "every_offset"}; `mixture` a list of {"name",
/// "sources", "weight", "samples_per_epoch", "select", "read"}; `stop_at` "first_exhausted" or
/// "last_exhausted". Throws std::invalid_argument: no JSON, a wrong type, or an unknown key (with
/// the nearest known one).
LoaderOptions options_from_json(std::string_view json);

/// The keys that such an object may have.
std::span<const std::string_view> option_names();

}  // namespace millrace
