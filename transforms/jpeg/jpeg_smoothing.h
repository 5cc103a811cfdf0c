#pragma once

#include <cstddef>
#include <cstdio>

#include <jpeglib.h>

namespace millrace {

/// Where the data of a progressive file's last scan end before its rows do: from the messages that
/// libjpeg gives while it reads. libjpeg keeps this to itself.
class ScanProgress {
 public:
  void begin_scan() { has_data_ = true; }
  void begin_row(JDIMENSION row) {
    if (has_data_) last_row_with_data_ = row;
  }
  /// libjpeg's messages, by number, as given while it reads the row `row` of MCUs.
  void note(const jpeg_error_mgr& message, JDIMENSION row);

  /// The last row of MCUs to which the last scan added anything.
  JDIMENSION last_row_with_data() const { return last_row_with_data_; }

 private:
  bool has_data_ = true;
  JDIMENSION last_row_with_data_ = 0;
};

/// Estimates, in place, what a progressive file leaves open of each block's first ten coefficients
/// from the DC values of the 5 x 5 blocks around it: libjpeg-turbo 3's block smoothing
/// (jdcoefct.c), which is Pillow's. libjpeg-turbo 2.1 takes another window near the borders, so its
/// own is switched off and pixels do not depend on its version. Does nothing where all coefficients
/// are known.
///
/// `cinfo` is in buffered-image mode and has read its input; `blocks` are its coefficients.
void smooth_blocks(jpeg_decompress_struct& cinfo, jvirt_barray_ptr* blocks,
                   const ScanProgress& progress);

}  // namespace millrace
