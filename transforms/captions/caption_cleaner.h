#pragma once

#include <memory>
#include <span>
#include <string>

#include "millrace/transforms/captions/captions.h"

namespace millrace {

/// Applies regular expressions to captions, in time linear in their length. Holds what the
/// automata have learnt: use one a thread.
///
/// Matches do not overlap and are found from left to right; an empty match directly behind a match
/// is none. Allocates nothing once its buffers have grown, but for patterns whose replacement names
/// groups. In invalid UTF-8 the bytes that are none match nothing.
class CaptionCleaner {
 public:
  /// Throws as Captions::validate: a pattern that is none or needs too much memory, a replacement
  /// that names a group the pattern has not.
  explicit CaptionCleaner(std::span<const CaptionCleanUp> rules);
  ~CaptionCleaner();
  CaptionCleaner(CaptionCleaner&&) noexcept;
  CaptionCleaner& operator=(CaptionCleaner&&) noexcept;

  bool is_empty() const;
  /// Replaces in `caption`. false: it became longer than Captions::kMostCaptionBytes; then its
  /// content is unspecified.
  bool clean(std::string& caption);

 private:
  struct Rule;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace
