#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "check/perceptual_hash.h"

namespace millrace::cli {

/// A sample: the number of its shard in the list, and its place in the shard's index.
struct SamplePlace {
  std::uint32_t shard = 0;
  std::uint64_t index = 0;
  bool operator==(const SamplePlace&) const = default;
  bool operator<(const SamplePlace& other) const {
    return shard != other.shard ? shard < other.shard : index < other.index;
  }
};

/// Samples that have something in common.
struct DuplicateGroup {
  static constexpr std::size_t kShown = 8;
  std::uint64_t size = 0;
  std::vector<SamplePlace> first;  ///< the first kShown of them, in their order
};

struct Duplicates {
  std::uint64_t groups = 0;
  std::uint64_t extra = 0;               ///< members beyond the first of each group
  std::vector<DuplicateGroup> examples;  ///< the largest groups, of equal ones the first
};

struct FingerprintResults {
  Duplicates keys;
  Duplicates images;
  Duplicates near_images;          ///< of images that are not equal
  Duplicates captions;             ///< the same text on different images: a member for each image
  std::uint64_t not_compared = 0;  ///< samples at places that do not fit (see Fingerprints)
  std::uint64_t crowded = 0;       ///< see find_near_pairs
};

/// What is kept of every sample to find what is there twice: 24 bytes an image, 16 bytes a caption,
/// 16 bytes a key (at most a quarter more, because memory grows in steps); a hundred million
/// samples with one of each take 5.6 to 7 GB. `find` needs some 32 bytes more for each image whose
/// bytes are unique, while those of the others are given up. Hashes are XXH3: of an image 84 bits
/// are kept, of texts and keys 64.
class Fingerprints {
 public:
  explicit Fingerprints(std::size_t shards);

  /// What a thread has found, until it is added.
  class Batch {
   public:
    /// The places of what follows. false if the place does not fit in 44 bits: bits for the number
    /// of the shard, and what is left for the index.
    bool begin_sample(SamplePlace place);
    void add_key(std::string_view key);
    /// An image, before the captions of its sample.
    void add_image(std::span<const std::uint8_t> bytes, std::optional<PerceptualHash> looks);
    void add_caption(std::string_view text);

   private:
    friend class Fingerprints;
    explicit Batch(int index_bits) : index_bits_(index_bits) {}

    struct Image {
      std::uint64_t hash;
      std::uint64_t looks;  // 0: not decoded, or flat
      std::uint64_t place;  // in the upper bits; below them kFragmentBits more of the hash
    };
    struct Text {
      std::uint64_t hash;
      std::uint64_t place;  // below it a fragment of the image's hash
    };
    int index_bits_;
    std::uint64_t place_ = 0;
    std::uint64_t fragment_ = 0;
    bool fits_ = true;
    std::uint64_t not_compared_ = 0;
    std::vector<Image> images_;
    std::vector<Text> captions_;
    std::vector<Text> keys_;
  };

  Batch make_batch() const { return Batch(index_bits_); }
  /// Takes what is in the batch and empties it. Thread-safe.
  void add(Batch& batch);

  /// Once, at the end: gives up what was kept. `examples`: how many groups are shown of each.
  FingerprintResults find(int near_distance, std::size_t examples, std::size_t threads);

 private:
  // By the upper bits of the hash, so that each bucket is sorted on its own.
  static constexpr std::size_t kBucketBits = 6;
  static constexpr std::size_t kBuckets = std::size_t{1} << kBucketBits;
  template <typename T>
  using Buckets = std::array<std::vector<T>, kBuckets>;
  class Finder;

  SamplePlace place_of(std::uint64_t packed) const;

  int index_bits_;
  std::mutex mutex_;
  Buckets<Batch::Image> images_;
  Buckets<Batch::Text> captions_;
  Buckets<Batch::Text> keys_;
  std::uint64_t not_compared_ = 0;
};

}  // namespace millrace::cli
