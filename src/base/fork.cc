#include "base/fork.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace lockstep {
namespace {

constexpr int most_interruptions = 1000;  // no process gets so many signals while it waits

using Token = std::atomic<std::uint64_t>;

// A page that the kernel empties in every child: what is written there is this process's alone.
std::atomic<Token*> own_page = nullptr;
// The last one given out. Children have a copy and count on: along a line of descent none comes twice.
Token last_token = 0;

Token* make_page() {
  constexpr std::size_t size = 4096;
  void* page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  Token* expected = nullptr;
  if (::madvise(page, size, MADV_WIPEONFORK) == 0 &&
      own_page.compare_exchange_strong(expected, static_cast<Token*>(page)))
    return static_cast<Token*>(page);
  ::munmap(page, size);
  return expected;
}

std::uint64_t own_token() {
  Token* page = own_page.load();
  if (page == nullptr) page = make_page();
  if (page == nullptr) return 0;
  if (page->load() == 0) {
    std::uint64_t none = 0;
    page->compare_exchange_strong(none, ++last_token);
  }
  return page->load();
}

// What was said, held against who asked.
pid_t checked_child(long said, const ProcessMark& parent) {
  if (said != 0 || ::getpid() != parent.pid || own_token() != parent.token) return static_cast<pid_t>(said);
  errno = EPROTO;
  return -1;
}

bool has_ended(pid_t child, int flags) {
  siginfo_t info{};
  const int asked = ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT | flags);
  return asked == 0 ? info.si_pid == child : errno == ECHILD;
}

}  // namespace

ProcessMark this_process() {
  return {::getpid(), own_token()};
}

bool is_this_process(const ProcessMark& mark) {
  return mark.token != 0 && mark.token == own_token() && mark.pid == ::getpid();
}

pid_t fork_process() {
  const ProcessMark parent = this_process();
  return checked_child(::fork(), parent);
}

pid_t clone_process(int signal) {
  const ProcessMark parent = this_process();
  return checked_child(::syscall(SYS_clone, signal, nullptr, nullptr, nullptr, nullptr), parent);
}

Error call_error(const std::string& call) {
  if (errno == EPROTO) return internal_error(call + " is answered as no kernel does: a filter answers in its place");
  const bool denied = errno == EPERM || errno == EACCES || errno == ENOSYS;
  return system_error(errno, call + (denied ? ", which a filter may deny" : ""));
}

bool wait_for(pid_t pid, int* status, int flags) {
  pid_t ended = -1;
  for (int i = 0; i < most_interruptions && (ended = ::waitpid(pid, status, flags)) < 0 && errno == EINTR; ++i) {
  }
  if ((ended >= 0 && ended != pid) || (ended < 0 && errno == EINTR)) errno = EPROTO;
  return ended == pid;
}

ssize_t read_from_child(int socket, void* bytes, std::size_t size, pid_t child, int flags, UniqueFd* passed) {
  const timeval a_while{0, 50 * 1000};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &a_while, sizeof(a_while));
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{bytes, size};
  for (bool ended = false;; ended = has_ended(child, flags)) {
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (passed != nullptr) message.msg_control = control, message.msg_controllen = sizeof(control);
    const ssize_t n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | (ended ? MSG_DONTWAIT : 0));
    const cmsghdr* with = n > 0 && passed != nullptr ? CMSG_FIRSTHDR(&message) : nullptr;
    if (with != nullptr && with->cmsg_level == SOL_SOCKET && with->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(with), sizeof(fd));
      passed->reset(fd);
    }
    if (n >= 0) return n;
    if (errno != EINTR && errno != EAGAIN) return -1;
    if (ended) return 0;
  }
}

bool pass_to_parent(int socket, const void* bytes, std::size_t size, int fd) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{const_cast<void*>(bytes), size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* with = CMSG_FIRSTHDR(&message);
    with->cmsg_level = SOL_SOCKET;
    with->cmsg_type = SCM_RIGHTS;
    with->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(with), &fd, sizeof(fd));
  }
  ssize_t sent = -1;
  while ((sent = ::sendmsg(socket, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  return sent == static_cast<ssize_t>(size);
}

}  // namespace lockstep
