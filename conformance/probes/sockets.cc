// Ports, UNIX sockets by path and by abstract name, and signals: what is asked about the other side.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "conformance/probes/verbs.h"

namespace lockstep::conformance {
namespace {

// The harness's servers listen on 127.0.0.1: a port is bound on another address of the loopback, so that one in use there
// never decides. Landlock looks at the port alone.
constexpr std::uint32_t servers = 0x7f000001, clients = 0x7f000002;

// False where the name does not fit.
bool unix_address(const char* name, bool abstract, sockaddr_un* address, socklen_t* size) {
  const std::size_t length = std::strlen(name), start = abstract ? 1 : 0;
  *address = {};
  address->sun_family = AF_UNIX;
  if (length + 1 > sizeof(address->sun_path)) return false;
  std::memcpy(address->sun_path + start, name, length);
  *size = abstract ? static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length) : sizeof(*address);
  return true;
}

void close_if(int fd) {
  if (fd >= 0) ::close(fd);
}

}  // namespace

void probe_port(const Probe& probe, SlotCell* cell) {
  const bool tcp = probe.operation == Operation::bind_tcp || probe.operation == Operation::connect_tcp;
  const bool binds = probe.operation == Operation::bind_tcp || probe.operation == Operation::bind_udp;
  const int fd = ::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  if (!step(cell, 1, fd >= 0)) return;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(probe.port);
  address.sin_addr.s_addr = htonl(binds ? clients : servers);
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (binds) {
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    step(cell, 2, ::bind(fd, to, sizeof(address)) == 0);
  } else if (probe.mode == Mode::sendto) {
    step(cell, 2, ::sendto(fd, "", 0, 0, to, sizeof(address)) == 0);
  } else {
    step(cell, 2, ::connect(fd, to, sizeof(address)) == 0);
  }
  ::close(fd);
}

void probe_connect(const Probe& probe, SlotCell* cell) {
  const bool abstract = probe.operation == Operation::connect_abstract;
  sockaddr_un address;
  socklen_t size = 0;
  if (!unix_address(probe.path, abstract, &address, &size)) {
    cell->state = static_cast<std::uint32_t>(CellState::unsupported);
    return;
  }
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int server = -1;
  bool ok = step(cell, 1, fd >= 0);
  if (ok && probe.mode == Mode::own_server) {
    server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = step(cell, 2, server >= 0 && ::bind(server, to, size) == 0) && step(cell, 3, ::listen(server, 1) == 0);
  }
  if (ok) step(cell, 4, ::connect(fd, to, size) == 0);
  close_if(fd);
  close_if(server);
  struct stat st;
  if (probe.mode == Mode::own_server && !abstract) cell->after = ::lstat(probe.path, &st) == 0 ? 1 : 0;
}

void probe_signal(const Probe& probe, SlotCell* cell) {
  long pid = 0;
  for (const char* digit = probe.path; *digit >= '0' && *digit <= '9'; ++digit) pid = pid * 10 + (*digit - '0');
  if (pid <= 1) {  // 0 would be our own group
    cell->state = static_cast<std::uint32_t>(CellState::unsupported);
    return;
  }
  step(cell, 1, ::kill(static_cast<pid_t>(pid), 0) == 0);
}

}  // namespace lockstep::conformance
