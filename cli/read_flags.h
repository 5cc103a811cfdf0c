#pragma once

#include <cstddef>

#include "millrace/formats/read_options.h"

namespace CLI {
class App;
}

namespace millrace::cli {

/// Adds the options that say how files become samples, which all verbs that read samples have.
void add_read_flags(CLI::App& verb, ReadOptions& read);

/// Adds --threads, also by the name that Python's tools have for it.
void add_threads_flag(CLI::App& verb, std::size_t& threads);

}  // namespace millrace::cli
