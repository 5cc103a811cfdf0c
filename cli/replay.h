#pragma once

#include <string>

namespace CLI {
class App;
}

namespace millrace::cli {

struct ReplayOptions {
  std::string ledger;
  bool json = false;
};

/// Decodes the bad samples of a ledger again (see ledger_file.h) and prints what becomes of each.
/// Returns the exit code: 0 if none fails any more, 1 if some do, 2 if the ledger cannot be used
/// (then it says why on standard error).
int replay(const ReplayOptions& options);

/// Adds the verb with its options to the program; running it sets `exit_code`.
void add_replay(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
