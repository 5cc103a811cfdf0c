#include "millrace/formats/shard_spec.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "millrace/formats/brace_expansion.h"
#include "millrace/formats/folder_shards.h"
#include "millrace/formats/index/folder_indexes.h"
#include "millrace/formats/plain_text.h"
#include "millrace/formats/shard_listing.h"

namespace millrace {

namespace {

constexpr int kMaxListDepth = 8;

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_name_character(char c) { return is_letter(c) || is_digit(c) || c == '_'; }

// A variable's value takes part in what follows (its braces expand), but is not searched for
// further variables.
Result<std::string> substitute_variables(std::string_view spec) {
  std::string result;
  while (true) {
    const std::size_t begin = spec.find("${");
    result += spec.substr(0, begin);
    if (begin == std::string_view::npos) return result;
    const std::size_t end = spec.find('}', begin);
    const std::string name(end == std::string_view::npos ? ""
                                                         : spec.substr(begin + 2, end - begin - 2));
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character)) {
      return fail(Reason::io_error, "${ without a variable's name and } in " + in_quotes(spec));
    }
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return fail(Reason::io_error,
                  "the environment variable " + name + " is not set, in " + in_quotes(spec));
    }
    result += value;
    spec.remove_prefix(end + 1);
  }
}

// Whether a glob leaves this file out: an index lies beside its shards, and would give the samples
// of those that the glob names a second time.
bool is_index_beside(std::string_view path, std::string_view pattern) {
  constexpr std::string_view kIndex = ".index";
  constexpr std::string_view kPartial = ".partial";
  if (pattern.ends_with(kIndex)) return false;
  if (path.ends_with(kPartial)) path.remove_suffix(kPartial.size());
  return path.ends_with(kIndex);
}

// "s3" for "s3://bucket/x.tar"; empty for a path.
std::string_view scheme_of(std::string_view spec) {
  const std::size_t colon = spec.find("://");
  if (colon == std::string_view::npos || colon == 0) return {};
  const std::string_view scheme = spec.substr(0, colon);
  const bool valid = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return is_name_character(c) || c == '+' || c == '-' || c == '.';
  });
  return valid ? scheme : std::string_view{};
}

class SpecExpansion {
 public:
  explicit SpecExpansion(std::size_t max_shards) : max_shards_(max_shards) {}

  // One spec as written: variables, then `::`, then each part.
  Result<void> add_spec(std::string_view spec, int list_depth) {
    const auto text = substitute_variables(spec);
    if (!text) return tl::unexpected<Error>(text.error());
    std::string_view rest = *text;
    while (true) {
      const std::size_t end = rest.find("::");
      if (auto added = add_part(trim(rest.substr(0, end)), list_depth); !added) return added;
      if (end == std::string_view::npos) return {};
      rest.remove_prefix(end + 2);
    }
  }

  Result<std::vector<std::string>> finish() {
    if (missing_count_ == 0) return std::move(paths_);
    std::string message = "shard not found: " + first_missing_;
    if (missing_count_ > 1) message += " (and " + std::to_string(missing_count_ - 1) + " more)";
    return fail(Reason::io_error, std::move(message));
  }

 private:
  Result<void> add_part(std::string_view part, int list_depth) {
    if (part.empty()) return fail(Reason::io_error, "an empty shard spec");
    if (part.starts_with("pipe:")) {
      return fail(Reason::io_error, "commands are not run for shards: " + in_quotes(part));
    }
    if (part.starts_with("file://")) {
      part.remove_prefix(sizeof("file://") - 1);
    } else if (const std::string_view scheme = scheme_of(part); !scheme.empty()) {
      return fail(Reason::io_error,
                  "remote shards (" + std::string(scheme) +
                      "://) are not supported; give local paths: " + in_quotes(part));
    }
    auto names = expand_braces(part, max_shards_ - paths_.size());
    if (!names) return tl::unexpected<Error>(std::move(names.error()));
    for (std::string& name : *names) {
      if (auto added = add_name(std::move(name), list_depth); !added) return added;
    }
    return {};
  }

  Result<void> add_name(std::string name, int list_depth) {
    if (name.empty()) return fail(Reason::io_error, "an empty shard path");
    if (name.front() == '@') return add_list(name.substr(1), list_depth + 1);
    // A file that exists is meant as it stands, even with a `[` in its name. Of a row group it is
    // the file that must exist.
    struct stat status = {};
    const std::string whole = shard_file(name);
    const bool can_be_group = is_parquet_name(file_name_of(whole));
    if (::stat((can_be_group ? whole : name).c_str(), &status) == 0) {
      return add_path(std::move(name));
    }
    const int why = errno;
    if (name.find_first_of("*?[") != std::string::npos) return add_glob(name);
    if (missing_count_++ == 0) {
      first_missing_ = name + " (" + std::generic_category().message(why) + ")";
    }
    return {};
  }

  Result<void> add_path(std::string path) {
    if (paths_.size() >= max_shards_) {
      return fail(Reason::io_error, "more than " + std::to_string(max_shards_) + " shards");
    }
    paths_.push_back(std::move(path));
    return {};
  }

  Result<void> add_glob(const std::string& pattern) {
    struct Matches {
      glob_t found = {};
      Matches() = default;
      Matches(const Matches&) = delete;
      Matches& operator=(const Matches&) = delete;
      ~Matches() { ::globfree(&found); }
    } matches;
    const int status = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches.found);
    if (status != 0 && status != GLOB_NOMATCH) {
      return fail(Reason::io_error, "cannot search for " + in_quotes(pattern));
    }
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < matches.found.gl_pathc; ++i) {
      const std::string_view path = matches.found.gl_pathv[i];
      if (!is_index_beside(path, pattern)) paths.emplace_back(path);
    }
    if (paths.empty()) return fail(Reason::io_error, "no shard matches " + in_quotes(pattern));
    // Sorted here: glob's own order depends on the locale.
    std::sort(paths.begin(), paths.end());
    for (std::string& path : paths) {
      if (auto added = add_path(std::move(path)); !added) return added;
    }
    return {};
  }

  Result<void> add_list(const std::string& path, int list_depth) {
    if (list_depth > kMaxListDepth) {
      return fail(Reason::io_error, "shard lists nested too deep at " + in_quotes(path));
    }
    std::ifstream list(path);
    struct stat status = {};
    if (!list || ::stat(path.c_str(), &status) != 0) {
      return fail(Reason::io_error, "cannot open the shard list " + in_quotes(path));
    }
    // By the file itself: it may have other names.
    const ListFile file{status.st_dev, status.st_ino};
    if (std::find(open_lists_.begin(), open_lists_.end(), file) != open_lists_.end()) {
      return fail(Reason::io_error, "a shard list that contains itself: " + in_quotes(path));
    }
    open_lists_.push_back(file);
    bool first = true;
    for (std::string line; std::getline(list, line); first = false) {
      std::string_view spec = line;
      if (first && spec.starts_with("\xef\xbb\xbf")) spec.remove_prefix(3);
      spec = trim(spec);
      if (spec.empty() || spec.front() == '#') continue;
      if (auto added = add_spec(spec, list_depth); !added) return added;
    }
    if (list.bad()) return fail(Reason::io_error, "cannot read the shard list " + in_quotes(path));
    open_lists_.pop_back();
    return {};
  }

  using ListFile = std::pair<dev_t, ino_t>;

  std::size_t max_shards_;
  std::vector<std::string> paths_;
  std::vector<ListFile> open_lists_;  // those that are being read, each within the one before
  std::string first_missing_;
  std::size_t missing_count_ = 0;
};

}  // namespace

Result<std::vector<std::string>> expand_shard_specs(std::span<const std::string> specs,
                                                    std::size_t max_shards) {
  SpecExpansion expansion(max_shards);
  for (const std::string& spec : specs) {
    if (auto added = expansion.add_spec(spec, 0); !added) {
      return tl::unexpected<Error>(std::move(added.error()));
    }
  }
  return expansion.finish();
}

}  // namespace millrace
