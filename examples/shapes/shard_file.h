#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace shapes {

/// Writes a WebDataset shard: a ustar archive under a temporary name, which takes its own name only
/// when `finish` has found everything written. Same members in, same bytes out.
/// Every function throws std::runtime_error with the path and the system's reason.
class ShardFile {
 public:
  explicit ShardFile(std::string path);
  ~ShardFile();
  ShardFile(const ShardFile&) = delete;
  ShardFile& operator=(const ShardFile&) = delete;

  void add(const std::string& name, std::span<const std::uint8_t> data);
  void add(const std::string& name, const std::string& text);
  void finish();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace shapes
