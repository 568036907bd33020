// Trace: what a command names on its way: every path it opens, asks about, connects to or executes and every ioctl on a
// device, in order, with flags, result and thread. It shows what libcuda really does on a machine where strace is not
// at hand.
//
//   LOCKSTEP_ASSIGN(const Trace trace, trace_command({{"lockstep-cuda-helper", "work"}, 120000}));
//   std::fputs(to_text(trace).c_str(), stdout);
//
// By ptrace: threads and children are followed, an ordinary user may do it, and a set-user-ID program then runs without
// its owner's rights. It lists and guards nothing: what a thread names can change between the listing and the kernel's
// look at it. It does NOT see what is done through io_uring, by calls of another architecture (counted), or on a
// descriptor that is open already (read, write, mmap), but for ioctl on devices.
#ifndef LOCKSTEP_CONFORMANCE_TRACE_TRACE_H_
#define LOCKSTEP_CONFORMANCE_TRACE_TRACE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lockstep/error.h>

namespace lockstep::conformance::trace {

struct TraceEvent {
  int thread = 0;           // 1: the first; numbered as they appear
  std::string call;         // "openat"
  std::string path;         // absolute, as bytes, not normalised: a relative one is joined to its directory
  std::string flags;        // "O_RDWR|O_CLOEXEC"; of ioctl the request; "" where the call has none
  std::string result;       // "ok", or the name of the errno
  std::uint32_t times = 1;  // how often in a row
};

struct TraceThread {
  int process = 0;  // 1: the command
  pid_t tid = 0;
};

struct Trace {
  std::vector<std::string> command;
  int exit_code = -1;  // of the command; -1: it did not exit
  int signal = 0;      // that ended it; 0: none
  bool timed_out = false;
  std::size_t foreign_calls = 0;  // of another architecture
  std::string kernel;             // "6.18.44"
  std::string machine;
  std::string driver;                // of the nvidia module that is loaded; "" for none
  std::vector<TraceThread> threads;  // thread 1 first
  std::vector<TraceEvent> events;
};

struct TraceOptions {
  std::vector<std::string> command;  // the program by its path
  std::uint32_t timeout_ms = 120000;
};

// Runs it to its end. An error of kind `unsupported` where this machine does not let us trace; what becomes of the
// command itself is part of the trace. A descendant that outlives the command by a second is ended. Reaps every child
// that ends meanwhile, so the caller must have no others.
Result<Trace> trace_command(const TraceOptions& options);

std::string to_text(const Trace& trace);
// lockstep.trace/1, with `not_in_probe` (observed.h).
std::string to_json(const Trace& trace, const std::vector<std::string>& not_in_probe);
// Reads a file that to_json() wrote. Paths stay in their printable form.
Result<Trace> read_trace(const std::string& file);

}  // namespace lockstep::conformance::trace

#endif  // LOCKSTEP_CONFORMANCE_TRACE_TRACE_H_
