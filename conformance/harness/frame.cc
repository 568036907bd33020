// The frames of worker.h: what driver and worker say to each other.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "conformance/harness/worker.h"

namespace lockstep::conformance::harness {
namespace {

constexpr std::uint32_t max_frame = 64U << 20;
constexpr int most_interruptions = 1000;  // in a row: only a filter answers EINTR so often

// Whether the socket is ready before the deadline.
bool await(int socket, bool sending, Deadline deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Deadline::clock::now()).count();
    pollfd wait{socket, static_cast<short>(sending ? POLLOUT : POLLIN), 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::clamp<long>(left, 0, 60000)));
    if (ready > 0) return true;
    if (left <= 0 || (ready < 0 && errno != EINTR)) return false;
  }
}

bool transfer(int socket, char* data, std::size_t size, bool sending, Deadline deadline) {
  const bool bounded = deadline != Deadline::max();
  const int flags = bounded ? MSG_DONTWAIT : 0;
  int interrupted = 0;
  while (size > 0) {
    if (bounded && !await(socket, sending, deadline)) return false;
    const ssize_t n = sending ? ::send(socket, data, size, MSG_NOSIGNAL | flags) : ::recv(socket, data, size, flags);
    if (n < 0 && (errno == EINTR || (bounded && errno == EAGAIN)) && ++interrupted < most_interruptions) continue;
    if (n <= 0) return false;
    interrupted = 0;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

bool send_frame(int socket, std::string_view bytes, Deadline deadline) {
  auto size = static_cast<std::uint32_t>(bytes.size());
  return transfer(socket, reinterpret_cast<char*>(&size), sizeof(size), true, deadline) &&
         transfer(socket, const_cast<char*>(bytes.data()), bytes.size(), true, deadline);
}

std::optional<std::string> receive_frame(int socket, Deadline deadline) {
  std::uint32_t size = 0;
  if (!transfer(socket, reinterpret_cast<char*>(&size), sizeof(size), false, deadline) || size > max_frame)
    return std::nullopt;
  std::string bytes(size, '\0');
  if (!transfer(socket, bytes.data(), bytes.size(), false, deadline)) return std::nullopt;
  return bytes;
}

}  // namespace lockstep::conformance::harness
