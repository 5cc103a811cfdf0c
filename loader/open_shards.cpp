#include "millrace/loader/open_shards.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace millrace {

namespace {

constexpr int kRestOfFailures = 16;  // times as long as the failure took

}  // namespace

std::size_t OpenShards::Limits::most_files() {
  // Of each thread a file that a sample is read from; of datasets their indexes and folders.
  constexpr rlim_t kBesides = 64;
  constexpr rlim_t kLeast = 16;
  constexpr rlim_t kMost = 1 << 20;
  rlimit files = {};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return kMost;
  const rlim_t half = std::min(kMost, files.rlim_cur / 2);
  return std::max(kLeast, half - std::min(half, kBesides));
}

std::size_t OpenShards::add_dataset() {
  const std::lock_guard lock(mutex_);
  return datasets_++;
}

OpenShards::Shared OpenShards::find(const Key& key) {
  LetGo let_go;
  const std::lock_guard lock(mutex_);
  return find_locked(key, let_go);
}

OpenShards::Shared OpenShards::find_locked(const Key& key, LetGo& let_go) {
  if (const auto found = kept_.find(key); found != kept_.end()) {
    std::list<Key>& recent = recency_of(found->second.unpacked_bytes).keys;
    recent.splice(recent.begin(), recent, found->second.recency);
    return found->second.open;
  }
  if (held_.empty()) return nullptr;
  const auto held = held_.find(key);
  if (held == held_.end()) return nullptr;
  Shared open = held->second.lock();
  held_.erase(held);
  if (open != nullptr) keep(key, open, let_go);
  return open;
}

Result<OpenShards::Shared> OpenShards::get(const Key& key, std::uint64_t unpacked_bytes,
                                           const Open& open) {
  LetGo let_go;
  std::unique_lock lock(mutex_);
  while (true) {
    if (Shared found = find_locked(key, let_go)) return found;
    const auto found = openings_.find(key);
    if (found == openings_.end()) return open_locked(lock, key, unpacked_bytes, open, let_go);
    const std::shared_ptr<Opening> opening = found->second;
    if (opening->goes_on) {
      opened_.wait(lock, [&] { return !opening->goes_on; });
      if (opening->error) return tl::unexpected<Error>(*opening->error);
      continue;
    }
    if (Clock::now() < opening->try_again) return tl::unexpected<Error>(*opening->error);
    return open_locked(lock, key, unpacked_bytes, open, let_go);
  }
}

bool OpenShards::is_opening_or_failed(const Key& key) const {
  const auto found = openings_.find(key);
  return found != openings_.end() &&
         (found->second->goes_on || Clock::now() < found->second->try_again);
}

bool OpenShards::renew(const Key& key) {
  LetGo let_go;
  const std::lock_guard lock(mutex_);
  return find_locked(key, let_go) == nullptr && !is_opening_or_failed(key);
}

void OpenShards::open_ahead(const Key& key, std::uint64_t unpacked_bytes, const Open& open) {
  LetGo let_go;
  std::unique_lock lock(mutex_);
  if (find_locked(key, let_go) != nullptr || is_opening_or_failed(key)) return;
  static_cast<void>(open_locked(lock, key, unpacked_bytes, open, let_go));
}

Result<OpenShards::Shared> OpenShards::open_locked(std::unique_lock<std::mutex>& lock,
                                                   const Key& key, std::uint64_t unpacked_bytes,
                                                   const Open& open, LetGo& let_go) {
  const auto opening = std::make_shared<Opening>();
  openings_[key] = opening;
  bytes_being_unpacked_ += unpacked_bytes;
  make_room(let_go);
  lock.unlock();
  let_go.clear();
  const Clock::time_point begin = Clock::now();
  const auto end = [&] {
    lock.lock();
    bytes_being_unpacked_ -= unpacked_bytes;
    opening->goes_on = false;
    opened_.notify_all();
  };
  Result<Shared> opened = nullptr;
  try {
    opened = open();
  } catch (...) {
    end();
    openings_.erase(key);
    throw;
  }
  end();
  if (!opened) {
    const Clock::time_point now = Clock::now();
    opening->error = opened.error();
    opening->try_again = now + kRestOfFailures * (now - begin);
    return opened;
  }
  openings_.erase(key);
  keep(key, *opened, let_go);
  return opened;
}

void OpenShards::keep(const Key& key, Shared open, LetGo& let_go) {
  const std::uint64_t unpacked_bytes = open->shard->unpacked_bytes();
  Recency& recency = recency_of(unpacked_bytes);
  recency.unpacked_bytes += unpacked_bytes;
  recency.keys.push_front(key);
  kept_.emplace(key, Kept{std::move(open), recency.keys.begin(), unpacked_bytes});
  make_room(let_go);
}

void OpenShards::make_room(LetGo& let_go) {
  const std::size_t unpacked = std::min(unpacked_.keys.size(), most_unpacked());
  const std::size_t mapped = std::min(limits_.shards * std::max<std::size_t>(1, datasets_),
                                      files_ - std::min(files_ - 1, unpacked));
  while (mapped_.keys.size() > mapped) let_go_of_oldest(mapped_, let_go);
  const auto takes_too_much = [this] {
    return unpacked_.keys.size() > most_unpacked() ||
           unpacked_.unpacked_bytes + bytes_being_unpacked_ > limits_.unpacked_bytes;
  };
  while (!unpacked_.keys.empty() && takes_too_much()) let_go_of_oldest(unpacked_, let_go);
}

void OpenShards::let_go_of_oldest(Recency& recency, LetGo& let_go) {
  const Key key = recency.keys.back();
  const auto kept = kept_.find(key);
  recency.unpacked_bytes -= kept->second.unpacked_bytes;
  if (&recency == &unpacked_ && kept->second.open.use_count() > 1) {
    std::erase_if(held_, [](const auto& held) { return held.second.expired(); });
    held_.insert_or_assign(key, kept->second.open);
  }
  let_go.push_back(std::move(kept->second.open));
  kept_.erase(kept);
  recency.keys.pop_back();
}

bool OpenShards::drop_mapped() {
  LetGo let_go;
  const std::lock_guard lock(mutex_);
  if (!mapped_.keys.empty()) {
    files_ = std::min(files_, unpacked_.keys.size() + (mapped_.keys.size() + 1) / 2);
  }
  while (!mapped_.keys.empty()) let_go_of_oldest(mapped_, let_go);
  return !let_go.empty();
}

}  // namespace millrace
