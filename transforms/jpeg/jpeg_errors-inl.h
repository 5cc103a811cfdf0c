#pragma once

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

namespace millrace {

/// libjpeg's errors as a jump back to where the call was made, and its warnings as nothing. One for
/// each compressor or decompressor; whoever calls libjpeg sets `jump` before.
struct JpegErrors : jpeg_error_mgr {
  std::jmp_buf jump;

  JpegErrors() : jpeg_error_mgr() {
    jpeg_std_error(this);
    error_exit = jump_out;
    output_message = be_silent;
  }

  [[noreturn]] static void jump_out(j_common_ptr cinfo) {
    std::longjmp(static_cast<JpegErrors*>(cinfo->err)->jump, 1);  // NOLINT: libjpeg is C
  }

 private:
  static void be_silent(j_common_ptr /*cinfo*/) {}
};

}  // namespace millrace
