#include "cat.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "check/sample_finding.h"
#include "millrace/formats/plain_text.h"
#include "millrace/loader/json.h"
#include "millrace/transforms/decode/decode.h"
#include "millrace/transforms/decode/image_kind.h"
#include "printable_text.h"
#include "read_flags.h"
#include "run_cost.h"

namespace millrace::cli {

namespace json = boost::json;

namespace {

// Of a text in the description of a sample.
constexpr std::size_t kShownInFull = 4000;

using Bytes = std::span<const std::uint8_t>;

int complain(const std::string& message) {
  std::fprintf(stderr, "millrace: %s\n", escaped(message).c_str());
  return 1;
}

// All of it, or a message.
std::string write_to(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return std::generic_category().message(written < 0 ? errno : EIO);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

int write_field(const CatOptions& options, Bytes data) {
  if (options.output.empty()) {
    if (isatty(STDOUT_FILENO) == 1) {
      const std::string_view text = as_text(data);
      if (!is_utf8(text)) {
        return complain(
            "--field " + options.field +
            ": not written to a terminal, because it is no text; use -o FILE or a pipe");
      }
      std::printf("%s\n", escaped(text, true).c_str());
      return 0;
    }
    const std::string error = write_to(STDOUT_FILENO, as_text(data));
    return error.empty() ? 0 : complain("cannot write: " + error);
  }
  const int file = ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) {
    return complain("-o " + options.output + ": " + std::generic_category().message(errno));
  }
  std::string error = write_to(file, as_text(data));
  if (::close(file) != 0 && error.empty()) error = std::generic_category().message(errno);
  return error.empty() ? 0 : complain("-o " + options.output + ": " + error);
}

// "JPEG, 500 x 375", or why it is none; empty for what does not begin like an image.
std::string image_text(Bytes data) {
  const ImageKind kind = sniff_image(data);
  if (kind == ImageKind::unknown || is_utf8(as_text(data))) return {};
  ImageDecoder decoder;
  const auto image = decoder.decode(data);
  std::string text(image_kind_name(kind));
  if (!image) {
    return text + ", " + std::string(reason_name(image.error().reason)) + ": " +
           image.error().message;
  }
  return text + ", " + std::to_string(image->width) + " x " + std::to_string(image->height);
}

void print_fields(const Sample& sample) {
  for (const Field& field : sample.fields()) {
    const std::string_view text = as_text(field.data);
    std::printf("%s: %zu bytes", escaped(field.name).c_str(), field.data.size());
    if (const std::string image = image_text(field.data); !image.empty()) {
      std::printf(", %s\n", escaped(image).c_str());
      continue;
    }
    std::printf("\n");
    if (text.empty() || !is_utf8(text)) continue;
    std::string shown;
    std::size_t length = 0;
    while (length < std::min(text.size(), kShownInFull)) {
      length += std::max<std::size_t>(utf8_character_bytes(text.substr(length)), 1);
    }
    shown = escaped(text.substr(0, length), true);
    for (std::size_t begin = 0; begin < shown.size();) {
      const std::size_t end = std::min(shown.find('\n', begin), shown.size());
      std::printf("    %s\n", shown.substr(begin, end - begin).c_str());
      begin = end + 1;
    }
    if (length < text.size()) std::printf("    ... --field shows all of it\n");
  }
}

void print_json(const FoundEntry& entry, const Sample& sample) {
  json::object fields;
  for (const Field& field : sample.fields()) {
    json::object one{{"bytes", field.data.size()}};
    const std::string_view text = as_text(field.data);
    if (const std::string image = image_text(field.data); !image.empty()) {
      one["image"] = image;
    } else if (is_utf8(text)) {
      one["text"] = json::string_view(text.data(), text.size());
    }
    fields[printable_utf8(field.name)] = std::move(one);
  }
  const json::object object{{"key", printable_utf8(sample.key())},
                            {"number", entry.number},
                            {"shard", printable_utf8(sample.shard())},
                            {"index", entry.index},
                            {"offset", entry.source.offsets[entry.index]},
                            {"unit", sample.offset_unit() == OffsetUnit::row ? "row" : "byte"},
                            {"fields", std::move(fields)}};
  std::printf("%s\n", escaped_json(json::serialize(object)).c_str());
}

int no_such_field(const CatOptions& options, const Sample& sample) {
  std::string names;
  std::string nearest;
  std::size_t distance = std::max<std::size_t>(options.field.size() / 2, 2) + 1;
  for (const Field& field : sample.fields()) {
    names += (names.empty() ? "" : ", ") + field.name;
    const std::size_t edits = edit_distance(options.field, field.name, distance);
    if (edits >= distance) continue;
    distance = edits;
    nearest = field.name;
  }
  std::string message = "--field " + options.field + ": the sample has " +
                        (names.empty() ? std::string("no fields") : names);
  if (!nearest.empty()) message += "; did you mean " + nearest + "?";
  return complain(message);
}

}  // namespace

int cat(const CatOptions& options) {
  options.read.validate();
  if (!options.output.empty() && options.field.empty()) {
    throw std::invalid_argument("-o " + options.output + ": needs --field");
  }
  const auto sources = SourceShards::list(options.sources, options.read);
  if (!sources) return complain(sources.error().to_string());
  const auto entry = find_sample(*sources, options.sample, options.by_key);
  if (!entry) return complain(entry.error().to_string());
  Sample sample;
  const auto read = entry->source.shard->read(entry->source.offsets[entry->index], sample);
  if (!read) return complain(read.error().to_string());
  if (!options.field.empty()) {
    const Field* field = sample.find(options.field);
    return field == nullptr ? no_such_field(options, sample) : write_field(options, field->data);
  }
  if (options.json) {
    print_json(*entry, sample);
  } else {
    std::printf("key: %s\nsample: %llu, %s:%llu at %s %llu\n", escaped(sample.key()).c_str(),
                printf_number(entry->number), escaped(sample.shard()).c_str(),
                printf_number(entry->index),
                sample.offset_unit() == OffsetUnit::row ? "row" : "byte",
                printf_number(entry->source.offsets[entry->index]));
    print_fields(sample);
  }
  return std::fflush(stdout) == 0 ? 0 : complain("cannot write");
}

void add_cat(CLI::App& app, int& exit_code) {
  CLI::App* verb =
      app.add_subcommand("cat", "Show one sample of SOURCES, or write one of its fields as it is");
  static CatOptions options;
  verb->add_option("sources", options.sources,
                   "Shard specs, files or folders of any format, and last the sample: its key, its "
                   "number, or SHARD:INDEX")
      ->required()
      ->expected(2, 1'000'000);
  verb->add_flag("--key", options.by_key, "The sample is named by its key, though it be a number");
  verb->add_option("--field", options.field, "Write the bytes of this field and nothing else");
  verb->add_option("-o,--output", options.output, "Write them into this file");
  add_read_flags(*verb, options.read);
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] {
    options.sample = options.sources.back();
    options.sources.pop_back();
    exit_code = cat(options);
  });
}

}  // namespace millrace::cli
