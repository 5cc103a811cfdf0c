#include "millrace/formats/images/image_tars.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "millrace/formats/images/rooted_folder.h"
#include "millrace/formats/packed/unpack.h"
#include "millrace/formats/tar/tar_sparse.h"

namespace millrace {

namespace {

// A place has 24 bits of the tar's number and 40 of the block's in it: 16 million tars of 512 TiB.
constexpr unsigned kBlockBits = 40;
constexpr std::size_t kMostTars = std::size_t{1} << (64 - kBlockBits);
constexpr std::uint64_t kMostBlocks = std::uint64_t{1} << kBlockBits;
/// Folders that names are tried below.
constexpr std::size_t kMostTops = 16;

// FNV-1a (Fowler, Noll, Vo), which goes on where it stopped.
constexpr std::uint64_t kHashBegin = 0xcbf29ce484222325U;
std::uint64_t hash_of(std::string_view text, std::uint64_t hash = kHashBegin) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

std::string_view plain(std::string_view name) {
  while (true) {
    if (name.starts_with('/')) {
      name.remove_prefix(1);
    } else if (name.starts_with("./")) {
      name.remove_prefix(2);
    } else {
      return name;
    }
  }
}

}  // namespace

Result<void> ImageTars::walk(std::size_t number, std::vector<std::string>& tops) const {
  auto source = map_file(paths_[number]);
  if (!source) return tl::unexpected<Error>(std::move(source.error()));
  const std::span<const std::uint8_t> bytes = (*source)->bytes();
  if (const std::string_view how = compression_of(bytes); !how.empty()) {
    return tl::unexpected<Error>(
        Error{Reason::io_error,
              "images are looked up in plain tars only; unpack this one (" + std::string(how) + ")",
              paths_[number],
              Error::kNoOffset,
              {}});
  }
  if (bytes.size() / tar::kBlockBytes >= kMostBlocks) {
    return fail(Reason::io_error, "the tar is too large: " + paths_[number]);
  }
  tar::Reader reader(bytes, 0);
  tar::Member member;
  std::string top;
  bool has_top = true;
  bool first = true;
  tar::Event event = reader.next(member);
  for (; event == tar::Event::member; event = reader.next(member)) {
    if (!member.is_file) continue;
    const std::string_view name = plain(member.name);
    const std::string_view folder = name.substr(0, name.find('/') + 1);  // empty without a slash
    if (std::exchange(first, false)) top = folder;
    has_top = has_top && !folder.empty() && folder == top;
    entries_.push_back({hash_of(name), (std::uint64_t{number} << kBlockBits) |
                                           (member.begin_bytes / tar::kBlockBytes)});
  }
  if (event != tar::Event::end_marker && damage_.empty()) {
    damage_ = paths_[number] + " is damaged at byte " + std::to_string(reader.position()) + ": " +
              reader.damage();
  }
  if (has_top && !top.empty()) tops.push_back(std::move(top));
  (*source)->done_with(0, bytes.size());
  tars_.push_back(std::move(*source));
  return {};
}

Result<void> ImageTars::build() const {
  if (paths_.size() >= kMostTars) return fail(Reason::io_error, "too many tars of images");
  std::vector<std::string> tops;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (auto walked = walk(i, tops); !walked) return walked;
  }
  entries_.shrink_to_fit();
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.hash, a.place) < std::tie(b.hash, b.place);
  });
  std::sort(tops.begin(), tops.end());
  tops.erase(std::unique(tops.begin(), tops.end()), tops.end());
  if (tops.size() <= kMostTops) tops_ = std::move(tops);
  return {};
}

Result<std::optional<ImageTars::Found>> ImageTars::look_up(std::string_view top,
                                                           std::string_view name) const {
  const std::uint64_t hash = hash_of(name, hash_of(top));
  std::optional<Found> found;
  auto entry =
      std::lower_bound(entries_.begin(), entries_.end(), hash,
                       [](const Entry& e, std::uint64_t wanted) { return e.hash < wanted; });
  for (; entry != entries_.end() && entry->hash == hash; ++entry) {
    Found candidate;
    candidate.tar = static_cast<std::size_t>(entry->place >> kBlockBits);
    const ByteSource& source = *tars_[candidate.tar];
    if (auto unchanged = source.check_unchanged(); !unchanged) {
      return tl::unexpected<Error>(std::move(unchanged.error()));
    }
    tar::Reader reader(source.bytes(), (entry->place & (kMostBlocks - 1)) * tar::kBlockBytes);
    const tar::Event event = reader.next(candidate.member);
    if (event != tar::Event::member) continue;  // rewritten since
    const std::string_view full = plain(candidate.member.name);
    if (!full.starts_with(top) || full.substr(top.size()) != name) continue;
    candidate.member.name = {};  // it may lie in the reader
    if (found && found->tar != candidate.tar) {
      return fail(Reason::io_error, "several tars have a file " + quoted_name(name) + ": " +
                                        paths_[found->tar] + " and " + paths_[candidate.tar]);
    }
    found = candidate;
  }
  return found;
}

Result<std::span<const std::uint8_t>> ImageTars::find(std::string_view name, Sample& sample) const {
  std::call_once(once_, [&] { built_ = build(); });
  if (!built_) return tl::unexpected<Error>(built_.error());
  const std::string_view wanted = plain(name);
  auto found = look_up({}, wanted);
  for (const std::string& top : tops_) {
    if (!found || *found) break;
    found = look_up(top, wanted);
  }
  if (!found) return tl::unexpected<Error>(std::move(found.error()));
  if (!*found) {
    std::string message = "the tars of images have no file " + quoted_name(name);
    if (!damage_.empty()) message += " (" + damage_ + ")";
    return fail(Reason::missing_field, std::move(message));
  }
  const tar::Member& member = (*found)->member;
  const bool is_sparse = member.sparse != tar::SparseFormat::none;
  const std::uint64_t size = is_sparse ? member.sparse_real_size : member.data.size();
  if (size > limits_.max_image_bytes) {
    return fail(Reason::io_error, "cannot read " + quoted_name(name) + ": " + std::to_string(size) +
                                      " bytes are more than max_image_bytes = " +
                                      std::to_string(limits_.max_image_bytes));
  }
  if (!is_sparse) return member.data;
  std::vector<std::uint8_t>& bytes = sample.own_bytes();
  auto expanded = tar::expand_sparse(
      member, std::min(limits_.max_expanded_bytes, limits_.max_image_bytes), bytes);
  if (!expanded) return tl::unexpected<Error>(std::move(expanded.error()));
  return bytes;
}

}  // namespace millrace
