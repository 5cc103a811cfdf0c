#include "millrace/transforms/jpeg/jpeg_memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include <jpeglib.h>

#include <jerror.h>

namespace millrace {

struct JpegMemory::VirtualBlocks {
  JBLOCKARRAY rows;
  JDIMENSION blocks_per_row;
  JDIMENSION row_count;
  bool zeroed;
  VirtualBlocks* next;
};

namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kFirstBlockBytes = std::size_t{256} << 10;
constexpr std::size_t kKeepBytes = std::size_t{32} << 20;

JpegMemory& memory_of(j_common_ptr cinfo) { return *static_cast<JpegMemory*>(cinfo->client_data); }

// libjpeg's ERREXIT macros are C: these do the same without their casts.
[[noreturn]] void give_up(j_common_ptr cinfo, int code) {
  cinfo->err->msg_code = code;
  cinfo->err->error_exit(cinfo);
  std::abort();  // error_exit does not return
}

void* take(j_common_ptr cinfo, std::size_t bytes) {
  void* memory = memory_of(cinfo).allocate(bytes);
  if (memory == nullptr) give_up(cinfo, JERR_OUT_OF_MEMORY);
  return memory;
}

/// Rows of `row_bytes` each, the beginning of every row aligned for the SIMD code that reads and
/// writes whole vectors past the last sample.
void** take_rows(j_common_ptr cinfo, std::size_t row_bytes, std::size_t row_count) {
  const std::size_t stride = (row_bytes + kAlignment - 1) / kAlignment * kAlignment;
  auto** rows = static_cast<void**>(take(cinfo, row_count * sizeof(void*)));
  auto* samples = static_cast<std::uint8_t*>(take(cinfo, stride * row_count));
  for (std::size_t i = 0; i < row_count; ++i) rows[i] = samples + i * stride;
  return rows;
}

}  // namespace

// libjpeg calls these through its table of C function pointers.
extern "C" {

static void* millrace_jpeg_alloc(j_common_ptr cinfo, int /*pool*/, std::size_t bytes) {
  return take(cinfo, bytes);
}

static JSAMPARRAY millrace_jpeg_alloc_samples(j_common_ptr cinfo, int /*pool*/, JDIMENSION width,
                                              JDIMENSION row_count) {
  return reinterpret_cast<JSAMPARRAY>(take_rows(cinfo, std::size_t{width}, row_count));
}

static JBLOCKARRAY millrace_jpeg_alloc_blocks(j_common_ptr cinfo, int /*pool*/, JDIMENSION width,
                                              JDIMENSION row_count) {
  return reinterpret_cast<JBLOCKARRAY>(
      take_rows(cinfo, std::size_t{width} * sizeof(JBLOCK), row_count));
}

static jvirt_sarray_ptr millrace_jpeg_request_samples(j_common_ptr cinfo, int /*pool*/,
                                                      boolean /*zeroed*/, JDIMENSION /*width*/,
                                                      JDIMENSION /*rows*/, JDIMENSION /*access*/) {
  // Only colour quantization asks for these, and nothing here quantizes.
  give_up(cinfo, JERR_NOT_COMPILED);
}

static jvirt_barray_ptr millrace_jpeg_request_blocks(j_common_ptr cinfo, int /*pool*/,
                                                     boolean zeroed, JDIMENSION width,
                                                     JDIMENSION rows, JDIMENSION /*access*/) {
  auto& memory = memory_of(cinfo);
  auto* array =
      static_cast<JpegMemory::VirtualBlocks*>(take(cinfo, sizeof(JpegMemory::VirtualBlocks)));
  *array = {nullptr, width, rows, zeroed != FALSE, memory.virtual_blocks};
  memory.virtual_blocks = array;
  return reinterpret_cast<jvirt_barray_ptr>(array);
}

static void millrace_jpeg_realize(j_common_ptr cinfo) {
  auto& memory = memory_of(cinfo);
  for (; memory.virtual_blocks != nullptr; memory.virtual_blocks = memory.virtual_blocks->next) {
    JpegMemory::VirtualBlocks& array = *memory.virtual_blocks;
    array.rows =
        millrace_jpeg_alloc_blocks(cinfo, JPOOL_IMAGE, array.blocks_per_row, array.row_count);
    if (!array.zeroed) continue;
    for (JDIMENSION y = 0; y < array.row_count; ++y) {
      std::memset(array.rows[y], 0, std::size_t{array.blocks_per_row} * sizeof(JBLOCK));
    }
  }
}

static JSAMPARRAY millrace_jpeg_access_samples(j_common_ptr cinfo, jvirt_sarray_ptr /*array*/,
                                               JDIMENSION /*first*/, JDIMENSION /*rows*/,
                                               boolean /*writable*/) {
  give_up(cinfo, JERR_NOT_COMPILED);
}

static JBLOCKARRAY millrace_jpeg_access_blocks(j_common_ptr cinfo, jvirt_barray_ptr pointer,
                                               JDIMENSION first, JDIMENSION rows,
                                               boolean /*writable*/) {
  const auto& array = *reinterpret_cast<const JpegMemory::VirtualBlocks*>(pointer);
  if (array.rows == nullptr || first > array.row_count || rows > array.row_count - first) {
    give_up(cinfo, JERR_BAD_VIRTUAL_ACCESS);
  }
  return array.rows + first;
}

static void millrace_jpeg_free_pool(j_common_ptr /*cinfo*/, int /*pool*/) {
  // JpegMemory::reset frees everything, between images.
}

}  // extern "C"

void JpegMemory::install(jpeg_common_struct* cinfo) {
  jpeg_memory_mgr& table = *cinfo->mem;
  table.alloc_small = millrace_jpeg_alloc;
  table.alloc_large = millrace_jpeg_alloc;
  table.alloc_sarray = millrace_jpeg_alloc_samples;
  table.alloc_barray = millrace_jpeg_alloc_blocks;
  table.request_virt_sarray = millrace_jpeg_request_samples;
  table.request_virt_barray = millrace_jpeg_request_blocks;
  table.realize_virt_arrays = millrace_jpeg_realize;
  table.access_virt_sarray = millrace_jpeg_access_samples;
  table.access_virt_barray = millrace_jpeg_access_blocks;
  table.free_pool = millrace_jpeg_free_pool;
}

void JpegMemory::reset() {
  virtual_blocks = nullptr;
  used_in_last_ = 0;
  if (blocks_.size() <= 1 && total_bytes_ <= kKeepBytes) return;
  // Next time one block that holds as much.
  const std::size_t wanted = total_bytes_;
  release();
  if (wanted <= kKeepBytes && allocate(wanted) != nullptr) used_in_last_ = 0;
}

void JpegMemory::release() {
  for (const Block& block : blocks_) std::free(block.data);  // NOLINT: from aligned_alloc
  blocks_.clear();
  used_in_last_ = 0;
  total_bytes_ = 0;
}

void* JpegMemory::allocate(std::size_t bytes) {
  if (bytes > limit_bytes_) return nullptr;
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (blocks_.empty() || blocks_.back().bytes - used_in_last_ < bytes) {
    const std::size_t fresh_bytes = std::max(bytes, kFirstBlockBytes);
    if (fresh_bytes > limit_bytes_ || total_bytes_ > limit_bytes_ - fresh_bytes) return nullptr;
    try {
      blocks_.reserve(blocks_.size() + 1);
    } catch (const std::bad_alloc&) {
      return nullptr;  // libjpeg is C: it must see no exception
    }
    auto* data = static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, fresh_bytes));
    if (data == nullptr) return nullptr;
    blocks_.push_back({data, fresh_bytes});
    total_bytes_ += fresh_bytes;
    used_in_last_ = 0;
  }
  void* memory = blocks_.back().data + used_in_last_;
  used_in_last_ += bytes;
  return memory;
}

}  // namespace millrace
