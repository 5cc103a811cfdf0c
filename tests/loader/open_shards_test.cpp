#include "millrace/loader/open_shards.h"

#include <atomic>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "loader/random_rounds.h"

namespace millrace {
namespace {

// A shard that says how much memory it has.
class SizedShard final : public Shard {
 public:
  explicit SizedShard(std::uint64_t bytes) : bytes_(bytes) {}
  std::string_view name() const override { return "sized"; }
  Result<ShardIndex> index() const override { return ShardIndex{}; }
  Result<void> read(std::uint64_t, Sample&) const override { return {}; }
  const ByteSource& source() const override { return *source_; }
  std::uint64_t unpacked_bytes() const override { return bytes_; }

 private:
  std::shared_ptr<const ByteSource> source_ = memory_source("sized", {});
  std::uint64_t bytes_;
};

OpenShards::Shared sized(std::uint64_t bytes) {
  return std::make_shared<const OpenShard>(
      OpenShard{std::make_shared<const SizedShard>(bytes), {}});
}

// Gets a shard of `bytes`; whether that opened it.
bool opens(OpenShards& shards, OpenShards::Key key, std::uint64_t bytes) {
  bool opened = false;
  const auto open = shards.get(key, bytes, [&]() -> Result<OpenShards::Shared> {
    opened = true;
    return sized(bytes);
  });
  CHECK(open.has_value());
  return opened;
}

// A table of which nothing is unpacked before it is read.
class GrowingShard final : public Shard {
 public:
  std::string_view name() const override { return "growing"; }
  Result<ShardIndex> index() const override { return ShardIndex{}; }
  Result<void> read(std::uint64_t, Sample&) const override {
    bytes_ = 20;
    return {};
  }
  const ByteSource& source() const override { return *source_; }
  std::uint64_t unpacked_bytes() const override { return bytes_; }

 private:
  std::shared_ptr<const ByteSource> source_ = memory_source("growing", {});
  mutable std::uint64_t bytes_ = 1;
};

TEST_CASE("a shard that unpacks more after it was opened goes for what it was counted") {
  OpenShards shards({512, 30});
  Sample sample;
  {
    const auto growing = shards.get({0, 0}, 1, []() -> Result<OpenShards::Shared> {
      return std::make_shared<const OpenShard>(
          OpenShard{std::make_shared<const GrowingShard>(), {}});
    });
    REQUIRE(growing);
    CHECK((*growing)->shard->read(0, sample));
  }
  CHECK(opens(shards, {0, 1}, 30));  // in place of it
  CHECK(shards.find({0, 0}) == nullptr);
  CHECK(opens(shards, {0, 2}, 10));
  CHECK_FALSE(opens(shards, {0, 2}, 10));
}

TEST_CASE("unpacked shards are kept as far as the memory goes, those used last") {
  OpenShards shards({512, 30});
  for (std::size_t shard = 0; shard < 3; ++shard) CHECK(opens(shards, {0, shard}, 10));
  CHECK_FALSE(opens(shards, {0, 0}, 10));
  CHECK(opens(shards, {0, 3}, 10));  // in place of 1
  CHECK_FALSE(opens(shards, {0, 0}, 10));
  CHECK(opens(shards, {0, 1}, 10));  // in place of 2
  CHECK(shards.find({0, 2}) == nullptr);
  CHECK(shards.find({0, 3}) != nullptr);
  CHECK(opens(shards, {1, 3}, 30));  // another dataset's, as large as all there is
  CHECK(shards.find({0, 3}) == nullptr);
  CHECK_FALSE(opens(shards, {1, 3}, 30));
  CHECK(opens(shards, {1, 4}, 31));  // larger than that: it is nobody's
  CHECK(opens(shards, {1, 4}, 31));
}

TEST_CASE("mapped shards are bound by their number alone, and do not displace unpacked ones") {
  OpenShards shards({4, 30});
  shards.add_dataset();
  CHECK(opens(shards, {0, 100}, 30));
  for (std::size_t shard = 0; shard < 6; ++shard) CHECK(opens(shards, {0, shard}, 0));
  CHECK_FALSE(opens(shards, {0, 100}, 30));
  CHECK_FALSE(opens(shards, {0, 5}, 0));
  CHECK(opens(shards, {0, 0}, 0));
  CHECK(shards.drop_mapped());
  CHECK_FALSE(shards.drop_mapped());
  CHECK(opens(shards, {0, 5}, 0));
  CHECK_FALSE(opens(shards, {0, 100}, 30));
}

TEST_CASE("what somebody holds is found again, however little memory there is") {
  OpenShards shards({512, 0});
  bool opened = false;
  const OpenShards::Open open = [&]() -> Result<OpenShards::Shared> {
    opened = true;
    return sized(10);
  };
  OpenShards::Shared held = *shards.get({0, 7}, 10, open);
  opened = false;
  CHECK(*shards.get({0, 7}, 10, open) == held);
  CHECK(shards.find({0, 7}) == held);
  CHECK_FALSE(shards.renew({0, 7}));
  CHECK_FALSE(opened);
  held = nullptr;
  CHECK(shards.find({0, 7}) == nullptr);
  CHECK(shards.renew({0, 7}));
  shards.open_ahead({0, 7}, 10, open);
  CHECK(opened);
}

TEST_CASE("room is made before a shard is unpacked") {
  OpenShards shards({512, 30});
  CHECK(opens(shards, {0, 0}, 20));
  const auto open = shards.get({0, 1}, 20, [&]() -> Result<OpenShards::Shared> {
    CHECK(shards.find({0, 0}) == nullptr);
    return sized(20);
  });
  CHECK(open.has_value());
}

TEST_CASE("one thread opens a shard while the others wait; other shards are opened meanwhile") {
  OpenShards shards({512, 1000});
  std::atomic<int> openings{0};
  constexpr int kThreads = 6;
  std::latch all_open(2);  // both shards' openings go on at the same time
  std::vector<OpenShards::Shared> found(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        found[i] = *shards.get({0, i % 2}, 10, [&]() -> Result<OpenShards::Shared> {
          ++openings;
          all_open.arrive_and_wait();
          return sized(10);
        });
      });
    }
  }
  CHECK(openings == 2);
  for (std::size_t i = 0; i < kThreads; ++i) CHECK(found[i] == found[i % 2]);
}

TEST_CASE("an error reaches all who wait and is not tried again at once, nor kept for ever") {
  OpenShards shards({512, 1000});
  std::atomic<int> openings{0};
  std::atomic<int> errors{0};
  const OpenShards::Open failing = [&]() -> Result<OpenShards::Shared> {
    ++openings;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return fail(Reason::io_error, "a slow failure");
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto open = shards.get({0, 0}, 10, failing);
        errors += !open && open.error().message == "a slow failure" ? 1 : 0;
      });
    }
  }
  CHECK(errors == 4);
  CHECK(openings == 1);
  CHECK_FALSE(shards.renew({0, 0}));
  shards.open_ahead({0, 0}, 10, failing);
  CHECK(openings == 1);
  const auto begin = std::chrono::steady_clock::now();
  while (!shards.get({0, 0}, 10, []() -> Result<OpenShards::Shared> { return sized(10); })) {
    REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
  }
}

TEST_CASE("what an opener throws ends its own call; who waited tries himself") {
  OpenShards shards({512, 1000});
  std::atomic<int> openings{0};
  std::atomic<int> thrown{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        try {
          const auto open = shards.get({0, 0}, 10, [&]() -> Result<OpenShards::Shared> {
            if (++openings < 3) throw std::runtime_error("no memory");
            return sized(10);
          });
          CHECK(open.has_value());
        } catch (const std::runtime_error&) {
          ++thrown;
        }
      });
    }
  }
  CHECK(openings == 3);
  CHECK(thrown == 2);
  CHECK_FALSE(opens(shards, {0, 0}, 10));
}

TEST_CASE("many threads over few shards and little memory always find theirs") {
  OpenShards shards({3, 40});
  std::atomic<std::uint64_t> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        Random random(i);
        for (int calls = 0; calls < 3000; ++calls) {
          const std::size_t shard = random.below(12);
          const std::uint64_t bytes = shard % 3 * 10;
          const auto open = [&]() -> Result<OpenShards::Shared> {
            if (random.one_in(20)) return fail(Reason::io_error, "by chance");
            return sized(bytes);
          };
          if (random.one_in(4)) {
            if (shards.renew({0, shard})) shards.open_ahead({0, shard}, bytes, open);
          } else if (const auto found = shards.get({0, shard}, bytes, open)) {
            wrong += (*found)->shard->unpacked_bytes() == bytes ? 0 : 1;
          }
          if (random.one_in(100)) shards.drop_mapped();
        }
      });
    }
  }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace millrace
