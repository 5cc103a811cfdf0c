#include "check/fingerprints.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <tuple>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "check/near_duplicates.h"
#include "run_on_threads.h"

namespace millrace::cli {

namespace {

constexpr int kFragmentBits = 20;
constexpr int kPlaceBits = 64 - kFragmentBits;
constexpr std::uint64_t kFragmentMask = (std::uint64_t{1} << kFragmentBits) - 1;

template <typename T>
void append(std::vector<T>& to, const T& value) {
  if (to.size() == to.capacity()) to.reserve(to.size() + to.size() / 4 + 16);
  to.push_back(value);
}

bool is_larger(const DuplicateGroup& a, const DuplicateGroup& b) {
  return a.size != b.size ? a.size > b.size : a.first.front() < b.first.front();
}

void keep_largest(std::vector<DuplicateGroup>& groups, std::size_t count) {
  std::sort(groups.begin(), groups.end(), is_larger);
  if (groups.size() > count) groups.resize(count);
}

// One group after the other; of the examples the largest stay.
class Collector {
 public:
  explicit Collector(std::size_t examples) : examples_(examples) {}

  void add(std::uint64_t size, std::vector<SamplePlace> places) {
    ++found_.groups;
    found_.extra += size - 1;
    std::sort(places.begin(), places.end());
    if (places.size() > DuplicateGroup::kShown) places.resize(DuplicateGroup::kShown);
    found_.examples.push_back({size, std::move(places)});
    if (found_.examples.size() >= 2 * examples_ + 16) keep_largest(found_.examples, examples_);
  }
  void add(Duplicates&& other) {
    found_.groups += other.groups;
    found_.extra += other.extra;
    std::move(other.examples.begin(), other.examples.end(), std::back_inserter(found_.examples));
    keep_largest(found_.examples, examples_);
  }
  Duplicates take() {
    keep_largest(found_.examples, examples_);
    return std::move(found_);
  }

 private:
  std::size_t examples_;
  Duplicates found_;
};

// Calls group(begin, end) for every run of two or more equal entries of what is sorted.
template <typename T, typename Equal, typename Group>
void for_each_run(const std::vector<T>& sorted, const Equal& equal, const Group& group) {
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin + 1;
    while (end < sorted.size() && equal(sorted[begin], sorted[end])) ++end;
    if (end - begin > 1) group(begin, end);
    begin = end;
  }
}

}  // namespace

bool Fingerprints::Batch::begin_sample(SamplePlace place) {
  fits_ = index_bits_ >= 64 || place.index >> index_bits_ == 0;
  if (!fits_) ++not_compared_;
  place_ = (std::uint64_t{place.shard} << index_bits_ | place.index) << kFragmentBits;
  // A sample without an image is an image of its own where captions are compared.
  fragment_ = XXH3_64bits(&place_, sizeof(place_)) & kFragmentMask;
  return fits_;
}

void Fingerprints::Batch::add_key(std::string_view key) {
  if (fits_) keys_.push_back({XXH3_64bits(key.data(), key.size()), place_});
}

void Fingerprints::Batch::add_image(std::span<const std::uint8_t> bytes,
                                    std::optional<PerceptualHash> looks) {
  if (!fits_) return;
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  fragment_ = hash.high64 & kFragmentMask;
  images_.push_back({hash.low64, looks && !looks->is_flat ? looks->bits : 0, place_ | fragment_});
}

void Fingerprints::Batch::add_caption(std::string_view text) {
  if (fits_) captions_.push_back({XXH3_64bits(text.data(), text.size()), place_ | fragment_});
}

Fingerprints::Fingerprints(std::size_t shards)
    : index_bits_(kPlaceBits - static_cast<int>(std::bit_width(shards))) {}

SamplePlace Fingerprints::place_of(std::uint64_t packed) const {
  const std::uint64_t place = packed >> kFragmentBits;
  return {static_cast<std::uint32_t>(place >> index_bits_),
          place & ((std::uint64_t{1} << index_bits_) - 1)};
}

void Fingerprints::add(Batch& batch) {
  const auto bucket = [](std::uint64_t hash) {
    return static_cast<std::size_t>(hash >> (64 - kBucketBits));
  };
  {
    const std::lock_guard lock(mutex_);
    for (const auto& image : batch.images_) append(images_[bucket(image.hash)], image);
    for (const auto& text : batch.captions_) append(captions_[bucket(text.hash)], text);
    for (const auto& key : batch.keys_) append(keys_[bucket(key.hash)], key);
    not_compared_ += batch.not_compared_;
  }
  batch.images_.clear();
  batch.captions_.clear();
  batch.keys_.clear();
  batch.not_compared_ = 0;
}

// Goes through the buckets in parallel.
class Fingerprints::Finder {
 public:
  using Image = Batch::Image;
  using Text = Batch::Text;

  Finder(Fingerprints& prints, std::size_t examples, std::size_t threads)
      : prints_(prints), examples_(examples), threads_(threads) {}

  Duplicates keys() {
    return over_buckets(prints_.keys_, [this](std::vector<Text>& keys, Collector& found) {
      std::sort(keys.begin(), keys.end(), [](const Text& a, const Text& b) {
        return std::tie(a.hash, a.place) < std::tie(b.hash, b.place);
      });
      const auto equal = [](const Text& a, const Text& b) { return a.hash == b.hash; };
      for_each_run(keys, equal, [&](std::size_t begin, std::size_t end) {
        found.add(end - begin, places(keys, begin, end));
      });
    });
  }

  Duplicates captions() {
    return over_buckets(prints_.captions_, [this](std::vector<Text>& texts, Collector& found) {
      const auto key = [](const Text& text) {
        return std::tuple(text.hash, text.place & kFragmentMask, text.place);
      };
      std::sort(texts.begin(), texts.end(),
                [&](const Text& a, const Text& b) { return key(a) < key(b); });
      // Once for each image that has the text.
      const auto is_again = [](const Text& a, const Text& b) {
        return a.hash == b.hash && ((a.place ^ b.place) & kFragmentMask) == 0;
      };
      texts.erase(std::unique(texts.begin(), texts.end(), is_again), texts.end());
      const auto equal = [](const Text& a, const Text& b) { return a.hash == b.hash; };
      for_each_run(texts, equal, [&](std::size_t begin, std::size_t end) {
        found.add(end - begin, places(texts, begin, end));
      });
    });
  }

  // Fills looks_ with the images that are not flat, equal ones once.
  Duplicates images() {
    return over_buckets(prints_.images_, [this](std::vector<Image>& images, Collector& found) {
      const auto key = [](const Image& image) {
        return std::tuple(image.hash, image.place & kFragmentMask, image.place);
      };
      std::sort(images.begin(), images.end(),
                [&](const Image& a, const Image& b) { return key(a) < key(b); });
      const auto equal = [](const Image& a, const Image& b) {
        return a.hash == b.hash && ((a.place ^ b.place) & kFragmentMask) == 0;
      };
      for_each_run(images, equal, [&](std::size_t begin, std::size_t end) {
        found.add(end - begin, places(images, begin, end));
      });
      images.erase(std::unique(images.begin(), images.end(), equal), images.end());
      const std::lock_guard lock(mutex_);
      for (const Image& image : images) {
        if (image.looks != 0) append(looks_, {image.looks, image.place});
      }
    });
  }

  Duplicates near_images(int distance, std::uint64_t& crowded) {
    std::sort(looks_.begin(), looks_.end(), [](const Text& a, const Text& b) {
      return std::tie(a.hash, a.place) < std::tie(b.hash, b.place);
    });
    std::vector<std::uint64_t> hashes;
    for (const Text& one : looks_) {
      if (hashes.empty() || hashes.back() != one.hash) append(hashes, one.hash);
    }
    DisjointSets sets(hashes.size());
    crowded = find_near_pairs(hashes, distance, threads_,
                              [&](std::size_t i, std::size_t j) { sets.unite(i, j); });
    // The images of a set one behind the other: by the number of its smallest hash.
    std::size_t which = 0;
    std::uint64_t hash = looks_.empty() ? 0 : looks_.front().hash;
    for (Text& one : looks_) {
      if (one.hash != hash) {
        ++which;
        hash = one.hash;
      }
      one.hash = sets.find(which);
    }
    std::sort(looks_.begin(), looks_.end(), [](const Text& a, const Text& b) {
      return std::tie(a.hash, a.place) < std::tie(b.hash, b.place);
    });
    Collector found(examples_);
    const auto equal = [](const Text& a, const Text& b) { return a.hash == b.hash; };
    for_each_run(looks_, equal, [&](std::size_t begin, std::size_t end) {
      found.add(end - begin, places(looks_, begin, end));
    });
    return found.take();
  }

 private:
  template <typename T>
  std::vector<SamplePlace> places(const std::vector<T>& entries, std::size_t begin,
                                  std::size_t end) const {
    std::vector<std::uint64_t> packed;
    packed.reserve(end - begin);
    for (std::size_t i = begin; i < end; ++i) packed.push_back(entries[i].place);
    if (packed.size() > DuplicateGroup::kShown) {
      const auto shown = packed.begin() + DuplicateGroup::kShown;
      std::partial_sort(packed.begin(), shown, packed.end());
      packed.resize(DuplicateGroup::kShown);
    }
    std::vector<SamplePlace> result;
    result.reserve(packed.size());
    for (const std::uint64_t place : packed) result.push_back(prints_.place_of(place));
    return result;
  }

  template <typename T, typename Work>
  Duplicates over_buckets(Buckets<T>& buckets, const Work& work) {
    Collector all(examples_);
    run_on_threads(threads_, kBuckets, [&](std::size_t i) {
      Collector found(examples_);
      work(buckets[i], found);
      std::vector<T>().swap(buckets[i]);
      const std::lock_guard lock(mutex_);
      all.add(found.take());
    });
    return all.take();
  }

  Fingerprints& prints_;
  std::size_t examples_;
  std::size_t threads_;
  std::mutex mutex_;
  std::vector<Text> looks_;  // the perceptual hash in place of the text's
};

FingerprintResults Fingerprints::find(int near_distance, std::size_t examples,
                                      std::size_t threads) {
  Finder finder(*this, examples, threads);
  FingerprintResults results;
  results.keys = finder.keys();
  results.captions = finder.captions();
  results.images = finder.images();
  results.near_images = finder.near_images(near_distance, results.crowded);
  results.not_compared = not_compared_;
  return results;
}

}  // namespace millrace::cli
