#include "millrace/loader/block_pool.h"

#include <cstdint>
#include <optional>

#include <doctest/doctest.h>

namespace millrace {
namespace {

TEST_CASE("a block that was let go is used again for the same size") {
  BlockPool pool;
  BatchMemory first = pool.take(1000);
  const std::byte* at = first.bytes.data();
  CHECK(first.bytes.size() == 1000);
  CHECK(reinterpret_cast<std::uintptr_t>(at) % 64 == 0);
  first.owner.reset();
  CHECK(pool.take(1000).bytes.data() == at);
}

TEST_CASE("blocks in use are never handed out twice") {
  BlockPool pool;
  const BatchMemory first = pool.take(1 << 22);
  const BatchMemory second = pool.take(1 << 22);
  CHECK(first.bytes.data() != second.bytes.data());
}

TEST_CASE("a block may outlive its pool") {
  std::optional<BlockPool> pool(std::in_place);
  const BatchMemory memory = pool->take(100);
  pool.reset();
  memory.bytes[99] = std::byte{1};
  CHECK(memory.bytes[99] == std::byte{1});
}

}  // namespace
}  // namespace millrace
