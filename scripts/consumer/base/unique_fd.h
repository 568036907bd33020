// The consumer's own header, under a name that the library has for one of its private ones.
#ifndef CONSUMER_BASE_UNIQUE_FD_H_
#define CONSUMER_BASE_UNIQUE_FD_H_
inline constexpr const char* consumer_own = "the consumer's own base/unique_fd.h";
#endif  // CONSUMER_BASE_UNIQUE_FD_H_
