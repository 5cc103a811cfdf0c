#include "replay.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "millrace/formats/shard.h"
#include "millrace/loader/json.h"
#include "millrace/loader/permutation.h"
#include "millrace/loader/sample_maker.h"
#include "millrace/loader/transform_json.h"
#include "run_cost.h"

namespace millrace::cli {

namespace {

namespace json = boost::json;

// Makes one sample after another as the loader of the ledger did.
class Decoder {
 public:
  Decoder(const Columns& columns, std::uint64_t seed, bool selects)
      : fields_(columns), maker_(columns, decoded_), seed_(seed), selects_(selects) {
    for (std::size_t i = 0; i < maker_.columns(); ++i) {
      slots_.emplace_back((maker_.slot_bytes(i) + sizeof(double) - 1) / sizeof(double));
    }
  }

  /// Whether the run looked at selected samples only, so that an index says nothing here.
  bool selects() const { return selects_; }

  Result<void> decode(const Sample& sample, std::uint64_t epoch, std::uint64_t position,
                      std::uint64_t part) {
    const SlotUse use{draw_of(mix(seed_, epoch), position), part};
    if (Result<void> selected = fields_.select(sample, use); !selected) return selected;
    maker_.begin();
    StageTimes times;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto slot = std::as_writable_bytes(std::span(slots_[i])).first(maker_.slot_bytes(i));
      if (Result<void> written = maker_.write(i, fields_, slot, times); !written) return written;
    }
    return {};
  }

 private:
  SampleFields fields_;
  DecodedImages decoded_;
  SampleMaker maker_;
  std::vector<std::vector<double>> slots_;  // aligned for every dtype
  std::uint64_t seed_;
  bool selects_;
};

struct BadSample {
  std::string shard;
  std::uint64_t index = 0;  // among the selected ones
  std::uint64_t offset = Error::kNoOffset;
  std::uint64_t epoch = 0;
  std::uint64_t position = 0;
  std::uint64_t part = 0;  // for which of its captions
  std::string key;
  std::string reason;
  std::string outcome;
  std::shared_ptr<Decoder> decoder;
};

struct LedgerContent {
  // A sample that was bad several times is there once, as it was the last time.
  std::map<std::tuple<std::string, std::uint64_t, std::uint64_t>, BadSample> bad;
  std::uint64_t unreadable_lines = 0;
};

std::uint64_t number_or(const json::object& line, std::string_view name, std::uint64_t otherwise) {
  const json::value* value = line.if_contains(name);
  if (value == nullptr) return otherwise;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() >= 0
             ? static_cast<std::uint64_t>(value->get_int64())
             : otherwise;
}

std::string text_of(const json::object& line, std::string_view name) {
  const json::value* value = line.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

// Reads a ledger line by line.
class LedgerReader {
 public:
  explicit LedgerReader(const std::string& path) : path_(path), in_(path, std::ios::binary) {
    if (!in_) throw std::runtime_error(path + ": cannot be read");
  }

  LedgerContent read() {
    // The sums at the end of an epoch name every shard, and nothing in them is needed.
    constexpr std::string_view kEnd = R"({"event":"end")";
    for (std::string line; std::getline(in_, line);) {
      if (line.empty() || line.starts_with(kEnd)) continue;
      json::error_code error;
      const json::value value = json::parse(line, error);
      if (error || !value.is_object() || !take(value.get_object())) ++content_.unreadable_lines;
    }
    if (in_.bad()) throw std::runtime_error(path_ + ": cannot be read to its end");
    if (!run_) {
      throw std::runtime_error(path_ + ": no ledger of millrace: it has no \"epoch\" line");
    }
    return std::move(content_);
  }

 private:
  bool take(const json::object& line) {
    const std::string event = text_of(line, "event");
    if (event == "epoch") return take_epoch(line);
    if (event != "bad_sample") return event == "end";
    BadSample bad;
    bad.shard = text_of(line, "shard");
    bad.index = number_or(line, "index", Error::kNoOffset);
    bad.offset = number_or(line, "offset", Error::kNoOffset);
    bad.epoch = number_or(line, "epoch", 0);
    bad.position = number_or(line, "position", 0);
    bad.part = number_or(line, "part", 0);
    bad.key = text_of(line, "key");
    bad.reason = text_of(line, "reason");
    bad.outcome = text_of(line, "outcome");
    bad.decoder = decoder_of(text_of(line, "source"));
    if (bad.shard.empty() || bad.decoder == nullptr) return false;
    content_.bad[{bad.shard, bad.index, bad.offset}] = std::move(bad);
    return true;
  }

  bool take_epoch(const json::object& line) {
    if (const std::uint64_t version = number_or(line, "version", 0); version != 1) {
      throw std::runtime_error(path_ + ": a ledger of version " + std::to_string(version) +
                               ", and this reads version 1");
    }
    const json::value* fingerprint = line.if_contains("fingerprint");
    if (fingerprint == nullptr || !fingerprint->is_object()) return false;
    const json::value* columns = fingerprint->get_object().if_contains("columns");
    if (columns == nullptr || !columns->is_object()) return false;
    bool selects = false;
    const json::value* sources = fingerprint->get_object().if_contains("sources");
    if (sources != nullptr && sources->is_array()) {
      for (const json::value& source : sources->get_array()) {
        selects = selects || (source.is_object() && source.get_object().contains("select"));
      }
    }
    const json::value* buckets = fingerprint->get_object().if_contains("buckets");
    Run run;
    run.columns = columns->as_object();
    if (buckets != nullptr && buckets->is_object()) run.buckets = buckets->get_object();
    run.seed = number_or(fingerprint->get_object(), "seed", 0);
    run.selects = selects;
    if (run == run_) return true;
    run_ = std::move(run);
    decoders_.clear();
    static_cast<void>(decoder_of(""));  // throws where the columns are of another version
    return true;
  }

  // Of the run's samples of a source; null: no "epoch" line came before.
  std::shared_ptr<Decoder> decoder_of(const std::string& source) {
    if (!run_) return nullptr;
    // A bucket has the name of its source, and columns in the place of the run's or besides.
    const json::value* bucket = run_->buckets.if_contains(source);
    std::shared_ptr<Decoder>& decoder = decoders_[bucket != nullptr ? source : std::string()];
    if (decoder != nullptr) return decoder;
    json::object columns = run_->columns;
    if (bucket != nullptr && bucket->is_object()) {
      for (const auto& column : bucket->get_object()) {
        columns.insert_or_assign(column.key(), column.value());
      }
    }
    decoder = std::make_shared<Decoder>(columns_from_json(json::serialize(columns)), run_->seed,
                                        run_->selects);
    return decoder;
  }

  struct Run {
    json::object columns;
    json::object buckets;  // name -> columns
    std::uint64_t seed = 0;
    bool selects = false;

    bool operator==(const Run&) const = default;
  };

  std::string path_;
  std::ifstream in_;
  LedgerContent content_;
  std::optional<Run> run_;  // of the latest "epoch" line
  std::map<std::string, std::shared_ptr<Decoder>> decoders_;
};

// One shard at a time; the samples come sorted by shard.
class Shards {
 public:
  /// Whether the sample is well now.
  Result<void> try_again(const BadSample& bad) {
    if (Result<void> opened = open(bad.shard); !opened) return opened;
    const auto offset = find(bad);
    if (!offset) return tl::unexpected<Error>(offset.error());
    if (*offset == Error::kNoOffset) return {};
    if (Result<void> read = shard_->read(*offset, sample_); !read) return read;
    return bad.decoder->decode(sample_, bad.epoch, bad.position, bad.part);
  }

 private:
  Result<void> open(const std::string& path) {
    if (path != path_) {
      path_ = path;
      error_.reset();
      offset_of_key_.reset();
      auto opened = open_shard(path);
      if (opened) shard_ = *opened;
      auto index = opened ? shard_->index() : tl::unexpected<Error>(opened.error());
      if (index) {
        offsets_ = std::move(index->sample_offsets);
      } else {
        error_ = std::move(index.error());
      }
    }
    if (error_) return tl::unexpected<Error>(*error_);
    return {};
  }

  // Where the sample is now; kNoOffset: it cannot be told, and the shard is all that failed.
  Result<std::uint64_t> find(const BadSample& bad) {
    if (bad.offset == Error::kNoOffset) {
      if (bad.decoder->selects()) return Error::kNoOffset;
      if (bad.index < offsets_.size()) return offsets_[bad.index];
      return fail(Reason::stale_index, "the shard has changed: it has only " +
                                           std::to_string(offsets_.size()) + " samples now");
    }
    const auto behind = std::upper_bound(offsets_.begin(), offsets_.end(), bad.offset);
    if (bad.key.empty()) {  // a damaged place
      if (behind != offsets_.begin() && bad.offset < shard_->source().bytes().size()) {
        return *(behind - 1);
      }
      return fail(Reason::stale_index, "the shard has changed: it ends before that place");
    }
    if (behind != offsets_.begin() && *(behind - 1) == bad.offset) {
      // One that is damaged itself has no key to compare.
      if (!shard_->read(bad.offset, sample_) || printable_utf8(sample_.key()) == bad.key) {
        return bad.offset;
      }
    }
    const auto moved = offsets_of_keys().find(bad.key);
    if (moved != offsets_of_keys().end()) return moved->second;
    return fail(Reason::stale_index, "the shard has changed: no sample of this key is in it");
  }

  const std::unordered_map<std::string, std::uint64_t>& offsets_of_keys() {
    if (!offset_of_key_) {
      offset_of_key_.emplace();
      for (const std::uint64_t offset : offsets_) {
        if (shard_->read(offset, sample_)) {
          offset_of_key_->emplace(printable_utf8(sample_.key()), offset);
        }
      }
    }
    return *offset_of_key_;
  }

  std::string path_;
  std::shared_ptr<const Shard> shard_;
  std::vector<std::uint64_t> offsets_;
  std::optional<Error> error_;
  std::optional<std::unordered_map<std::string, std::uint64_t>> offset_of_key_;
  Sample sample_;
};

std::string place(const BadSample& bad) {
  std::string text = bad.shard;
  if (bad.offset != Error::kNoOffset) text += " at byte " + std::to_string(bad.offset);
  if (!bad.key.empty()) text += ", key \"" + bad.key + "\"";
  return text;
}

json::object result_json(const BadSample& bad, const Result<void>& now) {
  json::object object{{"shard", bad.shard},       {"index", bad.index}, {"offset", nullptr},
                      {"key", bad.key},           {"was", bad.reason},  {"outcome", bad.outcome},
                      {"fails", !now.has_value()}};
  if (bad.offset != Error::kNoOffset) object["offset"] = bad.offset;
  if (!now) {
    object["reason"] = reason_name(now.error().reason);
    object["message"] = printable_utf8(now.error().message);
  }
  return object;
}

int replay_ledger(const ReplayOptions& options) {
  LedgerContent content = LedgerReader(options.ledger).read();
  Shards shards;
  std::uint64_t failing = 0;
  json::array results;
  for (const auto& entry : content.bad) {
    const BadSample& bad = entry.second;
    const Result<void> now = shards.try_again(bad);
    failing += now ? 0 : 1;
    if (options.json) {
      results.push_back(result_json(bad, now));
    } else if (now) {
      std::printf("well now     %s (was %s)\n", place(bad).c_str(), bad.reason.c_str());
    } else {
      std::printf("still fails  %s: %s: %s\n", place(bad).c_str(),
                  std::string(reason_name(now.error().reason)).c_str(),
                  now.error().message.c_str());
    }
  }
  const std::uint64_t well = content.bad.size() - failing;
  if (options.json) {
    const json::object object{{"failing", failing},
                              {"well", well},
                              {"unreadable_lines", content.unreadable_lines},
                              {"samples", std::move(results)}};
    std::printf("%s\n", json::serialize(object).c_str());
  } else {
    std::printf("%llu bad samples: %llu still fail, %llu are well now\n",
                printf_number(content.bad.size()), printf_number(failing), printf_number(well));
  }
  if (content.unreadable_lines > 0) {
    std::fprintf(stderr, "millrace: %s: %llu lines are torn or none of a ledger; passed over\n",
                 options.ledger.c_str(), printf_number(content.unreadable_lines));
  }
  return failing > 0 ? 1 : 0;
}

}  // namespace

int replay(const ReplayOptions& options) {
  try {
    return replay_ledger(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "millrace: %s\n", error.what());
    return 2;
  }
}

void add_replay(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "replay", "Decode the bad samples of LEDGER again and say which of them still fail");
  static ReplayOptions options;
  verb->add_option("ledger", options.ledger, "What a loader wrote to its ledger_path")->required();
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] { exit_code = replay(options); });
}

}  // namespace millrace::cli
