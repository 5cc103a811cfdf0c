#pragma once

#include "millrace/loader/json_object-inl.h"
#include "millrace/transforms/captions/captions.h"

namespace millrace {

/// Captions as one JSON object: {"choice": "random", "weights": {SELECTOR: PROBABILITY, ...},
/// "templates": [...], "clean": [[PATTERN, REPLACEMENT], ...], "empty": "keep"}. What is not given
/// is as in Captions. Throws std::invalid_argument, also as Captions::validate.
Captions read_captions(const JsonObject& from);

}  // namespace millrace
