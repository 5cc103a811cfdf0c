#pragma once

#include <string_view>

#include "millrace/formats/read_options.h"

namespace millrace {

/// How files become samples, as one JSON object: the members of ReadOptions (but `fields`) and of
/// its ReadLimits by their names. Lists may be one string. Absent keys keep their defaults. Throws
/// std::invalid_argument: no JSON, a wrong type, an unknown key (with the nearest known one), or a
/// value out of range.
ReadOptions read_options_from_json(std::string_view json);

}  // namespace millrace
