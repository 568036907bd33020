// The worker's side of workers.h: reads a request, runs the two children of a row, answers, until the driver hangs up.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_WORKER_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_WORKER_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lockstep::conformance::harness {

struct WorkerSetup {
  int socket = -1;
  int helper_fd = -1;       // memfd
  int cuda_helper_fd = -1;  // memfd
  std::uint32_t slot = 0;
  std::string scratch_root;
};

[[noreturn]] void worker_main(const WorkerSetup& setup);

// A frame is a 32-bit length, then that many bytes. False or empty where the other side is gone or did not finish by
// the deadline. After that the socket is of no further use.
using Deadline = std::chrono::steady_clock::time_point;
bool send_frame(int socket, std::string_view bytes, Deadline deadline = Deadline::max());
std::optional<std::string> receive_frame(int socket, Deadline deadline = Deadline::max());

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_WORKER_H_
