#include "conformance/harness/network.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace lockstep::conformance::harness {
namespace {

Result<UniqueFd> serve_port(std::uint16_t port, int type) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      (type == SOCK_STREAM && ::listen(fd.get(), 64) != 0))
    return system_error(errno, "bind(port " + std::to_string(port) + ")");
  return fd;
}

}  // namespace

Result<void> open_loopback() {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  if (!fd || ::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return system_error(errno, "ioctl(SIOCSIFFLAGS, \"lo\")");
  // Where it cannot be written the control of such a port fails, which the report shows.
  const UniqueFd first(::open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC));
  [[maybe_unused]] const ssize_t written = ::write(first.get(), "0", 1);
  return {};
}

Result<UniqueFd> serve_unix(const std::string& name, bool abstract, wire::SocketType type, int queue) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A name too long is served by nobody: the probe says "unsupported".
  if (name.size() + 1 > sizeof(address.sun_path)) return UniqueFd();
  name.copy(address.sun_path + (abstract ? 1 : 0), name.size());
  const int type_of_kernel = type == wire::SocketType::stream  ? SOCK_STREAM
                             : type == wire::SocketType::dgram ? SOCK_DGRAM
                                                               : SOCK_SEQPACKET;
  UniqueFd fd(::socket(AF_UNIX, type_of_kernel | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      (type != wire::SocketType::dgram && ::listen(fd.get(), queue) != 0))
    return system_error(errno, "bind(\"" + std::string(abstract ? "@" : "") + printable(name) + "\")");
  return fd;
}

Result<UniqueFd> serve(const wire::TreeItem& item, const std::string& name) {
  if (item.kind == wire::TreeKind::tcp_server) return serve_port(item.port, SOCK_STREAM);
  if (item.kind == wire::TreeKind::udp_server) return serve_port(item.port, SOCK_DGRAM);
  return serve_unix(name, true, item.type, 64);
}

}  // namespace lockstep::conformance::harness
