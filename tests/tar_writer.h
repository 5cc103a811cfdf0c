#pragma once

#include <string>
#include <utility>
#include <vector>

namespace millrace::test {

/// Member name -> content, in order.
using TarMembers = std::vector<std::pair<std::string, std::string>>;

/// A plain ustar archive of these members with its two closing zero blocks. Names up to 100 bytes.
std::string make_tar(const TarMembers& members);

}  // namespace millrace::test
