#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "millrace/formats/shard.h"

namespace millrace::test {

/// Opens a shard, as a check: an error fails the test with its message.
std::shared_ptr<const Shard> opened(const std::string& path, const ReadOptions& options = {});

/// A field as text, "<none>" where there is no such field.
std::string text_of(const Field* field);
std::string text_of(const Sample& sample, std::string_view field);

/// Reads what the index has once more, when its samples have all been read before, and checks that
/// none of it is allocated. Every entry must be a good sample.
void check_reading_allocates_nothing(const Shard& shard, std::size_t samples);

}  // namespace millrace::test
