#include "ls.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "millrace/formats/plain_text.h"
#include "millrace/formats/shard_listing.h"
#include "millrace/loader/json.h"
#include "printable_text.h"
#include "read_flags.h"
#include "run_cost.h"
#include "source_shards.h"

namespace millrace::cli {

namespace json = boost::json;

namespace {

constexpr std::size_t kShownInLine = 60;

json::object error_object(const Error& error) {
  return {{"reason", reason_name(error.reason)}, {"message", printable_utf8(error.message)}};
}

// Bytes of texts, cut so that a line stays one.
std::string shown_text(const Field& field) {
  const std::string_view text = as_text(field.data);
  if (field.name == "json" || !is_utf8(text)) return {};
  std::size_t length = 0;
  while (length < std::min(text.size(), kShownInLine)) {
    length += std::max<std::size_t>(utf8_character_bytes(text.substr(length)), 1);
  }
  return " \"" + escaped(text.substr(0, length)) + (length < text.size() ? "...\"" : "\"");
}

class Listing {
 public:
  explicit Listing(const LsOptions& options) : options_(options) {}

  Result<void> run() {
    const auto sources = SourceShards::list(options_.sources, options_.read);
    if (!sources) return tl::unexpected<Error>(sources.error());
    return options_.shards ? list_shards(*sources) : list_samples(*sources);
  }

  bool failed() const { return failed_; }

 private:
  bool is_full() const { return shown_ >= options_.limit; }

  Result<void> list_shards(const SourceShards& sources) {
    const std::uint64_t begin = std::min<std::uint64_t>(options_.offset, sources.size());
    for (std::size_t i = begin; i < sources.size() && !is_full(); ++i, ++shown_)
      show_shard(sources, i);
    return {};
  }

  void show_shard(const SourceShards& sources, std::size_t shard) {
    const std::string& path = sources.path(shard);
    json::object line{{"shard", printable_utf8(path)}};
    auto samples = sources.known_samples(shard);
    auto damaged = sources.known_damaged(shard);
    const auto stamp = file_stamp(shard_file(path));
    std::optional<Error> error;
    if (!stamp) {
      error = stamp.error();
    } else if (!samples) {
      const auto opened = sources.open(shard);
      if (opened) {
        samples = opened->offsets.size();
        damaged = opened->damaged;
      } else {
        error = opened.error();
      }
    }
    failed_ = failed_ || error;
    if (options_.json) {
      if (error) {
        line["error"] = error_object(*error);
      } else {
        line["samples"] = *samples;
        line["bytes"] = stamp->bytes;
        line["damaged"] = *damaged;
      }
      print(line);
      return;
    }
    if (error) {
      std::printf("%10s %15s  %s  %s\n", "-", "-", escaped(path).c_str(),
                  escaped(std::string(reason_name(error->reason)) + ": " + error->message).c_str());
      return;
    }
    std::printf("%10llu %15llu  %s%s\n", printf_number(*samples), printf_number(stamp->bytes),
                escaped(path).c_str(),
                *damaged > 0 ? ("  " + std::to_string(*damaged) + " damaged").c_str() : "");
  }

  Result<void> list_samples(const SourceShards& sources) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sources.size() && !is_full(); ++i) {
      if (const auto known = sources.known_samples(i);
          known && number + *known <= options_.offset) {
        number += *known;
        continue;
      }
      const auto opened = sources.open(i);
      if (!opened) {
        // How many samples are lost is not known, so later numbers would not hold.
        return tl::unexpected<Error>(opened.error());
      }
      const std::uint64_t samples = opened->offsets.size();
      std::uint64_t index = std::max(options_.offset, number) - number;
      for (; index < samples && !is_full(); ++index, ++shown_) {
        if (std::ferror(stdout) != 0) return {};
        show_sample(*opened, number + index, index);
      }
      number += samples;
    }
    return {};
  }

  void show_sample(const OpenSource& source, std::uint64_t number, std::uint64_t index) {
    const std::uint64_t offset = source.offsets[index];
    const auto read = source.shard->read(offset, sample_);
    failed_ = failed_ || !read;
    if (options_.json) {
      show_json(source, number, index, read);
      return;
    }
    std::string line = std::to_string(number) + "  ";
    if (options_.longer) {
      line += escaped(source.shard->name()) + ":" + std::to_string(index) + "  @" +
              std::to_string(offset) + "  ";
    }
    if (!read) {
      line += "-  ";
      if (!read.error().key.empty()) line += escaped(read.error().key) + "  ";
      line += escaped(std::string(reason_name(read.error().reason)) + ": " + read.error().message);
    } else {
      line += escaped(sample_.key());
      for (const Field& field : sample_.fields()) {
        line += "  " + escaped(field.name) + " " + std::to_string(field.data.size());
        if (options_.longer) line += shown_text(field);
      }
    }
    std::printf("%s\n", line.c_str());
  }

  void show_json(const OpenSource& source, std::uint64_t number, std::uint64_t index,
                 const Result<void>& read) {
    json::object line{{"number", number},
                      {"shard", printable_utf8(source.shard->name())},
                      {"index", index},
                      {"offset", source.offsets[index]}};
    if (!read) {
      line["unit"] = read.error().unit == OffsetUnit::row ? "row" : "byte";
      if (!read.error().key.empty()) line["key"] = printable_utf8(read.error().key);
      line["error"] = error_object(read.error());
      print(line);
      return;
    }
    line["unit"] = sample_.offset_unit() == OffsetUnit::row ? "row" : "byte";
    line["key"] = printable_utf8(sample_.key());
    json::object fields;
    for (const Field& field : sample_.fields()) {
      fields[printable_utf8(field.name)] = field.data.size();
    }
    line["fields"] = std::move(fields);
    print(line);
  }

  static void print(const json::object& line) {
    std::printf("%s\n", escaped_json(json::serialize(line)).c_str());
  }

  const LsOptions& options_;
  Sample sample_;
  std::uint64_t shown_ = 0;
  bool failed_ = false;
};

}  // namespace

int ls(const LsOptions& options) {
  options.read.validate();
  Listing listing(options);
  const auto listed = listing.run();
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!written) {
    // `| head`: where SIGPIPE is ignored it is EPIPE.
    if (errno == EPIPE) return 0;
    std::fprintf(stderr, "millrace: cannot write: %s\n",
                 std::generic_category().message(errno).c_str());
    return 1;
  }
  if (!listed) {
    std::fprintf(stderr, "millrace: %s\n", escaped(listed.error().to_string()).c_str());
    return 1;
  }
  return listing.failed() ? 1 : 0;
}

void add_ls(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("ls", "List the samples of SOURCES: keys, fields and sizes");
  static LsOptions options;
  verb->add_option("sources", options.sources, "Shard specs, files or folders of any format")
      ->required();
  verb->add_flag("-l,--long", options.longer,
                 "With shard, index, offset, and the beginning of texts");
  verb->add_flag("--shards", options.shards, "The shards, with samples, bytes and damage");
  verb->add_option("--limit", options.limit, "At most so many");
  verb->add_option("--offset", options.offset, "Pass over so many")->capture_default_str();
  add_read_flags(*verb, options.read);
  verb->add_flag("--json", options.json, "One JSON object a line");
  verb->callback([&exit_code] { exit_code = ls(options); });
}

}  // namespace millrace::cli
