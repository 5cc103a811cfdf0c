#pragma once

#include <span>
#include <string_view>

namespace millrace {

/// The one of `known`, which must not be empty, that the fewest letters must be changed, added or
/// left out to be `name`: the name that was meant, for messages. Of several the first.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

}  // namespace millrace
