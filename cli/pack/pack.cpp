#include "pack/pack.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "millrace/formats/index/index_making.h"
#include "millrace/formats/index/sample_index.h"
#include "millrace/formats/index/shard_walk.h"
#include "millrace/formats/shard_listing.h"
#include "millrace/loader/json.h"
#include "millrace/loader/options.h"
#include "pack/pack_pipeline.h"
#include "pack/pack_target.h"
#include "pack/source_files.h"
#include "printable_text.h"
#include "progress_line.h"
#include "read_flags.h"
#include "run_on_threads.h"
#include "source_shards.h"

namespace millrace::cli {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

void show_progress(ProgressLine& line, std::uint64_t samples, std::uint64_t bytes,
                   std::uint64_t shard, std::size_t shards) {
  if (!line.is_due()) return;
  const double megabytes = static_cast<double>(bytes) * 1e-6;
  std::array<char, 128> text{};
  std::snprintf(text.data(), text.size(), "source %llu/%zu, %llu samples, %.0f MB, %.0f MB/s ",
                printf_number(shard + 1), shards, printf_number(samples), megabytes,
                megabytes / line.seconds());
  line.show(text.data());
}

struct PackReport {
  PackTotals totals;
  std::uint64_t kept_shards = 0;  // of an interrupted run, or all
  std::string manifest;
  std::string index;
};

Result<PackHeader> header_of(const PackOptions& options, const SourceShards& sources,
                             const PackTarget& target, ShardBounds bounds) {
  const auto list = [](const std::vector<std::string>& texts) {
    json::array array;
    for (const std::string& text : texts) array.emplace_back(printable_utf8(text));
    return array;
  };
  auto files = files_of(sources, options.read);
  if (!files) return tl::unexpected<Error>(std::move(files.error()));
  const ReadOptions& read = options.read;
  json::object described{{"names", printable_utf8(target.pattern)},
                         {"max_size", bounds.max_bytes},
                         {"max_count", bounds.max_samples},
                         {"max_side", options.shape.max_side},
                         {"quality", options.shape.quality},
                         {"fields", list(options.shape.fields)},
                         {"image", list(options.shape.images)},
                         {"caption", printable_utf8(options.shape.caption)},
                         {"format", read.format},
                         {"image_root", printable_utf8(read.image_root)},
                         {"image_tars", list(read.image_tars)},
                         {"image_paths", list(read.image_paths)},
                         {"keys", list(read.keys)},
                         {"separator", printable_utf8(read.separator)}};
  const json::object line{{"millrace_pack", 1},
                          {"sources", list(options.sources)},
                          {"source_shards", sources.size()},
                          {"source_bytes", files->bytes},
                          {"options", std::move(described)}};
  return PackHeader{json::serialize(line), std::move(files->stamp), std::move(files->paths)};
}

// The run is one pack: what it reads, where it writes, and what is there already.
class Packing {
 public:
  Packing(const PackOptions& options, PackTarget target, ShardBounds bounds)
      : options_(options),
        target_(std::move(target)),
        bounds_(bounds),
        threads_(options.threads > 0 ? options.threads : usable_cores()) {}

  Result<PackReport> run() {
    auto sources = SourceShards::list(options_.sources, options_.read);
    if (!sources) return tl::unexpected<Error>(std::move(sources.error()));
    const auto header = header_of(options_, *sources, target_, bounds_);
    if (!header) return tl::unexpected<Error>(header.error());
    check_apart(*sources);
    std::error_code error;
    fs::create_directories(target_.folder, error);
    if (error) return system_failure(target_.folder, "cannot be made", error.value());
    if (!options_.force) {
      auto finished = take_finished(*header, *sources);
      if (!finished || *finished) {
        if (!finished) return tl::unexpected<Error>(std::move(finished.error()));
        return report_;
      }
      check_free();
    }
    auto journal = PackJournal::open(target_.folder, *header, options_.force);
    if (!journal) return tl::unexpected<Error>(std::move(journal.error()));
    if (auto packed = pack_into(**journal, *sources); !packed) {
      return tl::unexpected<Error>(std::move(packed.error()));
    }
    return report_;
  }

 private:
  // A pack must not write over what it reads.
  void check_apart(const SourceShards& sources) const {
    std::error_code error;
    const fs::path folder = fs::weakly_canonical(fs::absolute(target_.folder), error);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const fs::path source =
          fs::weakly_canonical(fs::absolute(shard_file(sources.path(i))), error);
      if ((source.parent_path() / "") != (folder / "")) continue;
      if (target_.names(source.filename().native())) {
        refuse_pack(sources.path(i), "a source has the name of a shard to be written");
      }
      // It may be of the pack that would be replaced.
      if (options_.force) {
        refuse_pack(sources.path(i),
                    "a source lies in the folder whose pack --force replaces; choose "
                    "another folder");
      }
    }
  }

  Result<bool> take_finished(const PackHeader& header, const SourceShards& sources) {
    auto finished = PackJournal::finished_pack(target_.folder, header);
    if (!finished) return tl::unexpected<Error>(std::move(finished.error()));
    if (!*finished) return false;
    for (const PackedShard& shard : (*finished)->shards) {
      const std::string path = target_.folder + shard.name;
      const auto stamp = file_stamp(path);
      if (!stamp || stamp->bytes != shard.bytes) {
        return tl::unexpected<Error>(
            Error{Reason::damaged_shard,
                  "the finished pack lacks this shard, or it has another size; --force packs anew",
                  path,
                  Error::kNoOffset,
                  {}});
      }
      report_.totals.add(shard);
    }
    report_.manifest = target_.folder + "manifest.jsonl";
    report_.index = target_.folder + std::string(kIndexFileName);
    auto same = check_named((*finished)->named, {sources.size(), 0}, sources, report_.manifest);
    if (!same) return tl::unexpected<Error>(std::move(same.error()));
    report_.totals.skipped = (*finished)->skipped;
    report_.kept_shards = (*finished)->shards.size();
    return true;
  }

  // Whether the files that the entries before `end` name are what they were.
  Result<void> check_named(const NamedFiles& then, SourcePlace end, const SourceShards& sources,
                           const std::string& told_by) const {
    if (then.files == 0) return {};
    const auto now = named_files_before(end, sources, threads_);
    if (!now) return tl::unexpected<Error>(now.error());
    if (*now == then) return {};
    refuse_pack(told_by,
                "images that the sources name have changed since: some were added or "
                "removed, or have another size or time of modification; --force packs "
                "anew");
  }

  // Shards that no manifest and no journal tell of are somebody else's.
  void check_free() const {
    std::error_code error;
    const auto journal_bytes = fs::file_size(target_.folder + "manifest.jsonl.partial", error);
    if (!error && journal_bytes > 0) return;
    const std::string first = target_.folder + shard_name(target_.pattern, 0);
    if (!fs::exists(first, error)) return;
    refuse_pack(first,
                "exists, and no manifest says that it is of this pack; choose another "
                "folder or prefix, or --force to replace it");
  }

  Result<void> pack_into(PackJournal& journal, const SourceShards& sources) {
    auto keys = verified_keys(journal);
    if (!keys) return tl::unexpected<Error>(std::move(keys.error()));
    report_.kept_shards = journal.finished().size();
    const SourcePlace begin =
        journal.finished().empty() ? SourcePlace{} : journal.finished().back().next;
    NamedFiles named;
    for (const PackedShard& shard : journal.finished()) named.add(shard.named);
    if (auto same = check_named(named, begin, sources, journal.path()); !same) return same;
    PackShards shards(target_.folder, target_.pattern, bounds_, journal, std::move(*keys));
    ProgressLine progress;
    std::uint64_t samples = 0;
    std::uint64_t bytes = 0;
    std::optional<Error> first_bad;
    auto done = for_each_made_sample(
        sources, begin, options_.shape, threads_, [&](MadeSample& made) -> Result<void> {
          if (made.error) {
            if (!options_.skip_bad) {
              made.error->message += "; --on-bad skip leaves such samples out";
              return tl::unexpected<Error>(std::move(*made.error));
            }
            if (!first_bad) first_bad = *made.error;
            shards.skip(std::move(*made.error));
            shards.note(made.named);
            return {};
          }
          for (const PackedMember& member : made.packed.members) bytes += member.data.size();
          show_progress(progress, ++samples, bytes, made.place.shard, sources.size());
          auto added = shards.add(made.packed, made.place);
          shards.note(made.named);
          made.shard->done_with(made.sample);
          return added;
        });
    // What is finished stays, whatever ends the run.
    if (done) done = shards.finish({sources.size(), 0});
    progress.clear();
    if (!done) return done;
    report_.totals = shards.totals();
    if (report_.totals.samples == 0) {
      if (first_bad) {
        first_bad->message = "no sample can be packed; the first one: " + first_bad->message;
        return tl::unexpected<Error>(std::move(*first_bad));
      }
      return fail(Reason::missing_field, "the sources have no samples");
    }
    if (auto indexed = make_index(); !indexed) return indexed;
    report_.manifest = journal.manifest_path();
    return journal.finish(report_.totals);
  }

  // The keys in the shards that an interrupted run finished. The first one that is not what the
  // journal says is packed again, and what comes after it.
  Result<UniqueKeys> verified_keys(PackJournal& journal) const {
    const std::vector<PackedShard>& shards = journal.finished();
    std::vector<std::optional<std::vector<std::uint64_t>>> hashes(shards.size());
    run_on_threads(threads_, shards.size(),
                   [&](std::size_t i) { hashes[i] = key_hashes_of(shards[i]); });
    UniqueKeys keys;
    std::size_t whole = 0;
    for (; whole < hashes.size() && hashes[whole]; ++whole) {
      for (const std::uint64_t hash : *hashes[whole]) keys.take(hash);
    }
    if (auto kept = journal.keep(whole); !kept) return tl::unexpected<Error>(kept.error());
    return keys;
  }

  std::optional<std::vector<std::uint64_t>> key_hashes_of(const PackedShard& packed) const {
    auto source = map_file(target_.folder + packed.name);
    if (!source || (*source)->bytes().size() != packed.bytes ||
        tar::padded_crc32((*source)->bytes()) != packed.crc32) {
      return std::nullopt;
    }
    const std::vector<std::string> metadata = {"__key__"};
    const auto walked = walk_shard(*tar_shard(std::move(*source)), metadata);
    if (!walked || walked->damaged > 0) return std::nullopt;
    return walked->columns[0].values;
  }

  Result<void> make_index() {
    IndexMaking making;
    for (std::uint64_t i = 0; i < report_.totals.shards; ++i) {
      making.sources.push_back(target_.folder + shard_name(target_.pattern, i));
    }
    const auto made =
        make_indexes(making,
                     [&](std::size_t count, const std::function<void(std::size_t)>& task) {
                       run_on_threads(threads_, count, task);
                     },
                     {});
    if (!made) return tl::unexpected<Error>(made.error());
    report_.index = made->files.empty() ? std::string() : made->files[0];
    return {};
  }

  const PackOptions& options_;
  PackTarget target_;
  ShardBounds bounds_;
  std::size_t threads_;
  PackReport report_;
};

void print_report(const PackReport& report, double seconds, bool as_json) {
  const PackTotals& totals = report.totals;
  if (as_json) {
    const json::object object{{"shards", totals.shards},
                              {"samples", totals.samples},
                              {"bytes", totals.bytes},
                              {"skipped", totals.skipped},
                              {"changed_keys", totals.changed_keys},
                              {"reencoded_images", totals.reencoded_images},
                              {"kept_shards", report.kept_shards},
                              {"seconds", seconds},
                              {"manifest", printable_utf8(report.manifest)},
                              {"index", printable_utf8(report.index)}};
    std::printf("%s\n", json::serialize(object).c_str());
    return;
  }
  std::printf("%llu samples in %llu shard(s), %.1f MB; %llu skipped, %llu keys changed, ",
              printf_number(totals.samples), printf_number(totals.shards),
              static_cast<double>(totals.bytes) * 1e-6, printf_number(totals.skipped),
              printf_number(totals.changed_keys));
  std::printf("%llu images re-encoded, %llu shard(s) there already, %.2f s\n%s\n%s\n",
              printf_number(totals.reencoded_images), printf_number(report.kept_shards), seconds,
              report.manifest.c_str(), report.index.c_str());
}

ShardBounds bounds_of(const PackOptions& options) {
  ShardBounds bounds;
  bounds.max_samples = options.max_count;
  if (!options.max_size.empty()) {
    bounds.max_bytes = bytes_of_size(options.max_size, "--max-size");
  } else if (options.max_count == 0) {
    bounds.max_bytes = std::uint64_t{512} << 20;
  }
  return bounds;
}

}  // namespace

int pack(const PackOptions& options) {
  options.shape.validate();
  PackOptions whole = options;
  if (!options.shape.fields.empty()) {
    // Columns that nothing is made of are not read.
    std::vector<std::string> fields = options.shape.fields;
    fields.insert(fields.end(), options.shape.images.begin(), options.shape.images.end());
    if (!options.shape.caption.empty()) {
      const auto of_caption = FieldSelector(options.shape.caption).fields();
      fields.insert(fields.end(), of_caption.begin(), of_caption.end());
    }
    whole.read.fields = std::move(fields);
  }
  whole.read.validate();
  const Clock::time_point begin = Clock::now();
  Packing packing(whole, pack_target(options.output, options.prefix), bounds_of(options));
  const auto report = packing.run();
  if (!report) {
    std::fprintf(stderr, "millrace: %s\n", escaped(report.error().to_string()).c_str());
    return 1;
  }
  print_report(*report, seconds_since(begin), options.json);
  return 0;
}

void add_pack(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "pack",
      "Pack the samples of SOURCES, of any format, into tar shards with an index and a manifest; "
      "an interrupted run goes on");
  static PackOptions options;
  static std::string on_bad = "raise";
  verb->add_option("sources", options.sources, "Shard specs, files or folders of any format")
      ->required();
  verb->add_option("-o,--output", options.output,
                   "A folder, or the shards' path with a number: out/train-%06d.tar")
      ->required();
  verb->add_option("--prefix", options.prefix, "Of the shards' names in the folder")
      ->capture_default_str();
  verb->add_option("--max-size", options.max_size,
                   "Largest shard: 512MiB (the default without --max-count), 1GB, ...");
  verb->add_option("--max-count", options.max_count, "Most samples in a shard");
  verb->add_option("--max-side", options.shape.max_side,
                   "Decode all images, and re-encode those with a longer side as JPEG");
  verb->add_option("--quality", options.shape.quality, "Of re-encoded JPEGs")
      ->capture_default_str();
  verb->add_option("--fields", options.shape.fields, "Only these fields: 'jpg;txt'")
      ->delimiter(';')
      ->allow_extra_args(false);
  verb->add_option("--image", options.shape.images, "Fields that hold images: 'photo;thumbnail'")
      ->delimiter(';')
      ->allow_extra_args(false);
  verb->add_option("--caption", options.shape.caption,
                   "What becomes txt: a column, or json:PATH; several: 'title;json:alt'");
  add_read_flags(*verb, options.read);
  verb->add_option("--on-bad", on_bad,
                   "A sample that cannot be read or decoded: raise ends the run, skip leaves it "
                   "out and lists it in the manifest")
      ->check(CLI::IsMember({"raise", "skip"}))
      ->capture_default_str();
  verb->add_flag("--force", options.force, "Replace the pack that is in the folder");
  add_threads_flag(*verb, options.threads);
  verb->add_flag("--json", options.json, "One JSON object on standard output");
  verb->callback([&exit_code] {
    options.skip_bad = on_bad == "skip";
    exit_code = pack(options);
  });
}

}  // namespace millrace::cli
