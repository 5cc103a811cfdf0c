#include "millrace/formats/folder_shards.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <simdjson.h>

#include "millrace/formats/byte_source.h"
#include "millrace/formats/images/image_folder_shard.h"
#include "millrace/formats/images/rooted_folder.h"
#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/tables/mds_index.h"

namespace millrace {

namespace {

namespace fs = std::filesystem;

using Paths = std::vector<std::string>;

constexpr std::array<std::string_view, 11> kTarEndings = {
    ".tar",    ".tar.gz", ".tgz",     ".tar.bz2", ".tbz2",   ".tbz",
    ".tar.xz", ".txz",    ".tar.zst", ".tzst",    ".tar.lz4"};

template <std::size_t N>
std::optional<std::string_view> ending_of(std::string_view name,
                                          const std::array<std::string_view, N>& endings) {
  for (const std::string_view ending : endings) {
    if (name.size() > ending.size() && name.ends_with(ending)) return ending;
  }
  return std::nullopt;
}

bool is_table_name(std::string_view name) {
  constexpr std::array<std::string_view, 5> kEndings = {".jsonl", ".ndjson", ".jsonlines", ".csv",
                                                        ".tsv"};
  return ending_of(name, kEndings).has_value();
}

tl::unexpected<Error> cannot(const std::string& folder, const std::string& what,
                             Reason reason = Reason::io_error) {
  return tl::unexpected<Error>(Error{reason, what, folder, Error::kNoOffset, {}});
}

std::string join(const std::string& folder, std::string_view name) {
  return (folder.ends_with('/') ? folder : folder + '/') + std::string(name);
}

// What lies in a folder and below it, as far as it can be a shard.
struct Found {
  Paths tars;     // in the folder itself
  Paths parquet;  // in it or below
  Paths arrow;    // in it
  std::set<std::string> image_folders;
  bool has_tables = false;
};

bool is_hidden(std::string_view name) { return name.starts_with('.') || name == "__MACOSX"; }

void note(const std::string& path, std::string_view name, bool is_top, Found& found) {
  if (is_top && ending_of(name, kTarEndings)) found.tars.push_back(path);
  if (is_top && name.ends_with(".arrow")) found.arrow.push_back(path);
  // `_metadata` and its like are no data (Spark, Hive).
  if (is_parquet_name(name) && !name.starts_with('_')) found.parquet.push_back(path);
  if (is_image_name(name)) found.image_folders.insert(path.substr(0, path.rfind('/')));
  if (is_table_name(name)) found.has_tables = true;
}

Result<Found> search(const std::string& folder) {
  Found found;
  std::error_code error;
  const auto failed = [&](const std::string& where) {
    return cannot(where, "cannot list the folder: " + error.message());
  };
  Paths waiting = {folder};
  while (!waiting.empty()) {
    const std::string current = std::move(waiting.back());
    waiting.pop_back();
    fs::directory_iterator entry(current, error);
    if (error) return failed(current);
    for (; entry != fs::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (is_hidden(name)) continue;
      const std::string path = join(current, name);
      if (entry->is_directory(error) && !error) {
        if (!entry->is_symlink(error)) waiting.push_back(path);
      } else {
        note(path, name, current == folder, found);
      }
      error.clear();  // of a broken link: reading it says so
    }
    if (error) return failed(current);
  }
  for (Paths* paths : {&found.tars, &found.parquet, &found.arrow}) {
    std::sort(paths->begin(), paths->end());
  }
  return found;
}

// Of `save_to_disk`: the files that state.json lists.
Result<Paths> listed_arrow_files(const std::string& folder, const std::string& state) {
  const auto damaged = [&](const std::string& what) {
    return cannot(state, what, Reason::damaged_shard);
  };
  const auto file = map_file(state);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto bytes = (*file)->bytes();
  constexpr std::size_t kMostBytes = std::size_t{64} << 20;
  if (bytes.size() > kMostBytes) return damaged("too long for the list of a dataset's files");
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (auto error = parser.parse(bytes.data(), bytes.size()).get(root)) {
    return damaged(std::string("no valid JSON: ") + simdjson::error_message(error));
  }
  simdjson::dom::array files;
  if (root["_data_files"].get(files)) return damaged("it has no list \"_data_files\"");
  Paths paths;
  for (const simdjson::dom::element entry : files) {
    std::string_view name;
    if (entry["filename"].get(name)) return damaged("an entry of _data_files has no \"filename\"");
    const bool is_plain = !name.empty() && name != "." && name != ".." &&
                          name.find('/') == std::string_view::npos &&
                          name.find('\0') == std::string_view::npos;
    if (!is_plain) {
      return damaged("_data_files lists " + quoted_name(name) +
                     ", which is no file in this folder");
    }
    paths.push_back(join(folder, name));
  }
  return paths;
}

// Of a DatasetDict: which of the splits is meant only the user knows.
Result<Paths> refuse_splits(const std::string& folder, const std::string& list) {
  const auto file = map_file(list);
  if (!file) return tl::unexpected<Error>(file.error());
  simdjson::dom::parser parser;
  simdjson::dom::array splits;
  const auto bytes = (*file)->bytes();
  if (parser.parse(bytes.data(), bytes.size())["splits"].get(splits)) {
    return cannot(list, "it has no list \"splits\"", Reason::damaged_shard);
  }
  std::string names;
  for (const simdjson::dom::element split : splits) {
    std::string_view name;
    if (split.get(name)) continue;
    names += (names.empty() ? "" : ", ") + join(folder, name);
  }
  return cannot(folder, "it holds several splits; name those that are meant: " + names);
}

// Whether the tars are img2dataset's, which writes a Parquet file of metadata beside each.
bool are_tables_of_tars(const Found& found) {
  return std::any_of(found.tars.begin(), found.tars.end(), [&](const std::string& tar) {
    const std::size_t stem = tar.size() - ending_of(tar, kTarEndings)->size();
    return std::binary_search(found.parquet.begin(), found.parquet.end(),
                              tar.substr(0, stem) + ".parquet");
  });
}

Paths image_folders(const Found& found) {
  return {found.image_folders.begin(), found.image_folders.end()};
}

Result<Paths> shards_in(const std::string& folder, const Found& found) {
  if (!found.parquet.empty() && !found.tars.empty() && !are_tables_of_tars(found)) {
    return cannot(folder, "it holds both tars and Parquet files; say which: " +
                              join(folder, "*.tar") + " or " + join(folder, "*.parquet"));
  }
  if (!found.tars.empty()) return found.tars;
  if (!found.parquet.empty()) return found.parquet;
  if (!found.image_folders.empty()) return image_folders(found);
  std::string message =
      "nothing to read in this folder: no state.json of a Hugging Face dataset, no index.json of "
      "MDS, no tars in it, no Parquet files and no images in it or below";
  if (!found.arrow.empty()) {
    message += "; of Arrow files without state.json name the files: " + join(folder, "*.arrow");
  }
  if (found.has_tables) {
    message += "; of JSONL and CSV name the files, such as " + join(folder, "*.jsonl");
  }
  return cannot(folder, message);
}

Result<Paths> of_format(const std::string& folder, const std::string& format, const Found& found) {
  const auto or_nothing = [&](const Paths& paths, const char* what) -> Result<Paths> {
    if (!paths.empty()) return paths;
    return cannot(folder, std::string("there are no ") + what + " in this folder");
  };
  if (format == "tar") return or_nothing(found.tars, "tars");
  if (format == "parquet") return or_nothing(found.parquet, "Parquet files");
  if (format == "arrow") return or_nothing(found.arrow, "Arrow files");
  if (format == "images") return or_nothing(image_folders(found), "images");
  return cannot(folder, "a folder is not read as " + format + ": name its files");
}

}  // namespace

bool is_parquet_name(std::string_view file_name) {
  constexpr std::array<std::string_view, 3> kEndings = {".parquet", ".parq", ".pq"};
  return ending_of(file_name, kEndings).has_value();
}

Result<std::vector<std::string>> folder_shards(const std::string& folder,
                                               const ReadOptions& options) {
  const std::string& format = options.format;
  std::error_code error;
  const auto has = [&](const std::string& file) { return fs::is_regular_file(file, error); };
  if (format.empty() || format == "arrow") {
    if (const std::string state = join(folder, "state.json"); has(state)) {
      return listed_arrow_files(folder, state);
    }
    if (const std::string list = join(folder, "dataset_dict.json"); has(list)) {
      return refuse_splits(folder, list);
    }
  }
  if (format == "mds" || (format.empty() && is_mds_folder(folder))) return mds_shards(folder);
  const auto found = search(folder);
  if (!found) return tl::unexpected<Error>(found.error());
  return format.empty() ? shards_in(folder, *found) : of_format(folder, format, *found);
}

}  // namespace millrace
