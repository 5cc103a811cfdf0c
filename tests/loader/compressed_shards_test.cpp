#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "formats/compressor.h"
#include "loader/shards.h"
#include "millrace/loader/loader.h"
#include "reference_data.h"
#include "scratch_folder.h"
#include "text.h"

namespace millrace {
namespace {

using test::Shards;
using test::text_of;

// The same shards, compressed.
class CompressedShards {
 public:
  CompressedShards(const Shards& shards, const std::string& compression) {
    for (const std::string& path : shards.paths()) {
      const std::string name = std::filesystem::path(path).filename().string();
      paths_.push_back(folder_.write(
          name + "." + compression, test::compressed(compression, text_of(test::read_file(path)))));
    }
  }
  const std::vector<std::string>& paths() const { return paths_; }
  LoaderOptions options(const Shards& shards) const {
    LoaderOptions options = shards.options();
    options.sources = paths_;
    options.use_index = false;
    return options;
  }

 private:
  test::ScratchFolder folder_;
  std::vector<std::string> paths_;
};

std::vector<std::string> captions(Loader& loader) {
  std::vector<std::string> all;
  while (const std::optional<Batch> batch = loader.next()) {
    for (const std::string& caption : (*batch)["caption"].strings) all.push_back(caption);
  }
  return all;
}

TEST_CASE("compressed tars give the batches of the plain ones, on any number of threads") {
  const Shards shards({60, 0, 31, 80, 1, 44}, {7, 100});
  LoaderOptions plain_options = shards.options();
  plain_options.use_index = false;
  Loader plain(plain_options);
  const std::vector<std::string> expected = captions(plain);
  for (const std::string& compression : test::compressions()) {
    CAPTURE(compression);
    const CompressedShards compressed(shards, compression);
    for (const std::size_t threads : {1, 2, 4}) {
      LoaderOptions options = compressed.options(shards);
      options.threads = threads;
      Loader loader(options);
      CHECK(captions(loader) == expected);
      CHECK(loader.ledger().substituted == 2);
    }
  }
}

TEST_CASE("compressed tars: a run goes on in the middle at another world size") {
  const Shards shards(std::vector<std::uint64_t>(12, 25));
  const CompressedShards compressed(shards, "zstd");
  LoaderOptions options = compressed.options(shards);
  options.shuffle = true;
  options.shuffle_window = 60;
  Loader whole(options);
  std::vector<std::int64_t> expected = test::drain(whole);

  Loader first(options);
  std::vector<std::int64_t> delivered;
  for (int batch = 0; batch < 9; ++batch) {
    for (const std::int64_t n : test::numbers(*first.next())) delivered.push_back(n);
  }
  REQUIRE(std::equal(delivered.begin(), delivered.end(), expected.begin()));
  options.world_size = 3;
  for (options.rank = 0; options.rank < 3; ++options.rank) {
    options.threads = 1 + options.rank;
    Loader rank(options);
    rank.load_state(first.state());
    for (const std::int64_t n : test::drain(rank)) delivered.push_back(n);
  }
  std::sort(delivered.begin(), delivered.end());
  std::sort(expected.begin(), expected.end());
  CHECK(delivered == expected);
}

TEST_CASE(
    "of a damaged compressed tar, what came before the damage is delivered and the rest named") {
  const Shards shards({40, 40, 40});
  const CompressedShards compressed(shards, "gzip");
  const std::string whole = text_of(test::read_file(compressed.paths()[1]));
  test::write_file(compressed.paths()[1], whole.substr(0, whole.size() / 2));
  LoaderOptions options = compressed.options(shards);
  options.error_budget.share = 1;
  options.on_bad_sample = OnBadSample::skip;
  Loader loader(options);
  const std::vector<std::int64_t> numbers = test::drain(loader);
  CHECK(numbers.size() > 80);
  CHECK(numbers.size() < 120);
  for (std::int64_t n = 0; n < 40; ++n) {
    CHECK(std::count(numbers.begin(), numbers.end(), n) == 1);
    CHECK(std::count(numbers.begin(), numbers.end(), n + 80) == 1);
  }
  const Ledger ledger = loader.ledger(true);
  CHECK(ledger.accounted() == ledger.expected);
  CHECK(ledger.expected - ledger.delivered >= 1);
  const LedgerAccount& damaged = ledger.shards.at(compressed.paths()[1]);
  CHECK(damaged.expected() - damaged.delivered == ledger.expected - ledger.delivered);
}

}  // namespace
}  // namespace millrace
