#include <algorithm>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

#include "loader/shards.h"
#include "millrace/loader/block_pool.h"
#include "millrace/loader/loader.h"
#include "scratch_folder.h"
#include "tar_writer.h"

namespace millrace {
namespace {

using test::drain;
using test::make_tar;
using test::ScratchFolder;
using test::Shards;
using test::write_file;

TEST_CASE("substituting keeps batches full, is the same on every run, and is in the ledger") {
  const Shards shards({30, 30}, {3, 4, 17, 59});
  LoaderOptions options = shards.options();
  options.shuffle = true;
  options.shuffle_window = 16;
  std::vector<std::int64_t> first;
  for (const std::size_t threads : {1, 2, 5}) {
    options.threads = threads;
    Loader loader(options);
    const auto all = drain(loader);
    CHECK(all.size() == 60);
    for (const std::int64_t bad : {3, 4, 17, 59})
      CHECK(std::count(all.begin(), all.end(), bad) == 0);
    if (first.empty()) first = all;
    CHECK(all == first);
    const Ledger ledger = loader.ledger();
    CHECK(ledger.expected == 60);
    CHECK(ledger.delivered == 56);
    CHECK(ledger.substituted == 4);
    CHECK(ledger.skipped.empty());
    CHECK(ledger.bad_samples.at("bad_number") == 4);
    CHECK(ledger.accounted() == 60);
  }
}

TEST_CASE("skipping shortens the batch and keeps the others in order with their captions") {
  const Shards shards({20}, {0, 5, 6, 19});
  LoaderOptions options = shards.options();
  options.on_bad_sample = OnBadSample::skip;
  Loader loader(options);
  std::vector<std::int64_t> all;
  while (const std::optional<Batch> batch = loader.next()) {
    const auto values = batch->values<std::int64_t>("n");
    for (std::size_t i = 0; i < batch->size; ++i) {
      all.push_back(values[i]);
      CHECK((*batch)["caption"].strings[i] == "caption " + std::to_string(values[i]));
    }
  }
  CHECK(all == std::vector<std::int64_t>{1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18});
  const Ledger ledger = loader.ledger();
  CHECK(ledger.skipped.at("bad_number") == 4);
  CHECK(ledger.accounted() == ledger.expected);
}

TEST_CASE("a batch of which nothing is left is passed over, not handed out empty") {
  const Shards shards({24}, {8, 9, 10, 11, 12, 13, 14, 15});
  LoaderOptions options = shards.options();
  options.on_bad_sample = OnBadSample::skip;
  Loader loader(options);
  CHECK(loader.next()->size == 8);
  CHECK(loader.next()->size == 8);
  CHECK_FALSE(loader.next().has_value());
  CHECK(loader.ledger().accounted() == 24);
}

TEST_CASE("raising says shard, offset, key and reason, when the batch's turn comes") {
  const Shards shards({10, 10}, {12});
  LoaderOptions options = shards.options();
  options.on_bad_sample = OnBadSample::raise;
  Loader loader(options);
  CHECK(loader.next()->size == 8);
  try {
    static_cast<void>(loader.next());
    FAIL("did not raise");
  } catch (const LoaderError& raised) {
    CHECK(raised.error().reason == Reason::bad_number);
    CHECK(raised.error().shard == shards.paths()[1]);
    CHECK(raised.error().offset_bytes == 2 * 2 * 1024);
    CHECK(raised.error().key == "000012");
  }
  CHECK_THROWS_AS(loader.next(), std::logic_error);
  loader.set_epoch(0);
  CHECK(loader.next()->size == 8);
}

TEST_CASE("a run of bad samples beyond the budget is an error") {
  const Shards shards({40}, {10, 11, 12, 13, 14});
  LoaderOptions options = shards.options();
  options.error_budget.consecutive = 4;
  Loader loader(options);
  CHECK_THROWS_WITH_AS(drain(loader), doctest::Contains("5 bad samples in a row"), LoaderError);
  options.error_budget.consecutive = 5;
  Loader tolerant(options);
  CHECK(drain(tolerant).size() == 40);
}

TEST_CASE("a share of bad samples beyond the budget is an error, once enough were seen") {
  std::set<std::uint64_t> bad;
  for (std::uint64_t n = 0; n < 1200; n += 9) bad.insert(n);
  const Shards shards({1200}, bad);
  LoaderOptions options = shards.options();
  Loader loader(options);
  CHECK_THROWS_WITH_AS(drain(loader), doctest::Contains("error_budget.share"), LoaderError);
  options.error_budget.share = 0.2;
  Loader tolerant(options);
  CHECK(drain(tolerant).size() == 1200);
}

TEST_CASE("where nothing good is left to substitute, that is an error and not a hang") {
  const Shards shards({4}, {0, 1, 2, 3});
  Loader loader(shards.options());
  CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains("could take its place"), LoaderError);
}

TEST_CASE(
    "a bad sample alone in the last block of its lane is substituted from the rest of the lane") {
  const Shards shards({17}, {16});
  LoaderOptions options = shards.options();
  options.shuffle_window = 16;
  Loader last(options);
  CHECK(drain(last).size() == 17);
  options.shuffle_window = 1;
  options.shuffle = true;
  Loader alone(options);
  CHECK(drain(alone).size() == 17);
  CHECK(alone.ledger().substituted == 1);
}

TEST_CASE("what was raised was not delivered: the ledger and the state stay where the caller is") {
  const Shards shards({40}, {13});
  LoaderOptions options = shards.options();
  options.on_bad_sample = OnBadSample::raise;
  for (const std::size_t threads : {1, 4}) {
    options.threads = threads;
    Loader loader(options);
    static_cast<void>(loader.next());
    CHECK_THROWS_AS(loader.next(), LoaderError);
    CHECK(loader.ledger().delivered == 8);
    CHECK(loader.ledger().bad_samples.at("bad_number") == 1);
    CHECK(loader.state().find("\"position\":8,") != std::string::npos);
  }
}

TEST_CASE("of several samples to be raised it is always the first one") {
  std::set<std::uint64_t> bad;
  for (std::uint64_t n = 3; n < 64; ++n) bad.insert(n);
  const Shards shards({64}, bad);
  LoaderOptions options = shards.options();
  options.on_bad_sample = OnBadSample::raise;
  options.batch_size = 64;
  options.threads = 4;
  for (int i = 0; i < 50; ++i) {
    Loader loader(options);
    CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains("key \"000003\""), LoaderError);
  }
}

TEST_CASE("a rank whose batch is bad throughout says so instead of falling out of step") {
  const Shards shards({20}, {1});
  LoaderOptions options = shards.options();
  options.on_bad_sample = OnBadSample::skip;
  options.batch_size = 1;
  options.world_size = 5;
  options.rank = 1;
  Loader loader(options);
  CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains("out of step"), LoaderError);
}

TEST_CASE("where memory for a batch is refused, nothing is booked that was not handed over") {
  const Shards shards({100});
  LoaderOptions options = shards.options();
  options.batch_size = 10;
  BlockPool pool;
  int refuse_at = 6;
  Loader loader(options, [&](const OutputSpec& spec, std::size_t samples) {
    if (--refuse_at == 0) throw std::bad_alloc();
    return pool.take(spec.slot_bytes() * samples);
  });
  std::size_t delivered = 0;
  try {
    while (const std::optional<Batch> batch = loader.next()) delivered += batch->size;
    FAIL("the refusal did not arrive");
  } catch (const std::bad_alloc&) {
    CHECK(loader.ledger().delivered == delivered);
  }
  CHECK_THROWS_AS(loader.next(), std::logic_error);
  Loader again(options);
  again.load_state(loader.state());
  CHECK(drain(again).size() == 100 - delivered);
}

TEST_CASE("a missing field says what was asked for") {
  const ScratchFolder folder;
  folder.write("a.tar", make_tar({{"0.txt", "x"}, {"1.txt", "y"}, {"1.num", "1"}}));
  LoaderOptions options;
  options.sources = {folder.path("a.tar")};
  options.columns = {{"n", number("num;count", Dtype::int64)}};
  options.on_bad_sample = OnBadSample::raise;
  Loader loader(options);
  CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains("num;count"), LoaderError);
}

TEST_CASE("a shard cut anywhere loses its samples loudly and pairs nothing wrongly") {
  const Shards shards({6, 6});
  const std::string whole = [&] {
    test::TarMembers members;
    for (int n = 0; n < 6; ++n) {
      members.emplace_back(std::to_string(n) + ".num", std::to_string(n));
      members.emplace_back(std::to_string(n) + ".txt", "caption " + std::to_string(n));
    }
    return make_tar(members);
  }();
  for (std::size_t cut = 0; cut + 1024 < whole.size(); cut += 37) {
    write_file(shards.paths()[0], whole.substr(0, cut));
    LoaderOptions options = shards.options();
    options.on_bad_sample = OnBadSample::skip;
    Loader loader(options);
    std::size_t delivered = 0;
    while (const std::optional<Batch> batch = loader.next()) {
      const auto values = batch->values<std::int64_t>("n");
      for (std::size_t i = 0; i < batch->size; ++i, ++delivered) {
        CHECK((*batch)["caption"].strings[i] == "caption " + std::to_string(values[i]));
      }
    }
    const Ledger ledger = loader.ledger();
    CAPTURE(cut);
    CHECK(ledger.accounted() == ledger.expected);
    CHECK(ledger.skipped.count("damaged_shard") + ledger.skipped.count("missing_field") > 0);
    CHECK(delivered >= 6);  // the second shard is whole
  }
}

TEST_CASE(
    "a shard that shrinks after it was indexed, or between batches, is an error, not a crash") {
  for (const bool already_open : {false, true}) {
    const Shards shards({16});
    LoaderOptions options = shards.options();
    options.prefetch_batches = 1;
    Loader loader(options);
    if (already_open) {
      // Until both batches are made no worker may be reading: that race is the system's SIGBUS.
      static_cast<void>(loader.next());
      while (loader.stats().stages[Stage::read].items < 16) std::this_thread::yield();
      loader.start_epoch();
    }
    std::filesystem::resize_file(shards.paths()[0], 4096);
    // Opened only now, it is seen not to be the shard that was planned.
    const std::string reason = already_open ? "io_error" : "stale_index";
    CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains(reason.c_str()), LoaderError);
    CHECK(loader.ledger().bad_samples.at(reason) > 0);
  }
}

class ThrowingTransform : public Transform {
 public:
  OutputSpec output() const override { return {Dtype::int64, {}}; }
  std::string describe() const override { return R"({"type":"throwing"})"; }
  std::unique_ptr<SlotWriter> make_writer() const override {
    class Writer : public SlotWriter {
      Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> /*slot*/,
                         const Draw& /*draw*/, StageTimes& /*times*/) override {
        if (field.size() == 2) throw std::runtime_error("a transform of the user's failed");
        return {};
      }
    };
    return std::make_unique<Writer>();
  }
};

TEST_CASE("an exception inside a worker reaches the caller of next, and the loader ends cleanly") {
  const Shards shards({50});
  LoaderOptions options = shards.options();
  options.columns = {{"n", {"num", std::make_shared<ThrowingTransform>()}}};
  for (int i = 0; i < 20; ++i) {
    Loader loader(options);
    CHECK(loader.next()->size == 8);  // one-digit numbers
    CHECK_THROWS_WITH(loader.next(), "a transform of the user's failed");
  }
}

}  // namespace
}  // namespace millrace
