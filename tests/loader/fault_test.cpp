#include <atomic>
#include <chrono>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "loader/shards.h"
#include "millrace/loader/block_pool.h"
#include "millrace/loader/loader.h"

namespace millrace {
namespace {

using test::Shards;

// Faults that come by chance: one in so many calls; 0: never.
struct Faults {
  std::uint32_t not_opened = 0;
  std::uint32_t not_read = 0;
  std::uint32_t slow = 0;
  std::uint32_t transform_throws = 0;
  std::uint32_t no_memory = 0;
};

bool strikes(std::uint32_t one_in) {
  thread_local std::mt19937 engine(std::random_device{}());
  return one_in > 0 && engine() % one_in == 0;
}

void dawdle(std::uint32_t one_in) {
  if (strikes(one_in)) std::this_thread::sleep_for(std::chrono::microseconds(300));
}

// A shard on a failing disk.
class FaultyShard : public Shard {
 public:
  FaultyShard(std::shared_ptr<const Shard> shard, const Faults& faults)
      : shard_(std::move(shard)), faults_(faults) {}
  std::string_view name() const override { return shard_->name(); }
  Result<ShardIndex> index() const override { return shard_->index(); }
  Result<void> read(std::uint64_t offset_bytes, Sample& sample) const override {
    dawdle(faults_.slow);
    if (strikes(faults_.not_read)) {
      return tl::unexpected<Error>(
          {Reason::io_error, "Input/output error", std::string(name()), offset_bytes, {}});
    }
    return shard_->read(offset_bytes, sample);
  }
  const ByteSource& source() const override { return shard_->source(); }

 private:
  std::shared_ptr<const Shard> shard_;
  Faults faults_;
};

ShardOpener opener(const Faults& faults) {
  return [faults](const std::string& path) -> Result<std::shared_ptr<const Shard>> {
    dawdle(faults.slow);
    if (strikes(faults.not_opened)) return fail(Reason::io_error, "No such file or directory");
    auto shard = open_shard(path);
    if (!shard) return shard;
    return std::shared_ptr<const Shard>(std::make_shared<FaultyShard>(std::move(*shard), faults));
  };
}

class FaultyTransform : public Transform {
 public:
  explicit FaultyTransform(const Faults& faults) : faults_(faults) {}
  OutputSpec output() const override { return {Dtype::int64, {}}; }
  std::string describe() const override { return R"({"type":"faulty"})"; }
  std::unique_ptr<SlotWriter> make_writer() const override {
    return std::make_unique<Writer>(faults_);
  }

 private:
  class Writer : public SlotWriter {
   public:
    explicit Writer(const Faults& faults) : faults_(faults) {}
    Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                       const Draw& draw, StageTimes& times) override {
      dawdle(faults_.slow);
      if (strikes(faults_.transform_throws)) throw std::runtime_error("a transform failed");
      return writer_->write(field, slot, draw, times);
    }

   private:
    Faults faults_;
    std::unique_ptr<SlotWriter> writer_ = number("num", Dtype::int64).transform->make_writer();
  };
  Faults faults_;
};

TEST_CASE("whatever fails, and whenever it is stopped, a loader ends cleanly and its sums hold") {
  const Shards shards({60, 41, 80}, {7, 100});
  std::mt19937_64 random(9);
  std::uint64_t failed = 0;
  std::uint64_t batches = 0;
  constexpr int kLoaders = 400;
  for (int i = 0; i < kLoaders; ++i) {
    const auto chance = [&](std::uint32_t one_in) {
      return random() % 2 == 0 ? 0 : static_cast<std::uint32_t>(1 + random() % one_in);
    };
    const Faults faults{chance(40), chance(100), chance(40), chance(400), chance(60)};
    LoaderOptions options = shards.options();
    options.columns[0].second.transform = std::make_shared<FaultyTransform>(faults);
    options.use_index = false;
    options.open_shard = opener(faults);
    options.shuffle = random() % 2 == 0;
    options.batch_size = 1 + random() % 40;
    options.threads = 1 + random() % 6;
    options.prefetch_batches = 1 + random() % 6;
    options.on_bad_sample = static_cast<OnBadSample>(random() % 3);
    BlockPool pool;
    try {
      Loader loader(options, [&](const OutputSpec& spec, std::size_t samples) {
        if (strikes(faults.no_memory)) throw std::bad_alloc();
        return pool.take(spec.slot_bytes() * samples);
      });
      std::string state = loader.state();
      for (std::uint64_t calls = random() % 20; calls > 0; --calls) {
        const Ledger before = loader.ledger();
        try {
          const std::optional<Batch> batch = loader.next();
          ++batches;
          state = loader.state();
          const Ledger ledger = loader.ledger(true);
          CHECK(ledger.accounted() <= ledger.expected);
          if (!batch) CHECK(ledger.accounted() == ledger.expected);
        } catch (const std::exception&) {
          ++failed;
          // Nothing was handed over, so nothing is booked. (A batch that is skipped whole is.)
          if (options.on_bad_sample != OnBadSample::skip) {
            const Ledger after = loader.ledger();
            CHECK(after.accounted() == (after.epoch == before.epoch ? before.accounted() : 0));
            CHECK(loader.state() == state);
          }
          CHECK_THROWS_AS(static_cast<void>(loader.next()), std::logic_error);
          loader.load_state(loader.state());
        }
      }
    } catch (const LoaderError&) {
      ++failed;  // while the headers were walked
    }
  }
  MESSAGE(kLoaders << " loaders, " << batches << " batches, " << failed << " failures");
  CHECK(failed > 100);
}

TEST_CASE("shards are opened in the way that the options say, for their index and for reading") {
  const Shards shards({20, 30});
  LoaderOptions options = shards.options();
  options.use_index = false;
  auto opened = std::make_shared<std::atomic<int>>(0);
  options.open_shard = [opened](const std::string& path) {
    ++*opened;
    return open_shard(path);
  };
  Loader loader(options);
  CHECK(*opened == 2);
  CHECK(test::drain(loader).size() == 50);
  CHECK(*opened == 4);
}

}  // namespace
}  // namespace millrace
