#include "loader/epoch_model.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "tar_writer.h"

namespace millrace::test {

NumberedSources::NumberedSources(Random& random, std::size_t sources, std::uint64_t bad_one_in) {
  std::int64_t next = 0;
  for (std::size_t s = 0; s < sources; ++s) {
    Source& source = sources_.emplace_back();
    source.unpacked = random.one_in(3);
    const std::uint64_t shards = random.in(1, source.unpacked ? 12 : 4);
    for (std::uint64_t i = 0; i < shards; ++i) {
      TarMembers members;
      std::vector<std::int64_t>& numbers = source.shards.emplace_back();
      const bool may_be_empty = i + 1 < shards;
      for (std::uint64_t n = random.in(may_be_empty ? 0 : 1, random.size(40)); n > 0; --n) {
        const bool bad = bad_one_in > 0 && random.one_in(bad_one_in);
        if (bad) bad_.insert(next);
        numbers.push_back(next);
        members.emplace_back(std::to_string(next) + ".num", bad ? "none" : std::to_string(next));
        ++next;
      }
      source.paths.push_back(
          folder_.write(std::to_string(s) + "-" + std::to_string(i) + ".tar", make_tar(members)));
      if (source.unpacked) unpacked_.insert(source.paths.back());
    }
  }
}

ShardOpener NumberedSources::opener() const {
  return [this, unpacked = unpacked_shards_.opener()](const std::string& path) {
    return unpacked_.contains(path) ? unpacked(path) : open_shard(path);
  };
}

namespace {

// The samples of each shard that are selected.
template <class Places>
std::shared_ptr<const SampleCounts> units_of(const NumberedSources::Source& source,
                                             const Places& selected) {
  if (!source.unpacked) return nullptr;
  std::vector<std::uint64_t> samples;
  for (const std::string& path : source.paths) {
    samples.push_back(static_cast<std::uint64_t>(std::count_if(
        selected.begin(), selected.end(), [&](const auto& place) { return place.path == path; })));
  }
  return std::make_shared<const SampleCounts>(samples);
}

template <class Places>
PlanOptions plan_options(const LoaderOptions& options, const NumberedSources& data,
                         const std::vector<Places>& selected, const MixtureStart& start) {
  PlanOptions plan;
  const std::vector<MixtureSource> all = options.all_sources();
  for (std::size_t s = 0; s < all.size(); ++s) {
    plan.sources.push_back({selected[s].size(), all[s].weight, all[s].samples_per_epoch,
                            units_of(data.sources()[s], selected[s])});
  }
  plan.shuffle = options.shuffle;
  plan.shuffle_window = options.shuffle_window;
  plan.seed = options.seed;
  plan.temperature = options.temperature;
  plan.stop_at = options.stop_at;
  plan.samples_per_epoch = options.samples_per_epoch;
  plan.mixture_start = start;
  return plan;
}

template <class Place>
std::vector<std::vector<Place>> select(const LoaderOptions& options, const NumberedSources& data) {
  std::vector<std::vector<Place>> selected;
  const std::vector<MixtureSource> all = options.all_sources();
  for (std::size_t s = 0; s < all.size(); ++s) {
    const NumberedSources::Source& source = data.sources()[s];
    const Selection& select = all[s].select;
    std::vector<Place>& places = selected.emplace_back();
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < source.shards.size(); ++i) {
      if (i < select.shards_begin || i >= select.shards_end) continue;
      for (const std::int64_t number : source.shards[i]) {
        if (seen++ % select.every != select.every_offset) continue;
        places.push_back({number, source.paths[i]});
      }
    }
  }
  return selected;
}

}  // namespace

EpochModel::EpochModel(const LoaderOptions& options, const NumberedSources& data,
                       std::uint64_t epoch, const MixtureStart& start)
    : options_(options),
      data_(data),
      selected_(select<Place>(options, data)),
      plan_(plan_options(options, data, selected_, start), epoch) {}

std::uint64_t EpochModel::on_rank(std::uint64_t begin) const {
  const std::uint64_t left = plan_.size() - begin;
  if (options_.drop_last) return left / stride() * options_.batch_size;
  return (left + options_.world_size - 1) / options_.world_size;
}

std::uint64_t EpochModel::batches(std::uint64_t begin) const {
  return (on_rank(begin) + options_.batch_size - 1) / options_.batch_size;
}

std::uint64_t EpochModel::after(std::uint64_t begin, std::uint64_t batches) const {
  return std::min(plan_.size(), begin + batches * stride());
}

EpochModel::Slot EpochModel::make(std::uint64_t position) const {
  Slot slot;
  slot.number = place(plan_.at(position)).number;
  if (!data_.is_bad(slot.number)) return slot;
  slot.outcome = options_.on_bad_sample == OnBadSample::skip ? Outcome::skipped : Outcome::raised;
  if (options_.on_bad_sample != OnBadSample::substitute) return slot;
  for (std::uint64_t i = 1; i <= std::min<std::uint64_t>(plan_.substitutes(position), 256); ++i) {
    const std::int64_t number = place(plan_.substitute(position, i)).number;
    if (data_.is_bad(number)) continue;
    return {Outcome::substituted, number, false};
  }
  return slot;
}

std::vector<EpochModel::Slot> EpochModel::batch(std::uint64_t begin, std::uint64_t batch,
                                                Ledger& ledger) const {
  const std::vector<MixtureSource> all = options_.all_sources();
  const std::uint64_t done = batch * options_.batch_size;
  const std::uint64_t slots = std::min<std::uint64_t>(options_.batch_size, on_rank(begin) - done);
  std::vector<Slot> made;
  for (std::uint64_t i = 0; i < slots; ++i) {
    const std::uint64_t unwrapped = begin + (done + i) * options_.world_size + options_.rank;
    const bool is_padded = unwrapped >= plan_.size();
    const std::uint64_t known = plan_.size() - plan_.begin();
    const std::uint64_t position =
        is_padded ? plan_.begin() + (unwrapped - plan_.size()) % known : unwrapped;
    Slot slot = make(position);
    slot.is_padded = is_padded;
    made.push_back(slot);

    const PlannedSample sample = plan_.at(position);
    LedgerAccount unbooked;
    LedgerAccount& source = is_padded ? unbooked : ledger.sources[all[sample.source].name];
    LedgerAccount& shard = is_padded ? unbooked : ledger.shards[place(sample).path];
    ledger.padded += is_padded ? 1 : 0;
    if (slot.outcome == Outcome::delivered) {
      ++ledger.delivered, ++source.delivered, ++shard.delivered;
    } else if (slot.outcome == Outcome::substituted) {
      ++ledger.substituted, ++source.substituted, ++shard.substituted;
    } else {
      ++ledger.skipped["bad_number"], ++source.skipped["bad_number"], ++shard.skipped["bad_number"];
    }
    if (slot.outcome != Outcome::delivered) ++ledger.bad_samples["bad_number"];
  }
  return made;
}

Ledger EpochModel::begin_ledger(std::uint64_t begin) const {
  Ledger ledger;
  ledger.epoch = plan_.epoch();
  ledger.from_position = begin;
  ledger.expected = on_rank(begin);
  for (const MixtureSource& source : options_.all_sources()) ledger.sources[source.name];
  if (options_.drop_last) {
    const std::uint64_t left = plan_.size() - begin;
    ledger.expected = left / options_.world_size;
    if (options_.rank < left % options_.world_size) ++ledger.expected;
  }
  return ledger;
}

void EpochModel::book_dropped(std::uint64_t begin, Ledger& ledger) const {
  if (!options_.drop_last) return;
  const std::vector<MixtureSource> all = options_.all_sources();
  for (std::uint64_t position = after(begin, batches(begin)); position < plan_.size(); ++position) {
    if ((position - begin) % options_.world_size != options_.rank) continue;
    const PlannedSample sample = plan_.at(position);
    ++ledger.skipped["drop_last"];
    ++ledger.sources[all[sample.source].name].skipped["drop_last"];
    ++ledger.shards[place(sample).path].skipped["drop_last"];
  }
}

}  // namespace millrace::test
