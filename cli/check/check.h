#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/formats/read_options.h"
#include "millrace/transforms/column.h"

namespace CLI {
class App;
}

namespace millrace::cli {

struct CheckOptions {
  std::vector<std::string> sources;
  std::string modality = "image";
  std::size_t threads = 0;  ///< 0: the cores this process may use
  std::string image_fields{kImageFields};
  std::string text_fields{kTextFields};
  ReadOptions read;
  std::vector<std::string> placeholders = {"<|reserved_special_token_0|>", "<image>", "<|image|>"};
  int context_length = 77;
  int min_side = 64;
  double max_aspect = 4;
  int near_distance = 3;     ///< bits of the perceptual hash; 0: not looked for
  bool duplicates = true;    ///< false: nothing is kept of each sample
  std::size_t examples = 5;  ///< shown of each kind in the terminal
  std::string spot_check;    ///< "10%" or "200"; empty: none
  std::uint64_t seed = 0;
  bool json = false;
  std::string html;  ///< the file to write; empty: none
  std::uint64_t html_max_mb = 50;
  std::vector<std::string> fail_on = {"error"};
  std::string max_bad;  ///< the tolerated share of findings that fail, "0.1%"; empty: none
};

/// Reads everything that the sources name and prints what is wrong with it. Returns the exit code:
/// 0 if nothing is found of the kinds of `fail_on`, or no more than tolerated, 1 if something is, 2
/// if it could not be looked (then it says why on standard error).
int check(const CheckOptions& options);

/// Adds the verb with its options to the program; running it sets `exit_code`.
void add_check(CLI::App& app, int& exit_code);

}  // namespace millrace::cli
