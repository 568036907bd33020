#include "conformance/probes/keeper.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace lockstep::conformance::probes {

Keeper::Keeper() {
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_) != 0) ends_[0] = ends_[1] = -1;
}

Keeper::~Keeper() {
  for (const int end : ends_)
    if (end >= 0) ::close(end);
}

void keep_in(int fd, const char* path) {
  const int held = fd >= 0 ? ::open(path, O_PATH | O_CLOEXEC) : -1;
  if (held < 0) return;
  char byte = 0;
  iovec text{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(held))] = {};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(held));
  std::memcpy(CMSG_DATA(header), &held, sizeof(held));
  [[maybe_unused]] const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  ::close(held);
}

}  // namespace lockstep::conformance::probes
