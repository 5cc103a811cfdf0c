#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "millrace/formats/shard.h"
#include "millrace/result/result.h"

namespace millrace {

/// A shard that is open, and where its samples are.
struct OpenShard {
  std::shared_ptr<const Shard> shard;
  std::vector<std::uint64_t> sample_offsets;
};

/// The shards that are open, of all datasets of a loader: those used last stay open. Who holds a
/// shard keeps it alive besides, and as long as anybody does it is found again without being
/// opened. Thread-safe; finding is one short lock, and none is held while a shard is opened.
class OpenShards {
 public:
  using Shared = std::shared_ptr<const OpenShard>;
  using Open = std::function<Result<Shared>()>;

  /// A shard, by the number of its dataset and its own.
  struct Key {
    std::size_t dataset = 0;
    std::size_t shard = 0;
    bool operator==(const Key&) const = default;
  };

  struct Limits {
    /// Mapped shards kept open of each dataset, and unpacked ones in all. Two windows' worth: at
    /// the border of one the shards of the next are opened. A process may have 65,530 mappings.
    std::size_t shards = 512;
    /// Memory of those kept that are unpacked (Shard::unpacked_bytes), and of those being unpacked.
    /// Those beyond it that are in use add to that.
    std::uint64_t unpacked_bytes = std::uint64_t{4} << 30;
    /// Shards kept open in all, each of which has a file open.
    std::size_t files = most_files();

    /// Half of the files that the process may have open (RLIMIT_NOFILE), for the other half is the
    /// application's, without those that readers open besides.
    static std::size_t most_files();
  };

  explicit OpenShards(const Limits& limits) : limits_(limits), files_(limits.files) {}
  OpenShards(const OpenShards&) = delete;
  OpenShards& operator=(const OpenShards&) = delete;

  const Limits& limits() const { return limits_; }
  /// Unpacked shards that are kept at most, if memory suffices.
  std::size_t most_unpacked() const {
    return std::clamp<std::size_t>(limits_.files / 2, 1, limits_.shards);
  }
  /// Makes room for the mapped shards of one dataset more, and gives its number.
  std::size_t add_dataset();

  /// The shard if it is open, and then as the one used last; else null.
  Shared find(const Key& key);
  /// The shard, opened by `open` unless it is open: by one thread, while others that want the same
  /// one wait for it. `unpacked_bytes`: about how much memory it will take. An error reaches all
  /// who wait, and whoever asks within 16 times as long as it took to come; so what fails slowly
  /// is not tried for each sample. What `open` throws reaches its caller; who waits tries himself.
  Result<Shared> get(const Key& key, std::uint64_t unpacked_bytes, const Open& open);
  /// Opens the shard if nobody has it open, opens it, or failed to of late.
  void open_ahead(const Key& key, std::uint64_t unpacked_bytes, const Open& open);
  /// Makes an open shard the one used last. Returns whether open_ahead() would open it.
  bool renew(const Key& key);

  /// For when the system has no file or mapping left: lets go of all mapped shards, so that those
  /// which nobody holds are closed, and keeps at most half as many from then on. Returns whether
  /// there were any.
  bool drop_mapped();

 private:
  using Clock = std::chrono::steady_clock;
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return key.dataset * std::size_t{0x9e3779b97f4a7c15U} + key.shard;
    }
  };
  /// An opening that goes on, or one that failed.
  struct Opening {
    bool goes_on = true;
    std::optional<Error> error;
    Clock::time_point try_again;
  };
  struct Kept {
    Shared open;
    std::list<Key>::iterator recency;
    std::uint64_t unpacked_bytes;  // as it was counted: a shard may unpack more later
  };
  /// Of mapped or of unpacked shards, the one used last first.
  struct Recency {
    std::list<Key> keys;
    std::uint64_t unpacked_bytes = 0;
  };

  Recency& recency_of(std::uint64_t unpacked_bytes) {
    return unpacked_bytes > 0 ? unpacked_ : mapped_;
  }
  // Freeing what a shard was unpacked to takes its time: what is let go of is destroyed by the
  // caller, once it holds the lock no more.
  using LetGo = std::vector<Shared>;
  // All of these under the lock.
  Shared find_locked(const Key& key, LetGo& let_go);
  bool is_opening_or_failed(const Key& key) const;
  void keep(const Key& key, Shared open, LetGo& let_go);
  void let_go_of_oldest(Recency& recency, LetGo& let_go);
  void make_room(LetGo& let_go);
  Result<Shared> open_locked(std::unique_lock<std::mutex>& lock, const Key& key,
                             std::uint64_t unpacked_bytes, const Open& open, LetGo& let_go);

  Limits limits_;
  std::size_t files_;  // Limits::files, or less since the system had none left
  std::mutex mutex_;
  std::condition_variable opened_;
  std::size_t datasets_ = 0;
  std::unordered_map<Key, Kept, KeyHash> kept_;
  Recency mapped_;
  Recency unpacked_;
  std::uint64_t bytes_being_unpacked_ = 0;
  std::unordered_map<Key, std::shared_ptr<Opening>, KeyHash> openings_;
  // Let go of while somebody held them.
  std::unordered_map<Key, std::weak_ptr<const OpenShard>, KeyHash> held_;
};

}  // namespace millrace
