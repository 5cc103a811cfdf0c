#pragma once

// MILLRACE_TEST_SANITIZED: 1 where a sanitizer has an allocator of its own, which must not be
// replaced.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MILLRACE_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MILLRACE_TEST_SANITIZED 1
#endif
#endif
#ifndef MILLRACE_TEST_SANITIZED
#define MILLRACE_TEST_SANITIZED 0
#endif

namespace millrace::test {

/// Under a sanitizer everything takes several times as long: of a long list of cases, every so
/// manieth one is looked at there. A prime, so that cuts at bytes meet every kind of place.
inline constexpr unsigned kSanitizedStride = MILLRACE_TEST_SANITIZED != 0 ? 5 : 1;

}  // namespace millrace::test
