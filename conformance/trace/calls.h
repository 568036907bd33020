// The system calls that a trace lists, and what their arguments say, read from the traced thread's memory as the call
// begins.
#ifndef LOCKSTEP_CONFORMANCE_TRACE_CALLS_H_
#define LOCKSTEP_CONFORMANCE_TRACE_CALLS_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "conformance/trace/trace.h"

namespace lockstep::conformance::trace {

// Empty where the call is not listed, or names no path. `thread` and `result` are left to the caller.
std::optional<TraceEvent> decode_call(pid_t tid, std::uint64_t number, const std::array<std::uint64_t, 6>& arguments);

// "O_RDWR|O_CLOEXEC"; what has no name is left as a number.
std::string open_flags(std::uint64_t flags);

}  // namespace lockstep::conformance::trace

#endif  // LOCKSTEP_CONFORMANCE_TRACE_CALLS_H_
