#pragma once

#include <string>

#include <simdjson.h>

#include "millrace/formats/sample.h"

namespace millrace::test {

/// What of a sample differs from a manifest's row (what pyarrow's to_pylist gives, bytes as length
/// and SHA-256), by the rules of read_options.h. Empty: nothing.
std::string difference(simdjson::dom::element golden_row, const Sample& sample);

}  // namespace millrace::test
