#pragma once

#include <string>
#include <string_view>

namespace millrace {

/// The beginning of describe() of a tokenizer that is read from a file:
/// `{"type":TYPE,"file":NAME,"content":HASH`. The hash tells files apart, no more.
std::string describe_file(std::string_view type, std::string_view name, std::string_view content);

}  // namespace millrace
