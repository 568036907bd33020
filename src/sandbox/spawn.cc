// spawn(): a child that restricts itself and executes a command, and what it says to its parent on the way.
//
// The two ends of a socket pair are in every process that another thread forks meanwhile, so no end of it says anything
// for certain. What the child makes for itself nobody else has: it opens a pipe and passes one end on. That the pipe
// ends says that the child has executed the command, or is gone. The socket is for the parent's word to go on: where the
// parent fails, it shuts the socket down, which no copy keeps open.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include <lockstep/sandbox.h>

#include "base/fork.h"
#include "base/unique_fd.h"
#include "sandbox/child_report.h"
#include "sandbox/opened_policy.h"

namespace lockstep {
namespace {

Result<Enforcement> open_and_enforce(OpenedPolicy& opened) {
  LOCKSTEP_CHECK(open_paths(opened));
  return enforce(opened, Pins::in_a_process_beside);
}

// A parent that was killed says nothing more, and others may hold its end open: it is looked at now and then.
bool told_to_go_on(int socket, pid_t parent) noexcept {
  const timeval a_while{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &a_while, sizeof(a_while));
  while (true) {
    char byte = 0;
    const ssize_t n = ::recv(socket, &byte, 1, 0);
    if (n >= 0) return n == 1;
    if ((errno != EINTR && errno != EAGAIN) || ::getppid() != parent) return false;
  }
}

// The end of the pipe that stays with the child; what went wrong stands in its place otherwise.
UniqueFd make_pipe(int socket) noexcept {
  int ends[2] = {-1, -1};
  const int err = ::pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
  const UniqueFd to_pass(ends[0]);
  UniqueFd kept(ends[1]);
  if (!pass_to_parent(socket, &err, sizeof(err), to_pass.get())) return {};
  return kept;
}

// Returns where nothing was executed.
void try_to_become(OpenedPolicy& opened, char* const* words, int socket, int fd, pid_t parent) {
  const std::size_t known = opened.notices.size();
  if (const Result<Enforcement> done = open_and_enforce(opened); !done.ok()) {
    (void)send_failure(done.error(), fd);
  } else if (send_restricted(opened, known, fd) && told_to_go_on(socket, parent)) {
    ::execvp(words[0], words);
    (void)send_end({Ending::exec_failed, errno}, fd);
  }
}

[[noreturn]] void become(OpenedPolicy& opened, char* const* words, int socket, int parents) noexcept {
  run_child([&] {
    ::close(parents);
    const pid_t parent = ::getppid();
    const UniqueFd fd = make_pipe(socket);
    if (fd) {
      try {
        try_to_become(opened, words, socket, fd.get(), parent);
      } catch (const std::bad_alloc&) {
        (void)send_end({Ending::no_memory}, fd.get());
      } catch (...) {
        (void)send_end({Ending::exception}, fd.get());
      }
      opened.holder.end();
    }
    ::shutdown(socket, SHUT_RDWR);
    return child_threw;
  });
}

// The parent's side. Unless it let the child go on, the child ends with it, whatever left the scope.
class Child {
 public:
  Child(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (executes_) return;
    ::shutdown(socket_.get(), SHUT_RDWR);
    wait_for(pid_, nullptr);
  }

  Result<void> run(Spawned& out, const std::string& command) {
    int err = 0;
    UniqueFd pipe;
    const bool said = read_from_child(socket_.get(), &err, sizeof(err), pid_, 0, &pipe) == sizeof(err);
    if (said && err != 0) return system_error(err, "pipe2(), in the child of spawn()");
    if (!pipe) return internal_error("the child ended before it had executed the command");
    LOCKSTEP_CHECK(read_report(pipe.get(), out));
    (void)::send(socket_.get(), "g", 1, MSG_NOSIGNAL);
    const std::optional<Ended> ended = read_end(pipe.get());
    if (ended) return error_of(*ended, command);
    executes_ = true;
    return {};
  }

 private:
  pid_t pid_;
  UniqueFd socket_;
  bool executes_ = false;
};

}  // namespace

Result<Spawned> spawn(const Policy& policy, const std::vector<std::string>& argv,
                      const std::optional<Identity>& identity, const SandboxOptions& options) {
  if (argv.empty()) return input_error("", 0, "spawn(): there is no command");
  LOCKSTEP_ASSIGN(EffectivePolicy effective, enrich(policy, options.context));
  LOCKSTEP_ASSIGN(OpenedPolicy opened, plan_policy(std::move(effective), options, identity));
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  Spawned out;
  out.notices = opened.notices;
  out.enforcement = opened.enforcement;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return system_error(errno, "socketpair()");
  UniqueFd ours(ends[0]), its(ends[1]);
  out.pid = fork_process();
  if (out.pid < 0) return call_error();
  if (out.pid == 0) become(opened, words.data(), its.get(), ours.get());
  Child child(out.pid, std::move(ours));
  its.reset();
  LOCKSTEP_CHECK(child.run(out, argv[0]));
  return out;
}

}  // namespace lockstep
