// A run over any format is the run over plain tars: the same samples in the same order, at any
// number of threads, resumed anywhere at any world size.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "millrace/loader/loader.h"
#include "scratch_folder.h"
#include "specimens.h"

namespace millrace {
namespace {

using test::make_specimen;
using test::ScratchFolder;
using test::Specimen;
using test::specimen_caption;
using test::specimen_image;

constexpr std::size_t kSamples = 60;

LoaderOptions options_of(const Specimen& specimen) {
  LoaderOptions options;
  options.sources = {specimen.path};
  options.read = specimen.options;
  options.use_index = false;
  options.columns = {{"image", raw(std::string(kImageFields))},
                     {"text", raw(std::string(kTextFields), Captions{})}};
  options.batch_size = 4;
  options.threads = 2;
  options.seed = 7;
  return options;
}

// (image, caption) of a whole epoch, or of so many batches.
using Delivered = std::vector<std::pair<std::string, std::string>>;

void take(Loader& loader, Delivered& delivered, std::size_t batches = SIZE_MAX) {
  while (batches-- > 0) {
    const auto batch = loader.next();
    if (!batch) return;
    const auto& images = batch->columns.at(0).strings;
    const auto& texts = batch->columns.at(1).strings;
    for (std::size_t i = 0; i < batch->size; ++i) delivered.emplace_back(images[i], texts[i]);
  }
}

Delivered epoch(const LoaderOptions& options) {
  Loader loader(options);
  Delivered delivered;
  take(loader, delivered);
  const Ledger ledger = loader.ledger();
  CHECK(ledger.delivered == ledger.expected);
  return delivered;
}

Delivered in_order() {
  Delivered all;
  for (std::size_t i = 0; i < kSamples; ++i) {
    all.emplace_back(specimen_image(i), specimen_caption(i));
  }
  return all;
}

// Captions rise with the number of the sample.
Delivered sorted(Delivered delivered) {
  std::sort(delivered.begin(), delivered.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  return delivered;
}

LoaderOptions shuffled_options(const Specimen& specimen) {
  LoaderOptions options = options_of(specimen);
  options.shuffle = true;
  options.shuffle_window = 16;
  return options;
}

// Small datasets are shuffled alike, whether they are unpacked or not.
Delivered shuffled_tar() {
  const ScratchFolder folder;
  return epoch(shuffled_options(make_specimen("tar", kSamples, folder)));
}

void check_run(const Specimen& specimen) {
  CHECK(epoch(options_of(specimen)) == in_order());

  LoaderOptions options = shuffled_options(specimen);
  const Delivered shuffled = epoch(options);
  CHECK(sorted(shuffled) == in_order());
  CHECK(shuffled == shuffled_tar());
  for (const std::size_t threads : {1U, 5U}) {
    options.threads = threads;
    CHECK(epoch(options) == shuffled);
  }

  // Broken off after 3 batches, and gone on with by 3 ranks.
  Loader first(options);
  Delivered delivered;
  take(first, delivered, 3);
  const std::string state = first.state();
  std::vector<Delivered> ranks(3);
  for (std::uint64_t rank = 0; rank < 3; ++rank) {
    options.rank = rank;
    options.world_size = 3;
    Loader loader(options);
    loader.load_state(state);
    take(loader, ranks[rank]);
  }
  for (std::size_t i = 0; i < ranks[0].size(); ++i) {
    for (const Delivered& rank : ranks) delivered.push_back(rank.at(i));
  }
  delivered.resize(kSamples);  // the last round is padded
  CHECK(delivered == shuffled);
}

TEST_CASE("a run over any format is exact, shuffled and resumed") {
  for (const std::string& format : test::specimen_formats()) {
    SUBCASE(format.c_str()) {
      const ScratchFolder folder;
      check_run(make_specimen(format, kSamples, folder));
    }
  }
}

TEST_CASE("formats are mixed like any sources") {
  const ScratchFolder lines;
  const ScratchFolder shards;
  const Specimen jsonl = make_specimen("jsonl", kSamples, lines);
  const Specimen packed = make_specimen("tar.gz", kSamples, shards);
  LoaderOptions options = options_of(jsonl);
  options.sources.clear();
  options.mixture.resize(2);
  options.mixture[0].sources = {jsonl.path};
  options.mixture[1].sources = {packed.path};
  options.shuffle = true;
  std::map<std::string, int> seen;
  for (const auto& [image, text] : epoch(options)) ++seen[text];
  CHECK(seen.size() == kSamples);
  for (const auto& [text, times] : seen) CHECK(times == 2);
}

}  // namespace
}  // namespace millrace
