// Streams one epoch of WebDataset shards as CLIP batches, trains nothing, and reports the speed,
// where the time goes, and every sample that could not be used.
//
//   stream_shards --sources "photos-{000000..000009}.tar"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>

#include "arguments.h"
#include "millrace/loader/loader.h"

namespace {

void report(const millrace::Ledger& ledger) {
  constexpr std::size_t kMostShown = 10;
  std::printf("ledger      %llu expected = %llu delivered + %llu substituted",
              static_cast<unsigned long long>(ledger.expected),
              static_cast<unsigned long long>(ledger.delivered),
              static_cast<unsigned long long>(ledger.substituted));
  for (const auto& [reason, count] : ledger.skipped) {
    std::printf(" + %llu %s", static_cast<unsigned long long>(count), reason.c_str());
  }
  std::printf("\n");
  for (const auto& [reason, count] : ledger.bad_samples) {
    std::printf("bad samples %llu %s\n", static_cast<unsigned long long>(count), reason.c_str());
  }
  for (std::size_t i = 0; i < std::min(kMostShown, ledger.errors.size()); ++i) {
    std::printf("            %s\n", ledger.errors[i].to_string().c_str());
  }
}

int run(int count, char** words) {
  const Arguments arguments(
      count, words,
      {{"sources", ""}, {"batch-size", "64"}, {"image-size", "224"}, {"threads", "0"}});
  millrace::LoaderOptions options;
  options.sources = {arguments.text("sources")};
  options.columns = millrace::clip_columns(static_cast<int>(arguments.whole("image-size")));
  options.batch_size = static_cast<std::size_t>(arguments.whole("batch-size"));
  options.threads = static_cast<std::size_t>(arguments.whole("threads"));
  options.error_budget.share = 1;  // to show every problem rather than stop at the first ones

  millrace::Loader loader(options);
  std::printf("samples     %llu, in %llu batches of %zu\n",
              static_cast<unsigned long long>(loader.samples()),
              static_cast<unsigned long long>(loader.batches()), options.batch_size);
  const auto begin = std::chrono::steady_clock::now();
  while (loader.next()) {
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;

  const millrace::Statistics stats = loader.stats();
  std::printf("speed       %.0f images/s with %zu threads, %.2f s\n",
              static_cast<double>(stats.samples) / elapsed.count(), stats.threads, elapsed.count());
  std::printf("bottleneck  %s\n", stats.bottleneck().c_str());
  for (std::size_t i = 0; i < millrace::kStageCount; ++i) {
    const auto stage = static_cast<millrace::Stage>(i);
    const auto& counter = stats.stages[stage];
    if (counter.items == 0) continue;
    std::printf(
        "            %-9s %8.1f us a sample\n", std::string(stage_name(stage)).c_str(),
        static_cast<double>(counter.nanoseconds) / 1e3 / static_cast<double>(counter.items));
  }
  report(loader.ledger());
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    return run(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stream_shards: %s\n", error.what());
    return 1;
  }
}
