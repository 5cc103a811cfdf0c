#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "millrace/loader/ledger.h"
#include "millrace/loader/state.h"
#include "millrace/result/result.h"

namespace millrace {

/// Which sample was bad and what became of its slot.
struct BadSample {
  std::uint64_t epoch = 0;
  std::uint64_t position = 0;  ///< global
  std::string_view source;
  std::string shard;           ///< its path
  std::uint64_t index = 0;     ///< among the shard's selected samples
  std::uint64_t part = 0;      ///< of an expanded sample: for which caption, see Selection::expand
  std::string_view outcome;    ///< "substituted", "skipped" or "raised"
  std::string stand_in_shard;  ///< what a substituted slot holds
  std::uint64_t stand_in_index = 0;
  const Error* error = nullptr;
};

/// The ledger as a file of JSON lines, each an object with an "event":
///   "epoch"       version, epoch, position (where it is taken up), rank, world_size, expected,
///                 fingerprint (with the columns: all that `millrace replay` needs)
///   "bad_sample"  epoch, position, source, shard, index, offset, key, reason, message, outcome,
///                 of a substituted one "stand_in" {shard, index}, and "part" if it is not 0
///   "end"         epoch, rank, and "ledger": the epoch's Ledger with its shards
/// A line is written whole in one call and appended, so what was handed over before a process died
/// is there, and ranks may share a file on a local disk. After a resume from an older state the
/// same position comes again: the later line holds. Not thread-safe.
class LedgerFile {
 public:
  /// Empty path: writes nothing. Throws LoaderError if the file cannot be opened.
  explicit LedgerFile(const std::string& path);
  ~LedgerFile();
  LedgerFile(const LedgerFile&) = delete;
  LedgerFile& operator=(const LedgerFile&) = delete;

  bool is_open() const { return file_ >= 0; }
  // These throw LoaderError where the line cannot be written.
  void epoch(const Ledger& ledger, std::uint64_t rank, std::uint64_t world_size,
             const Fingerprint& fingerprint);
  void bad_sample(const BadSample& bad);
  void end(const Ledger& ledger, std::uint64_t rank);

 private:
  void write(std::string line);

  std::string path_;
  int file_ = -1;
  bool torn_ = false;  // the file ends within a line, which must not swallow the next one
};

}  // namespace millrace
