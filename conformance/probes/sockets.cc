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
#include <span>

#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {
namespace {

// The harness's servers listen on 127.0.0.1: a port is bound on another address of the loopback, so that one in use
// there never decides. Landlock looks at the port alone.
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

int type_of(Mode mode) {
  return mode == Mode::seqpacket                       ? SOCK_SEQPACKET
         : mode == Mode::dgram || mode == Mode::sendto ? SOCK_DGRAM
                                                       : SOCK_STREAM;
}

// Never waits: a server that is stopped answers nothing. A full queue (EAGAIN) is found out once everything else was
// allowed, but for connections to an abstract name: then the client had arrived, and it is no failure. False: there is
// no such socket.
bool connect_as(int type, bool sends, bool abstract, const sockaddr* to, socklen_t size, wire::SlotCell* cell) {
  const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (!step(cell, 1, fd >= 0)) return false;
  const bool ok = sends ? ::sendto(fd, "", 0, MSG_NOSIGNAL, to, size) == 0 : ::connect(fd, to, size) == 0;
  const bool arrived = !ok && errno == EAGAIN && (sends || !abstract);
  if (arrived) cell->ret = -EAGAIN;
  step(cell, 4, ok || arrived);
  ::close(fd);
  return true;
}

void connect_to_own(const Probe& probe, const sockaddr* to, socklen_t size, wire::SlotCell* cell) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int server = -1;
  if (step(cell, 1, fd >= 0)) {
    server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (step(cell, 2, server >= 0 && ::bind(server, to, size) == 0) && step(cell, 3, ::listen(server, 1) == 0))
      step(cell, 4, ::connect(fd, to, size) == 0);
  }
  close_if(fd);
  close_if(server);
  struct stat st;
  if (probe.operation == Operation::connect_unix) cell->after = ::lstat(probe.path, &st) == 0 ? 1 : 0;
}

}  // namespace

void probe_port(const Probe& probe, wire::SlotCell* cell) {
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

void probe_connect(const Probe& probe, wire::SlotCell* cell) {
  const bool abstract = probe.operation == Operation::connect_abstract;
  sockaddr_un address;
  socklen_t size = 0;
  if (!unix_address(probe.path, abstract, &address, &size)) {
    cell->state = static_cast<std::uint32_t>(wire::CellState::unsupported);
    return;
  }
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (probe.mode == Mode::own_server) return connect_to_own(probe, to, size, cell);
  // The server's own type, which nobody can ask for: one that is not it is told so before Landlock is asked (an
  // abstract name is not even found by it).
  constexpr int any[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
  const int named[] = {type_of(probe.mode)};
  bool bound = false;
  for (const int type : probe.mode == Mode::plain ? std::span<const int>(any) : std::span<const int>(named)) {
    if (!connect_as(type, probe.mode == Mode::sendto, abstract, to, size, cell)) return;
    bound = bound || cell->err == EPROTOTYPE;
    if (cell->err != EPROTOTYPE && !(abstract && cell->err == ECONNREFUSED)) break;
  }
  if (abstract || cell->err != ECONNREFUSED) return;
  // Nobody is bound there, or somebody who does not listen: Landlock is asked between the two, and a client of another
  // type is told which it is.
  wire::SlotCell other{};
  const int stranger = named[0] == SOCK_SEQPACKET ? SOCK_STREAM : SOCK_SEQPACKET;
  bound = bound || (connect_as(stranger, false, false, to, size, &other) && other.err == EPROTOTYPE);
  if (bound) cell->ret = wire::errno_is_late;
}

void probe_signal(const Probe& probe, wire::SlotCell* cell) {
  long pid = 0;
  for (const char* digit = probe.path; *digit >= '0' && *digit <= '9'; ++digit) pid = pid * 10 + (*digit - '0');
  if (pid <= 1) {  // 0 would be our own group
    cell->state = static_cast<std::uint32_t>(wire::CellState::unsupported);
    return;
  }
  step(cell, 1, ::kill(static_cast<pid_t>(pid), 0) == 0);
}

}  // namespace lockstep::conformance::probes
