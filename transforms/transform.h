#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/result/result.h"
#include "millrace/transforms/draw.h"
#include "millrace/transforms/stage_times.h"

namespace millrace {

enum class Dtype : std::uint8_t {
  uint8,
  int64,
  float16,
  bfloat16,
  float32,
  float64,
  bytes,  ///< a byte string of its own length per sample; no tensor
};
/// "uint8", "int64", "float16", "bfloat16", "float32", "float64", "bytes".
std::string_view dtype_name(Dtype dtype);
/// 0 for Dtype::bytes.
std::size_t dtype_bytes(Dtype dtype);

/// What a transform makes of one sample; known before the first byte is read.
struct OutputSpec {
  Dtype dtype = Dtype::uint8;
  std::vector<std::int64_t> shape;  ///< per sample, without the batch dimension

  /// Bytes of one sample's slot; 0 for Dtype::bytes.
  std::size_t slot_bytes() const;
};

/// Turns one field's bytes into one slot. Holds the scratch of one thread: use one a thread.
class SlotWriter {
 public:
  virtual ~SlotWriter() = default;
  SlotWriter(const SlotWriter&) = delete;
  SlotWriter& operator=(const SlotWriter&) = delete;

  /// Writes the whole of `slot` (`slot_bytes()` long, aligned for its dtype), or returns an error
  /// without a place (the caller knows it); after an error the slot's content is unspecified.
  /// Whatever is random comes out of `draw`, the sample's: the same bytes for the same arguments.
  virtual Result<void> write(std::span<const std::uint8_t> field, std::span<std::byte> slot,
                             const Draw& draw, StageTimes& times) = 0;
  /// Tells what `write` will be called for next, after what was told before, while all of it stays
  /// where it is: a writer may have a part of its work done together with other writers', or for
  /// several fields at once (DecodedImages). That changes no result. Not every write is announced,
  /// but of the writers that share what is decoded either all are told of a field or none.
  virtual void announce(std::span<const std::uint8_t> /*field*/, const Draw& /*draw*/) {}

 protected:
  SlotWriter() = default;
};

class DecodedImages;

/// A pure function from a field to an output of fixed dtype and shape. Immutable, thread-safe.
class Transform {
 public:
  virtual ~Transform() = default;
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;

  virtual OutputSpec output() const = 0;
  virtual std::unique_ptr<SlotWriter> make_writer() const = 0;
  /// The same for a thread that makes several columns of a sample: what one writer has decoded,
  /// others that were made with the same `decoded` take over. It outlives the writer.
  virtual std::unique_ptr<SlotWriter> make_sharing_writer(DecodedImages& /*decoded*/) const {
    return make_writer();
  }
  /// A JSON object that says all that changes the output, e.g. {"type":"clip_image","size":224}:
  /// part of the dataset's fingerprint.
  virtual std::string describe() const = 0;

 protected:
  Transform() = default;
};

}  // namespace millrace
