#include "millrace/loader/selection.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

#include <boost/json.hpp>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/index/metadata_condition.h"
#include "millrace/formats/index/shard_walk.h"
#include "millrace/loader/json.h"
#include "millrace/loader/key_set.h"

namespace millrace {

namespace json = boost::json;

namespace {

// No sample has more captions; an index that says so is wrong, and believing it costs memory.
constexpr std::uint64_t kMostParts = 65536;
constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();

MetadataCondition parse_where(const std::string& where) {
  try {
    return MetadataCondition(where);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string("where: ") + error.what());
  }
}

std::string range_text(const Selection& selection) {
  return "[" + std::to_string(selection.shards_begin) + ", " +
         (selection.shards_end == kNoEnd ? "" : std::to_string(selection.shards_end)) + ")";
}

std::vector<std::uint64_t> samples_of_shards(const ShardCatalog& catalog) {
  std::vector<std::uint64_t> samples(catalog.shards());
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = catalog.samples(i);
  return samples;
}

// Runs `task` for every shard. The first shard's failure is told, so that it is the same at any
// number of threads.
Result<void> for_each_shard(std::size_t shards, const ParallelFor& parallel_for,
                            const std::function<Result<void>(std::size_t shard)>& task) {
  std::mutex mutex;
  std::size_t failed_shard = shards;
  std::optional<Error> error;
  std::exception_ptr thrown;
  const auto keep_failure = [&](std::size_t shard, std::optional<Error> why,
                                std::exception_ptr exception) {
    const std::lock_guard lock(mutex);
    if (shard >= failed_shard) return;
    failed_shard = shard;
    error = std::move(why);
    thrown = std::move(exception);
  };
  parallel_for(shards, [&](std::size_t shard) {
    try {
      if (Result<void> done = task(shard); !done) {
        keep_failure(shard, std::move(done.error()), nullptr);
      }
    } catch (...) {
      keep_failure(shard, std::nullopt, std::current_exception());
    }
  });
  if (thrown) std::rethrow_exception(thrown);
  if (error) return tl::unexpected<Error>(std::move(*error));
  return {};
}

tl::unexpected<Error> wrong_size(const ShardCatalog& catalog, std::size_t shard, std::size_t values,
                                 std::uint64_t samples) {
  Error error{Reason::internal, "", catalog.path(shard), Error::kNoOffset, ""};
  error.message = "the index knows metadata of " + std::to_string(values) + " samples, and " +
                  std::to_string(samples) + " samples";
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

bool Selection::selects_all() const {
  return shards_begin == 0 && shards_end == kNoEnd && where.empty() && keep_keys.empty() &&
         drop_keys.empty() && every == 1 && every_offset == 0 && expand.empty();
}

std::vector<std::string> Selection::metadata() const {
  std::vector<std::string> fields;
  if (!where.empty()) fields = parse_where(where).fields();
  if (!keep_keys.empty() || !drop_keys.empty()) fields.emplace_back("__key__");
  if (!expand.empty()) fields.push_back(expand + std::string(kCountSuffix));
  return fields;
}

void Selection::validate() const {
  if (shards_begin >= shards_end) {
    throw std::invalid_argument("shards = " + range_text(*this) + ": must name at least one shard");
  }
  if (!where.empty()) parse_where(where);
  validate_keys("keep_keys", keep_keys);
  validate_keys("drop_keys", drop_keys);
  if (every < 1) throw std::invalid_argument("every = 0: must be at least 1");
  if (every_offset >= every) {
    throw std::invalid_argument("every_offset = " + std::to_string(every_offset) +
                                ": must be below every = " + std::to_string(every));
  }
  if (expand.empty()) return;
  try {
    const FieldSelector parsed(expand);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string("expand: ") + error.what());
  }
}

std::string Selection::describe() const {
  validate();
  json::object object;
  if (shards_begin != 0 || shards_end != kNoEnd) {
    json::array& range = object["shards"].emplace_array();
    range.emplace_back(shards_begin);
    range.emplace_back(shards_end == kNoEnd ? json::value(nullptr) : json::value(shards_end));
  }
  if (!where.empty()) object["where"] = parse_where(where).text();
  const auto add_keys = [&](const char* name, const std::vector<std::string>& entries) {
    if (entries.empty()) return;
    const KeySet keys(name, entries);
    json::object& list = object[name].emplace_object();
    list["keys"] = keys.size();
    list["hash"] = hexadecimal(keys.fingerprint());
  };
  add_keys("keep_keys", keep_keys);
  add_keys("drop_keys", drop_keys);
  if (every != 1) {
    object["every"] = every;
    object["every_offset"] = every_offset;
  }
  if (!expand.empty()) object["expand"] = expand;
  return json::serialize(object);
}

/// The selection on its way through the members: `left_` are the samples of each shard that the
/// members so far have left.
class SelectedSamples::Making {
 public:
  Making(const Selection& selection, const ShardCatalog& catalog)
      : selection_(selection), catalog_(catalog), left_(samples_of_shards(catalog)) {}

  Result<void> make(const ParallelFor& parallel_for);

 private:
  friend class SelectedSamples;

  // What looks at single samples, in the order of the members.
  enum Stage : std::uint8_t { kWhere, kKeepKeys, kDropKeys, kStages };

  Result<std::uint64_t> sum() const;
  Result<void> take_range();
  Result<void> choose(const ParallelFor& parallel_for);
  Result<void> choose_in(std::size_t shard);
  void take_every();
  tl::unexpected<Error> nothing_left(const std::string& member, std::uint64_t of) const;

  const Selection& selection_;
  const ShardCatalog& catalog_;
  std::optional<MetadataCondition> where_;
  std::optional<KeySet> keep_;
  std::optional<KeySet> drop_;
  std::vector<std::uint64_t> left_;
  std::optional<SampleBitmap> bits_;
  std::atomic<std::uint64_t> left_after_[kStages] = {};
  std::vector<std::uint64_t> firsts_;
};

tl::unexpected<Error> SelectedSamples::Making::nothing_left(const std::string& member,
                                                            std::uint64_t of) const {
  return fail(Reason::missing_field, "the selection is empty: " + member + " leaves none of " +
                                         std::to_string(of) + " sample(s) in " +
                                         std::to_string(catalog_.shards()) + " shard(s)");
}

Result<std::uint64_t> SelectedSamples::Making::sum() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t samples : left_) {
    if (samples > kNoEnd - sum) {
      return fail(Reason::damaged_shard, "the shards' numbers of samples add up to more than 2^64");
    }
    sum += samples;
  }
  return sum;
}

Result<void> SelectedSamples::Making::take_range() {
  const Result<std::uint64_t> all = sum();
  if (!all) return tl::unexpected<Error>(all.error());
  for (std::uint64_t i = 0; i < left_.size(); ++i) {
    if (i < selection_.shards_begin || i >= selection_.shards_end) left_[i] = 0;
  }
  if (*sum() == 0) return nothing_left("shards = " + range_text(selection_), *all);
  return {};
}

Result<void> SelectedSamples::Making::choose_in(std::size_t shard) {
  const std::uint64_t samples = left_[shard];
  const std::span<std::uint64_t> words = bits_->words(shard);
  const auto end_stage = [&](Stage stage) {
    left_[shard] = count_bits(words);
    left_after_[stage].fetch_add(left_[shard], std::memory_order_relaxed);
  };
  if (where_) {
    std::vector<std::vector<double>> columns;
    for (const std::string& field : where_->fields()) {
      Result<std::vector<double>> column = catalog_.numbers(shard, field);
      if (!column) return tl::unexpected<Error>(std::move(column.error()));
      if (column->size() != samples) return wrong_size(catalog_, shard, column->size(), samples);
      columns.push_back(std::move(*column));
    }
    where_->select(samples, columns, words);
    end_stage(kWhere);
  } else {
    std::fill(words.begin(), words.end(), ~std::uint64_t{0});
    if (samples % 64 > 0) words.back() = (std::uint64_t{1} << samples % 64) - 1;
  }
  if (!keep_ && !drop_) return {};
  const Result<std::vector<std::uint64_t>> hashes = catalog_.key_hashes(shard);
  if (!hashes) return tl::unexpected<Error>(hashes.error());
  if (hashes->size() != samples) return wrong_size(catalog_, shard, hashes->size(), samples);
  const auto leave = [&](const KeySet& keys, bool contained) {
    for (std::size_t i = 0; i < samples; ++i) {
      const std::uint64_t leaves = keys.contains((*hashes)[i]) == contained ? 1 : 0;
      words[i / 64] &= ~((leaves ^ 1) << i % 64);
    }
  };
  if (keep_) {
    leave(*keep_, true);
    end_stage(kKeepKeys);
  }
  if (drop_) {
    leave(*drop_, false);
    end_stage(kDropKeys);
  }
  return {};
}

Result<void> SelectedSamples::Making::choose(const ParallelFor& parallel_for) {
  if (!selection_.where.empty()) where_.emplace(parse_where(selection_.where));
  if (!selection_.keep_keys.empty()) keep_.emplace("keep_keys", selection_.keep_keys);
  if (!selection_.drop_keys.empty()) drop_.emplace("drop_keys", selection_.drop_keys);
  if (!where_ && !keep_ && !drop_) return {};

  const std::uint64_t before = *sum();
  try {
    bits_.emplace(left_);
  } catch (const std::exception&) {  // bad_alloc, length_error
    return fail(Reason::internal,
                "not enough memory for one bit of each of " + std::to_string(before) + " samples");
  }
  if (Result<void> chosen = for_each_shard(
          left_.size(), parallel_for,
          [&](std::size_t shard) { return left_[shard] == 0 ? Result<void>() : choose_in(shard); });
      !chosen) {
    return chosen;
  }

  std::uint64_t of = before;
  const auto stage_left = [&](Stage stage) { return left_after_[stage].load(); };
  if (where_) {
    if (stage_left(kWhere) == 0) return nothing_left("where = \"" + where_->text() + "\"", of);
    of = stage_left(kWhere);
  }
  if (keep_) {
    if (stage_left(kKeepKeys) == 0) {
      return nothing_left("keep_keys (" + std::to_string(keep_->size()) + " keys)", of);
    }
    of = stage_left(kKeepKeys);
  }
  if (drop_ && stage_left(kDropKeys) == 0) {
    return nothing_left("drop_keys (" + std::to_string(drop_->size()) + " keys)", of);
  }
  bits_->rank();
  return {};
}

void SelectedSamples::Making::take_every() {
  const std::uint64_t every = selection_.every;
  const std::uint64_t offset = selection_.every_offset;
  firsts_.resize(left_.size());
  std::uint64_t phase = 0;  // the number of samples left in the shards before, modulo `every`
  for (std::size_t i = 0; i < left_.size(); ++i) {
    const std::uint64_t left = left_[i];
    const std::uint64_t first = offset >= phase ? offset - phase : every - (phase - offset);
    firsts_[i] = first;
    left_[i] = left > first ? (left - first - 1) / every + 1 : 0;
    const std::uint64_t rest = left % every;
    phase = rest >= every - phase ? rest - (every - phase) : phase + rest;
  }
}

Result<void> SelectedSamples::Making::make(const ParallelFor& parallel_for) {
  if (Result<void> taken = take_range(); !taken) return taken;
  if (Result<void> chosen = choose(parallel_for); !chosen) return chosen;
  if (selection_.every == 1) return {};
  const std::uint64_t before = *sum();
  take_every();
  if (*sum() == 0) {
    return nothing_left("every = " + std::to_string(selection_.every) +
                            ", every_offset = " + std::to_string(selection_.every_offset),
                        before);
  }
  return {};
}

SelectedSamples::SelectedSamples(const ShardCatalog& catalog)
    : counts_(samples_of_shards(catalog)) {}

SelectedSamples::SelectedSamples(Making&& made)
    : counts_(made.left_),
      every_(made.selection_.every),
      firsts_(std::move(made.firsts_)),
      left_(std::move(made.bits_)) {}

Result<SelectedSamples> SelectedSamples::select(const Selection& selection,
                                                const ShardCatalog& catalog,
                                                const ParallelFor& parallel_for) {
  selection.validate();
  Selection unexpanded = selection;
  unexpanded.expand.clear();
  std::optional<SelectedSamples> selected;
  if (unexpanded.selects_all()) {
    selected.emplace(SelectedSamples(catalog));
  } else {
    Making making(unexpanded, catalog);
    if (Result<void> made = making.make(parallel_for); !made) {
      return tl::unexpected<Error>(std::move(made.error()));
    }
    selected.emplace(SelectedSamples(std::move(making)));
  }
  if (!selection.expand.empty()) {
    if (Result<void> done = selected->expand(selection.expand, catalog, parallel_for); !done) {
      return tl::unexpected<Error>(std::move(done.error()));
    }
  }
  return std::move(*selected);
}

Result<void> SelectedSamples::expand(const std::string& selector, const ShardCatalog& catalog,
                                     const ParallelFor& parallel_for) {
  const std::string field = selector + std::string(kCountSuffix);
  // By shard, a run for each sample: one set bit, and a 0 for each caption besides the first.
  std::vector<std::vector<std::uint64_t>> words(catalog.shards());
  std::vector<std::uint64_t> captions(catalog.shards());
  const auto expand_shard = [&](std::size_t shard) -> Result<void> {
    const std::uint64_t samples = counts_.of_shard(shard);
    if (samples == 0) return {};
    const Result<std::vector<double>> numbers = catalog.numbers(shard, field);
    if (!numbers) return tl::unexpected<Error>(numbers.error());
    if (numbers->size() != catalog.samples(shard)) {
      return wrong_size(catalog, shard, numbers->size(), catalog.samples(shard));
    }
    std::uint64_t at = 0;
    for (std::uint64_t i = 0; i < samples; ++i) {
      const double number = (*numbers)[unexpanded_index(shard, i)];
      if (number > static_cast<double>(kMostParts)) {
        Error error{Reason::bad_text, "", catalog.path(shard), Error::kNoOffset, ""};
        error.message = "expand: a sample with more than " + std::to_string(kMostParts) +
                        " captions at \"" + selector + "\"";
        return tl::unexpected<Error>(std::move(error));
      }
      if (at / 64 >= words[shard].size()) words[shard].resize(at / 64 + 1);
      words[shard][at / 64] |= std::uint64_t{1} << at % 64;
      at += number >= 2 ? static_cast<std::uint64_t>(number) : 1;  // NaN and 0: one, which fails
    }
    words[shard].resize((at + 63) / 64);
    captions[shard] = at;
    return {};
  };
  if (Result<void> done = for_each_shard(words.size(), parallel_for, expand_shard); !done) {
    return done;
  }
  parts_.emplace(captions);
  for (std::size_t shard = 0; shard < words.size(); ++shard) {
    std::copy(words[shard].begin(), words[shard].end(), parts_->words(shard).begin());
    words[shard] = {};
  }
  parts_->rank();
  counts_ = SampleCounts(captions);
  return {};
}

std::uint64_t SelectedSamples::unexpanded_index(std::size_t shard, std::uint64_t number) const {
  const std::uint64_t first = firsts_.empty() ? 0 : firsts_[shard];
  const std::uint64_t left = first + number * every_;
  return left_ ? left_->select(shard, left) : left;
}

std::uint64_t SelectedSamples::index_in_shard(SampleId selected) const {
  const std::uint64_t number =
      parts_ ? parts_->run_at(selected.shard, selected.index).set_bits - 1 : selected.index;
  return unexpanded_index(selected.shard, number);
}

std::uint64_t SelectedSamples::part(SampleId selected) const {
  return parts_ ? selected.index - parts_->run_at(selected.shard, selected.index).last : 0;
}

}  // namespace millrace
