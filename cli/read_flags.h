#pragma once

#include "millrace/formats/read_options.h"

namespace CLI {
class App;
}

namespace millrace::cli {

/// Adds the options that say how files become samples, which all verbs that read samples have.
void add_read_flags(CLI::App& verb, ReadOptions& read);

}  // namespace millrace::cli
