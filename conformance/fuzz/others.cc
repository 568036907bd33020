#include "conformance/fuzz/others.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "base/fork.h"
#include "conformance/fuzz/executed.h"
#include "conformance/harness/network.h"

namespace lockstep::conformance::fuzz {
namespace {

constexpr int queue = 4096;

constexpr wire::SocketType socket_types[] = {wire::SocketType::stream, wire::SocketType::seqpacket,
                                             wire::SocketType::dgram};

bool accepts_later(int fd) {
  // A connection that is reset leaves no port in TIME_WAIT, of which there are only so many.
  const linger reset{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  return ::listen(fd, queue) == 0 && ::fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

// One of each type at the abstract name: each has names of its own.
Result<std::vector<UniqueFd>> serve_every_type(std::string_view name) {
  std::vector<UniqueFd> out;
  for (const wire::SocketType type : socket_types) {
    LOCKSTEP_ASSIGN(UniqueFd server, harness::serve_unix(std::string(name), true, type, queue));
    if (::fcntl(server.get(), F_SETFL, O_NONBLOCK) != 0) return system_error(errno, "fcntl()");
    out.push_back(std::move(server));
  }
  return out;
}

}  // namespace

Result<void> Outside::start() {
  if (::unshare(CLONE_NEWNET) != 0) return unsupported_error(errno, "no network namespace to be had");
  LOCKSTEP_CHECK(harness::open_loopback());
  LOCKSTEP_ASSIGN(listening_, serve_every_type(outside_word));
  using Kind = wire::TreeKind;
  for (const auto& [kind, port] : {std::pair<Kind, std::uint16_t>{Kind::tcp_server, 22},
                                   {Kind::tcp_server, 4101},
                                   {Kind::udp_server, 53},
                                   {Kind::udp_server, 4102}}) {
    LOCKSTEP_ASSIGN(UniqueFd server, harness::serve({kind, {}, {}, 0, false, port}, {}));
    if (kind != Kind::udp_server && !accepts_later(server.get())) return system_error(errno, "listen()");
    (kind == Kind::udp_server ? servers_ : listening_).push_back(std::move(server));
  }
  process_ = fork_process();
  if (process_ < 0) return call_error();
  if (process_ > 0) return {};
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) ::pause();
}

void Outside::drain() const {
  char byte;
  for (const UniqueFd& fd : listening_) {
    while (UniqueFd(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC))) {
    }
    while (::recv(fd.get(), &byte, 1, 0) >= 0) {  // of a datagram server alone
    }
  }
}

bool Peer::start(int helper) {
  Result<std::vector<UniqueFd>> servers = serve_every_type(peer_word);
  int ends[2];
  if (!servers || ::pipe2(ends, O_CLOEXEC) != 0) return false;
  servers_ = std::move(servers).value();
  alive_.reset(ends[1]);
  const UniqueFd reader(ends[0]);
  process_ = helper >= 0 ? execute_and_wait(helper, reader.get()) : fork_process();
  if (process_ != 0) return process_ > 0;
  alive_.reset();
  servers_.clear();
  char byte;
  while (::read(reader.get(), &byte, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

bool Peer::end() {
  alive_.reset();  // not killed: a scope may stand between
  servers_.clear();
  int status = 0;
  const pid_t process = std::exchange(process_, 0);
  return process <= 0 || (wait_for(process, &status) && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace lockstep::conformance::fuzz
