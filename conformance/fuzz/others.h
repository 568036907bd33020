// The other side of a port, an abstract socket or a signal.
//
//   Outside outside;
//   outside.start();          // once a worker: a network namespace of its own, with servers, and a process beside it
//   outside.drain();          // before each side of a case: connections that nobody accepts fill the queue
//
//   Peer peer;                // in a side, between two layers: stands in those that are in force by then
//   peer.start();
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_OTHERS_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_OTHERS_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep::conformance::fuzz {

// The ports that operations and rules name. 22 and 4101 have a TCP server, 53 and 4102 a UDP server. 0 is only for
// bind: the kernel then chooses a port.
inline constexpr std::array<std::uint16_t, 7> fuzzed_ports = {0, 22, 53, 4100, 4101, 4102, 65535};

// Words for the other side in an operation's path.
inline constexpr std::string_view outside_word = "outside", peer_word = "peer";

class Outside {
 public:
  Outside() = default;
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  // Unsupported where no network namespace can be had. The process ends with its parent.
  Result<void> start();
  void drain() const;
  pid_t process() const { return process_; }

 private:
  std::vector<UniqueFd> servers_, listening_;
  pid_t process_ = 0;
};

class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { (void)end(); }

  // False, with errno, where it cannot be started. `helper`: the program that the peer executes; -1: it stays a forked
  // child.
  bool start(int helper);
  // False where it did not end as it should: then it was not there, or not the program it should be.
  bool end();
  pid_t process() const { return process_; }

 private:
  std::vector<UniqueFd> servers_;
  UniqueFd alive_;
  pid_t process_ = 0;
};

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_OTHERS_H_
