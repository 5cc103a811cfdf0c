#include "check/sample_finding.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "printable_text.h"

namespace millrace::cli {

namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 19 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<FoundEntry> by_number(const SourceShards& sources, std::uint64_t wanted) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (const auto known = sources.known_samples(i); known && number + *known <= wanted) {
      number += *known;
      continue;
    }
    auto opened = sources.open(i);
    if (!opened) return tl::unexpected<Error>(std::move(opened.error()));
    if (wanted - number < opened->offsets.size()) {
      return FoundEntry{std::move(*opened), wanted - number, wanted};
    }
    number += opened->offsets.size();
  }
  throw std::invalid_argument("sample " + std::to_string(wanted) + ": the sources have " +
                              std::to_string(number));
}

Result<FoundEntry> in_shard(const SourceShards& sources, std::size_t shard, std::uint64_t index,
                            const std::string& asked) {
  auto opened = sources.open(shard);
  if (!opened) return tl::unexpected<Error>(std::move(opened.error()));
  if (index >= opened->offsets.size()) {
    throw std::invalid_argument(asked + ": " + sources.path(shard) + " has " +
                                std::to_string(opened->offsets.size()) + " samples");
  }
  std::uint64_t number = index;
  for (std::size_t i = 0; i < shard; ++i) {
    auto samples = sources.known_samples(i);
    if (!samples) {
      const auto before = sources.open(i);
      if (!before) return tl::unexpected<Error>(before.error());
      samples = before->offsets.size();
    }
    number += *samples;
  }
  return FoundEntry{std::move(*opened), index, number};
}

Result<FoundEntry> by_key_of(const SourceShards& sources, const std::string& key) {
  std::string nearest;
  // What is farther away is no misspelling.
  std::size_t distance = std::max<std::size_t>(key.size() / 2, 3) + 1;
  std::uint64_t number = 0;
  std::uint64_t unreadable = 0;
  Sample sample;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto opened = sources.open(i);
    if (!opened) return tl::unexpected<Error>(std::move(opened.error()));
    for (std::uint64_t index = 0; index < opened->offsets.size(); ++index) {
      const auto read = opened->shard->read(opened->offsets[index], sample);
      const std::string_view found = read ? sample.key() : std::string_view(read.error().key);
      if (found == key) return FoundEntry{std::move(*opened), index, number + index};
      if (!read && found.empty()) ++unreadable;
      const std::size_t edits = found.empty() ? distance : edit_distance(key, found, distance);
      if (edits >= distance) continue;
      distance = edits;
      nearest = found;
    }
    number += opened->offsets.size();
  }
  std::string message = "no sample has the key \"" + key + "\"";
  if (!nearest.empty()) message += "; the nearest one is \"" + nearest + "\"";
  if (unreadable > 0) message += "; " + std::to_string(unreadable) + " could not be read";
  return fail(Reason::missing_field, std::move(message));
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t most) {
  const std::size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference >= most) return most;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    std::size_t best = row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t exchanged = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({exchanged, row[j] + 1, row[j + 1] + 1});
      best = std::min(best, row[j + 1]);
    }
    if (best >= most) return most;
  }
  return std::min(row[b.size()], most);
}

Result<FoundEntry> find_sample(const SourceShards& sources, const std::string& name, bool by_key) {
  if (by_key) return by_key_of(sources, name);
  if (is_number(name) && (name.size() == 1 || name[0] != '0')) {
    return by_number(sources, std::stoull(name));
  }
  const std::size_t colon = name.find_last_of(':');
  if (colon != std::string::npos && colon > 0 && is_number(name.substr(colon + 1))) {
    const std::size_t shard = sources.find(name.substr(0, colon), name);
    return in_shard(sources, shard, std::stoull(name.substr(colon + 1)), name);
  }
  return by_key_of(sources, name);
}

}  // namespace millrace::cli
