#pragma once

#include "millrace/loader/json_object-inl.h"
#include "millrace/transforms/column.h"

namespace millrace {

/// `columns` of the options, as options_json.h describes it.
Columns read_columns(const JsonObject& columns);

}  // namespace millrace
