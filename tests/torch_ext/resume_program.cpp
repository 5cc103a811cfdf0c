// Runs a loader from C++ as a program: resume_program OPTIONS_JSON BATCHES [STATE]. Prints the keys
// of the batches it took on one line, and the state after them on the next.

#include <cstdio>
#include <exception>
#include <string>

#include "millrace/loader/options_json.h"
#include "millrace/torch_ext/data_loader.h"

int main(int count, char** words) {
  if (count < 3) {
    std::fputs("usage: resume_program OPTIONS_JSON BATCHES [STATE]\n", stderr);
    return 2;
  }
  try {
    const auto loader =
        millrace::torch_ext::make_data_loader(millrace::options_from_json(words[1]));
    if (count > 3) loader->load_state(words[3]);
    for (long batches = std::stol(words[2]); batches > 0; --batches) {
      const auto batch = loader->next();
      if (!batch) continue;  // the end of an epoch; the next one follows
      for (const std::string& key : batch->strings("key")) std::printf("%s ", key.c_str());
    }
    std::printf("\n%s\n", loader->state().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "resume_program: %s\n", error.what());
    return 1;
  }
  return 0;
}
