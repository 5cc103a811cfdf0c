#pragma once

#include "millrace/formats/read_options.h"
#include "millrace/loader/json_object-inl.h"

namespace millrace {

/// See read_options_json.h. What is not given stays as in `defaults`.
ReadOptions read_read_options(const JsonObject& from, ReadOptions defaults = {});

}  // namespace millrace
