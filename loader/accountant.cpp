#include "millrace/loader/accountant.h"

#include <algorithm>
#include <string>

#include "millrace/loader/loader.h"

namespace millrace {

namespace {

std::string ledger_path(const LoaderOptions& options) {
  constexpr std::string_view kRank = "{rank}";
  std::string path = options.ledger_path;
  if (const std::size_t at = path.find(kRank); at != std::string::npos) {
    path.replace(at, kRank.size(), std::to_string(options.rank));
  }
  return path;
}

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::delivered:
      return "delivered";
    case Outcome::substituted:
      return "substituted";
    case Outcome::skipped:
      return "skipped";
    case Outcome::raised:
      return "raised";
  }
  return "";
}

}  // namespace

Accountant::Accountant(const LoaderOptions& options, std::vector<AccountedSource> sources)
    : options_(options), file_(ledger_path(options)) {
  for (AccountedSource& source : sources) {
    Source& added = sources_.emplace_back();
    added.shards.resize(source.shards);
    added.about = std::move(source);
  }
}

void Accountant::open_epoch(const EpochSamples& samples, std::uint64_t epoch,
                            const Fingerprint& fingerprint) {
  samples_seen_ = 0;
  bad_seen_ = 0;
  bad_in_a_row_ = 0;
  const std::lock_guard lock(mutex_);
  ledger_ = Ledger{};
  ledger_.epoch = epoch;
  ledger_.from_position = samples.begin().position;
  ledger_.expected = samples.expected().value_or(0);
  expected_is_known_ = samples.expected().has_value();
  for (Source& source : sources_) {
    source.account = {};
    source.skipped.clear();
    std::fill(source.shards.begin(), source.shards.end(), Delivered{});
  }
  fingerprint_ = fingerprint;
  announced_ = false;
  closed_ = false;
}

void Accountant::announce() {
  if (announced_ || !file_.is_open()) return;
  file_.epoch(ledger_, options_.rank, options_.world_size, fingerprint_);
  announced_ = true;
}

void Accountant::book(const BatchSamples& batch, std::span<const SlotRecord> records,
                      std::span<const std::pair<std::size_t, Error>> errors) {
  const std::lock_guard lock(mutex_);
  announce();
  find_bad(batch, records, errors);
  auto error = errors.begin();
  for (std::size_t slot = 0; slot < records.size(); ++slot) {
    const bool bad = error != errors.end() && error->first == slot;
    count(records[slot], batch.is_padded(slot), bad ? &(error++)->second : nullptr);
  }
}

void Accountant::find_bad(const BatchSamples& batch, std::span<const SlotRecord> records,
                          std::span<const std::pair<std::size_t, Error>> errors) {
  std::size_t kept = 0;
  auto error = errors.begin();
  for (std::size_t slot = 0; slot < records.size(); ++slot) {
    ++samples_seen_;
    kept += records[slot].outcome == Outcome::skipped ? 0 : 1;
    if (error == errors.end() || error->first != slot) {
      bad_in_a_row_ = 0;
      continue;
    }
    note(batch, slot, records[slot], error->second);
    if (records[slot].outcome == Outcome::raised) throw LoaderError(error->second);
    check_budget(error->second);
    ++error;
  }
  if (kept == 0 && options_.world_size > 1) {
    Error first = errors.front().second;
    first.message =
        "every sample of a batch is bad, and without it this rank would fall out of step "
        "with the others; the first: " +
        first.message;
    throw LoaderError(std::move(first));
  }
}

void Accountant::note(const BatchSamples& batch, std::size_t slot, const SlotRecord& record,
                      const Error& error) {
  ++bad_seen_;
  ++bad_in_a_row_;
  ++ledger_.bad_samples[std::string(reason_name(error.reason))];
  if (ledger_.errors.size() < Ledger::kMostErrors) ledger_.errors.push_back(error);
  if (!file_.is_open()) return;
  const Source& source = sources_[record.sample.source];
  BadSample bad;
  bad.epoch = ledger_.epoch;
  bad.position = batch.position(slot);
  bad.source = source.about.name;
  bad.shard = source.about.path(record.sample.id.shard);
  bad.index = record.sample.id.index;
  bad.part = batch.part(record.sample);
  bad.outcome = outcome_name(record.outcome);
  if (record.outcome == Outcome::substituted) {
    bad.stand_in_shard = sources_[record.stand_in.source].about.path(record.stand_in.id.shard);
    bad.stand_in_index = record.stand_in.id.index;
  }
  bad.error = &error;
  file_.bad_sample(bad);
}

void Accountant::check_budget(const Error& latest) const {
  const ErrorBudget& budget = options_.error_budget;
  std::string broken;
  if (bad_in_a_row_ > budget.consecutive) {
    broken = std::to_string(bad_in_a_row_) + " bad samples in a row (error_budget.consecutive = " +
             std::to_string(budget.consecutive) + ")";
  } else if (samples_seen_ >= ErrorBudget::kShareCheckedFrom &&
             static_cast<double>(bad_seen_) > budget.share * static_cast<double>(samples_seen_)) {
    broken = std::to_string(bad_seen_) + " of " + std::to_string(samples_seen_) +
             " samples are bad (error_budget.share = " + std::to_string(budget.share) + ")";
  }
  if (broken.empty()) return;
  Error error = latest;
  error.message = broken + "; the latest: " + error.message;
  throw LoaderError(std::move(error));
}

void Accountant::count(const SlotRecord& record, bool is_padded, const Error* error) {
  Source& source = sources_[record.sample.source];
  Delivered& shard = source.shards[record.sample.id.shard];
  const std::uint32_t own = is_padded ? 0 : 1;  // what is padded belongs to no account
  ledger_.padded += is_padded ? 1 : 0;
  ledger_.captions_dropped += record.captions_dropped;
  switch (record.outcome) {
    case Outcome::delivered:
      ++ledger_.delivered;
      source.account.delivered += own;
      shard.delivered += own;
      return;
    case Outcome::substituted:
      ++ledger_.substituted;
      source.account.substituted += own;
      shard.substituted += own;
      return;
    case Outcome::skipped:
      count_skipped(record.sample, reason_name(error->reason), own);
      return;
    case Outcome::raised:
      return;  // thrown before anything is counted
  }
}

void Accountant::count_skipped(const SampleRef& sample, std::string_view reason,
                               std::uint32_t own) {
  Source& source = sources_[sample.source];
  const std::string name(reason);
  ++ledger_.skipped[name];
  if (own == 0) return;
  source.account.skipped[name] += own;
  source.skipped[sample.id.shard][name] += own;
}

void Accountant::close_epoch(const EpochSamples& samples) {
  {
    const std::lock_guard lock(mutex_);
    announce();
    for (const SampleRef& sample : samples.dropped()) count_skipped(sample, "drop_last", 1);
  }
  closed_ = true;
  if (file_.is_open()) file_.end(ledger(true), options_.rank);
}

Ledger Accountant::ledger(bool with_shards) const {
  const std::lock_guard lock(mutex_);
  Ledger ledger = ledger_;
  if (!expected_is_known_) ledger.expected = ledger.accounted();
  for (const Source& source : sources_) {
    ledger.sources[source.about.name] = source.account;
    if (!with_shards) continue;
    for (std::size_t i = 0; i < source.shards.size(); ++i) {
      const auto skipped = source.skipped.find(i);
      const Delivered& shard = source.shards[i];
      const LedgerAccount account{
          shard.delivered, shard.substituted,
          skipped != source.skipped.end() ? skipped->second : CountByReason{}};
      if (account.expected() == 0) continue;
      // One path may be listed several times.
      LedgerAccount& sum = ledger.shards[source.about.path(i)];
      sum.delivered += account.delivered;
      sum.substituted += account.substituted;
      for (const auto& [reason, count] : account.skipped) sum.skipped[reason] += count;
    }
  }
  return ledger;
}

}  // namespace millrace
