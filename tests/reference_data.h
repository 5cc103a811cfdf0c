#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <simdjson.h>

namespace millrace::test {

/// The folder of reference data (real images, shards and golden answers), from MILLRACE_TEST_DATA
/// or found as `shared/data` beside the checkout. Where it is absent this prints, once a test, that
/// the test is skipped for want of it.
std::optional<std::filesystem::path> reference_data(const std::string& what_is_skipped);

/// Calls `row` for each line of a JSON-lines file; returns the number of lines.
std::size_t for_each_json_line(const std::filesystem::path& file,
                               const std::function<void(simdjson::dom::element)>& row);

std::vector<unsigned char> read_file(const std::filesystem::path& file);

/// Lower-case hexadecimal SHA-256 (FIPS 180-4), as the manifests give it.
std::string sha256_hex(const void* data, std::size_t bytes);

}  // namespace millrace::test
