#pragma once

namespace lockstep::testing {

// Whether a sanitizer is compiled in, whose runtime wants things of its own: a /proc to look for leaks in, descriptors, the first
// place among the libraries. A test that takes these away is not for such a build.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace lockstep::testing
