#pragma once

#include "millrace/transforms/image.h"

namespace millrace {

/// Left becomes right, in place.
void mirror_rows(MutableImageView image);

}  // namespace millrace
