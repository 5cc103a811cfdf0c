#include "millrace/loader/options.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>

#include "millrace/formats/field_selector.h"
#include "millrace/formats/streams/byte_stream.h"

namespace millrace {

std::string_view on_bad_sample_name(OnBadSample policy) {
  switch (policy) {
    case OnBadSample::substitute:
      return "substitute";
    case OnBadSample::skip:
      return "skip";
    case OnBadSample::raise:
      return "raise";
  }
  return "";
}

std::string_view stop_at_name(StopAt stop_at) {
  return stop_at == StopAt::first_exhausted ? "first_exhausted" : "last_exhausted";
}

namespace {

void require(bool holds, const std::string& option, const std::string& value,
             const std::string& rule) {
  if (!holds) throw std::invalid_argument(option + " = " + value + ": " + rule);
}

std::uint64_t number_of_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return otherwise;
  std::uint64_t number = 0;
  const char* end = text + std::strlen(text);
  const auto [stopped_at, error] = std::from_chars(text, end, number);
  require(error == std::errc() && stopped_at == end, name, text, "must be a whole number");
  return number;
}

}  // namespace

std::uint64_t rank_of_environment() { return number_of_environment("RANK", 0); }
std::uint64_t world_size_of_environment() { return number_of_environment("WORLD_SIZE", 1); }

bool LoaderOptions::reads_streams() const {
  return streaming || std::any_of(sources.begin(), sources.end(), [](const std::string& spec) {
           return spec == ByteStream::kStandardInput ||
                  spec.starts_with(ByteStream::kCommandPrefix);
         });
}

namespace {

// The captions that columns expand samples by; empty: none does.
std::string expanded_by(const std::vector<Columns>& column_sets) {
  for (const Columns& columns : column_sets) {
    for (const auto& [name, column] : columns) {
      if (column.captions && column.captions->choice == CaptionChoice::all) return column.fields;
    }
  }
  return "";
}

// `select` divided into one for each bucket.
std::vector<MixtureSource> bucket_sources(const LoaderOptions& options) {
  std::vector<MixtureSource> sources;
  const std::vector<std::string> conditions = bucket_conditions(options.buckets);
  for (std::size_t b = 0; b < conditions.size(); ++b) {
    MixtureSource& source = sources.emplace_back();
    source.name = bucket_name(options.buckets[b]);
    source.sources = options.sources;
    source.select = options.select;
    source.read = options.read;
    std::string where = conditions[b];
    if (!options.select.where.empty()) {
      where = "(";
      where.append(options.select.where).append(") and (").append(conditions[b]).append(")");
    }
    source.select.where = std::move(where);
  }
  return sources;
}

}  // namespace

std::vector<Columns> LoaderOptions::column_sets() const {
  if (buckets.empty()) return {columns};
  std::vector<Columns> sets;
  for (const AspectBucket& bucket : buckets) {
    Columns& set = sets.emplace_back(columns);
    for (const auto& column : bucket.columns) {
      const auto same = std::find_if(
          set.begin(), set.end(), [&](const auto& common) { return common.first == column.first; });
      if (same != set.end()) {
        same->second = column.second;
      } else {
        set.push_back(column);
      }
    }
  }
  return sets;
}

std::vector<MixtureSource> LoaderOptions::all_sources() const {
  std::vector<MixtureSource> all = buckets.empty() ? mixture : bucket_sources(*this);
  if (all.empty()) all.push_back({"", sources, 0, 0, select, read});
  const std::string expand = expanded_by(column_sets());
  for (MixtureSource& source : all) {
    if (source.select.expand.empty()) source.select.expand = expand;
    if (source.name.empty() && !source.sources.empty()) source.name = source.sources.front();
  }
  return all;
}

namespace {

void validate_sources(const LoaderOptions& options) {
  require(options.mixture.empty() || options.sources.empty(), "sources",
          options.sources.empty() ? "" : "\"" + options.sources.front() + "\"",
          "there is a mixture, too; name the shards in one of them");
  // Described only to be refused: that reads the files of keys.
  const auto refuse_selection = [&](const std::string& rule) {
    if (!options.select.selects_all()) require(false, "select", options.select.describe(), rule);
  };
  if (!options.mixture.empty()) {
    refuse_selection("each source of the mixture has its own");
    require(options.read == ReadOptions(), "read", "{...}",
            "each source of the mixture has its own");
  }
  std::set<std::string> names;
  for (const MixtureSource& source : options.all_sources()) {
    require(!source.sources.empty(), options.mixture.empty() ? "sources" : "mixture.sources", "[]",
            "name at least one shard");
    require(names.insert(source.name).second, "mixture", "\"" + source.name + "\"",
            "two sources of this name; give each its own");
    source.select.validate();
    source.read.validate();
    require(source.weight >= 0 && std::isfinite(source.weight), "mixture.weight",
            std::to_string(source.weight), "must not be negative");
  }
  if (options.reads_streams()) {
    require(options.mixture.empty(), "mixture", "[...]", "streams cannot be mixed");
    require(options.read.format.empty() || options.read.format == "tar", "read.format",
            "\"" + options.read.format + "\"", "streams are tars; files of other formats are not");
    refuse_selection("needs an index, which streams do not have");
    require(options.samples_per_epoch == 0, "samples_per_epoch",
            std::to_string(options.samples_per_epoch), "needs an index, which streams do not have");
  }
  require(options.temperature > 0 && std::isfinite(options.temperature), "temperature",
          std::to_string(options.temperature), "must be above 0");
}

void validate_expansion(const LoaderOptions& options) {
  const std::vector<Columns> column_sets = options.column_sets();
  const std::string expand = expanded_by(column_sets);
  if (expand.empty()) return;
  for (const Columns& columns : column_sets) {
    for (const auto& [name, column] : columns) {
      const bool expands = column.captions && column.captions->choice == CaptionChoice::all;
      require(!expands || column.fields == expand, "columns", "\"" + name + "\"",
              "all captions of \"" + column.fields +
                  "\", and another column expands the samples by \"" + expand + "\"");
    }
  }
  for (const MixtureSource& source : options.all_sources()) {
    require(source.select.expand == expand, "select.expand", "\"" + source.select.expand + "\"",
            "a column expands the samples by \"" + expand + "\"");
  }
  require(!options.reads_streams(), "columns", "captions.choice = \"all\"",
          "needs an index, which streams do not have");
}

void validate_columns(const Columns& columns) {
  require(!columns.empty(), "columns", "{}", "name at least one column");
  std::set<std::string> names;
  for (const auto& [name, column] : columns) {
    require(!name.empty(), "columns", "\"\"", "a column needs a name");
    require(names.insert(name).second, "columns", "\"" + name + "\"", "the name is there twice");
    require(column.transform != nullptr, "columns", "\"" + name + "\"", "it has no transform");
    static_cast<void>(FieldSelector::fields_of(column.selectors()));  // throws on one that is none
  }
}

void validate_buckets(const LoaderOptions& options) {
  const std::string run = std::to_string(options.bucket_run);
  require(options.bucket_run <= std::uint64_t{1} << 40, "bucket_run", run, "must be below 2^40");
  require(options.bucket_run == 0 || !options.buckets.empty(), "bucket_run", run,
          "there are no buckets");
  if (options.buckets.empty()) return;
  const auto refuse = [](bool is_given, const std::string& what) {
    require(!is_given, "buckets", "[...]",
            "an epoch of buckets is a pass over them, without " + what);
  };
  refuse(!options.mixture.empty(), "a mixture");
  refuse(options.reads_streams(), "streams, which have no index");
  refuse(options.samples_per_epoch > 0, "samples_per_epoch");
  refuse(options.select.every != 1, "select.every, which would count within each bucket");
  options.select.validate();  // by itself, before a bucket's condition is added
  for (const AspectBucket& bucket : options.buckets) {
    const Columns& first = options.buckets.front().columns;
    const bool same = std::equal(bucket.columns.begin(), bucket.columns.end(), first.begin(),
                                 first.end(), [](const auto& a, const auto& b) {
                                   return a.first == b.first && a.second.transform != nullptr &&
                                          b.second.transform != nullptr &&
                                          a.second.transform->output().dtype ==
                                              b.second.transform->output().dtype;
                                 });
    require(same, "buckets", "\"" + bucket_name(bucket) + "\"",
            "its columns have other names or dtypes than those of the first");
  }
}

}  // namespace

void LoaderOptions::validate() const {
  validate_buckets(*this);
  validate_sources(*this);
  for (const Columns& set : column_sets()) validate_columns(set);
  validate_expansion(*this);
  require(batch_size >= 1 && batch_size <= (std::size_t{1} << 24), "batch_size",
          std::to_string(batch_size), "must be 1 to 16777216");
  require(shuffle_window >= 1, "shuffle_window", "0", "must be at least 1");
  require(world_size >= 1 && world_size <= (std::uint64_t{1} << 24), "world_size",
          std::to_string(world_size), "must be 1 to 16777216");
  require(rank < world_size, "rank", std::to_string(rank),
          "must be below world_size = " + std::to_string(world_size));
  require(error_budget.share >= 0 && error_budget.share <= 1, "error_budget.share",
          std::to_string(error_budget.share), "must be 0 to 1");
  require(threads <= 4096, "threads", std::to_string(threads), "must be 0 to 4096");
  require(prefetch_batches >= 1 && prefetch_batches <= 1024, "prefetch_batches",
          std::to_string(prefetch_batches), "must be 1 to 1024");
}

std::size_t usable_cores() {
  std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    cores = static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed)));
  }
  // cgroup v2: "QUOTA PERIOD", or "max PERIOD" where there is no quota.
  std::ifstream limit("/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  if (limit >> quota >> period && quota > 0 && period > 0) {
    cores = std::min(cores, static_cast<std::size_t>(std::max(1.0, std::ceil(quota / period))));
  }
  return cores;
}

}  // namespace millrace
