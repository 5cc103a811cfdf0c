#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

struct jpeg_common_struct;

namespace millrace {

/// The memory libjpeg works in. libjpeg takes and gives back a dozen blocks for every image; here
/// they come out of one block that stays, so that decoding allocates nothing once it has seen its
/// largest image, and a hostile header cannot ask for more than `limit_bytes`.
///
/// Whatever libjpeg keeps from one image to the next (quantization and Huffman tables that a file
/// may leave out) lives here too and ends with the image: no file sees the tables of the one
/// before.
class JpegMemory {
 public:
  explicit JpegMemory(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  ~JpegMemory() { release(); }
  JpegMemory(const JpegMemory&) = delete;
  JpegMemory& operator=(const JpegMemory&) = delete;

  /// Makes `cinfo`, a jpeg_decompress_struct right after jpeg_create_decompress, take its memory
  /// here. Its client_data must point to this object for as long as it lives.
  static void install(jpeg_common_struct* cinfo);

  /// Ends an image: everything given out is free again.
  void reset();

  /// 64-byte aligned, uninitialised; nullptr where the limit or the machine's memory is reached.
  void* allocate(std::size_t bytes);

  struct VirtualBlocks;
  VirtualBlocks* virtual_blocks = nullptr;  ///< arrays that are asked for but not yet allocated

 private:
  struct Block {
    std::uint8_t* data = nullptr;
    std::size_t bytes = 0;
  };
  void release();

  std::size_t limit_bytes_;
  std::vector<Block> blocks_;
  std::size_t used_in_last_ = 0;
  std::size_t total_bytes_ = 0;
};

}  // namespace millrace
