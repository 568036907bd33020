// The processes of a run: this one forks A, which enters the namespaces; A forks B, the first of the PID
// namespace, which mounts what the environment has; B forks C, which becomes the command. When B ends, the
// kernel ends all that is left.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <lockstep/error.h>

#include "base/fork.h"
#include "base/standard_fds.h"
#include "base/unique_fd.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/layout.h"
#include "conformance/hostile/environment.h"

namespace lockstep::conformance::hostile {
namespace {

namespace fs = std::filesystem;
constexpr unsigned ordinary = 61234;  // no machine's user, and not the one that namespaces call unknown

struct Shared {
  int executed;  // C came to its execve: the environment is made
  int finished;  // B saw C's end
  int status;
  char failed[256];  // what could not be made
};

class Maker {
 public:
  Maker(const Environment& environment, const std::vector<std::string>& command, const RunOptions& options,
        Shared* shared)
      : environment_(environment), command_(command), options_(options), shared_(shared) {}
  [[noreturn]] void enter();

 private:
  [[noreturn]] void fail(const std::string& what) {
    const std::string text = what + ": " + errno_name(errno);
    std::strncpy(shared_->failed, text.c_str(), sizeof(shared_->failed) - 1);
    ::_exit(1);
  }
  void must(bool done, const std::string& what) {
    if (!done) fail(what);
  }
  void mount_on(const std::string& target, const char* type, unsigned long flags = 0, const char* data = nullptr) {
    must(::mount(type, target.c_str(), type, flags, data) == 0, "mount(" + std::string(type) + ", " + target + ")");
  }
  [[noreturn]] void first_of_namespace();
  [[noreturn]] void become_command();
  void make_proc();
  void leave_proc_out();
  void make_temporary();
  void leave_program_out();
  void deny();

  const Environment& environment_;
  const std::vector<std::string>& command_;
  const RunOptions& options_;
  Shared* shared_;
};

void Maker::enter() {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const bool privileged = ::geteuid() == 0;
  const Result<void> entered = harness::enter_mount_namespace(privileged);
  if (!entered.ok()) errno = entered.error().err, fail("a mount namespace");
  must(::unshare(CLONE_NEWPID) == 0, "unshare(CLONE_NEWPID)");
  const pid_t first = fork_process();
  if (first == 0) first_of_namespace();
  must(first > 0, "fork()");
  int status = 0;
  (void)wait_for(first, &status);
  ::_exit(0);
}

void Maker::first_of_namespace() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  make_temporary();
  make_proc();
  const pid_t pid = fork_process();
  if (pid == 0) become_command();
  must(pid > 0, "fork()");
  int status = 0;
  for (pid_t ended = 0; ended != pid;) {
    ended = ::waitpid(-1, &status, 0);
    if (ended < 0 && errno != EINTR) fail("waitpid()");
  }
  shared_->status = status;
  shared_->finished = 1;
  ::_exit(0);
}

// A root of everything that is in this one but /proc.
void Maker::leave_proc_out() {
  const std::string root = options_.directory + "/root";
  must(::mkdir(root.c_str(), 0755) == 0, "mkdir(" + root + ")");
  mount_on(root, "tmpfs", 0, "mode=0755");
  for (const auto& entry : fs::directory_iterator("/")) {
    const std::string from = entry.path(), to = root + from;
    if (from == "/proc") continue;
    if (entry.is_symlink()) {
      must(::symlink(fs::read_symlink(from).c_str(), to.c_str()) == 0, "symlink(" + to + ")");
      continue;
    }
    const bool made = entry.is_directory() ? ::mkdir(to.c_str(), 0755) == 0
                                           : ::close(::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) == 0;
    must(made && ::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0,
         "mount(MS_BIND, " + to + ")");
  }
  must(::chdir(root.c_str()) == 0 && ::syscall(SYS_pivot_root, ".", ".") == 0 && ::umount2(".", MNT_DETACH) == 0 &&
           ::chdir("/") == 0,
       "pivot_root()");
}

void Maker::make_proc() {
  switch (environment_.proc) {
    case Proc::stale:
      return;
    case Proc::none:
      return leave_proc_out();
    case Proc::covered:
      return mount_on("/proc", "tmpfs");
    case Proc::fresh:
      return mount_on("/proc", "proc");
    case Proc::read_only:
      return mount_on("/proc", "proc", MS_RDONLY);
    case Proc::hides:
      return mount_on("/proc", "proc", 0, "hidepid=2");
    case Proc::traceable:
      return mount_on("/proc", "proc", 0, "hidepid=ptraceable");
    case Proc::only_pids:
      return mount_on("/proc", "proc", 0, "subset=pid");
  }
}

void Maker::make_temporary() {
  const std::string path = options_.directory + "/tmp";
  must(::mkdir(path.c_str(), 01777) == 0 && ::chmod(path.c_str(), 01777) == 0, "mkdir(" + path + ")");
  if (environment_.temporary == Temporary::usual) return;
  mount_on(path, "tmpfs", 0,
           environment_.temporary == Temporary::no_inodes ? "mode=1777,nr_inodes=1" : "mode=1777,size=64k");
  if (environment_.temporary == Temporary::read_only)
    must(::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0,
         "mount(MS_REMOUNT | MS_RDONLY)");
  if (environment_.temporary != Temporary::full) return;
  const UniqueFd file(::open((path + "/full").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string page(4096, '.');
  while (::write(file.get(), page.data(), page.size()) > 0) {
  }
  must(errno == ENOSPC, "filling " + path);
}

// Wherever the system has it lies something that nobody can execute, whatever PATH says.
void Maker::leave_program_out() {
  for (const char* directory : {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"}) {
    const std::string file = std::string(directory) + "/" + environment_.without;
    if (::access(file.c_str(), F_OK) == 0)
      must(::mount("/dev/null", file.c_str(), nullptr, MS_BIND, nullptr) == 0, "mount(MS_BIND, " + file + ")");
  }
}

void Maker::deny() {
  std::vector<sock_filter> code = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const long call : environment_.denied) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(environment_.err)));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0,
       "prctl(PR_SET_SECCOMP)");
}

void Maker::become_command() {
  ::setsid();
  restore_write_signals();
  ::setenv("TMPDIR", (options_.directory + "/tmp").c_str(), 1);
  if (!environment_.without.empty()) leave_program_out();
  must(::chdir(options_.directory.c_str()) == 0, "chdir(" + options_.directory + ")");
  const auto put = [&](int from, int to) { must(from >= 0 && ::dup2(from, to) == to, "open(), dup2()"); };
  put(::open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
  put(::open((options_.directory + "/out").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), 1);
  put(::open((options_.directory + "/err").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), 2);
  ::syscall(SYS_close_range, 3, ~0U, 0);
  if (options_.as_user)
    must(::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setresgid, ordinary, ordinary, ordinary) == 0 &&
             ::syscall(SYS_setresuid, ordinary, ordinary, ordinary) == 0,
         "becoming an ordinary user");
  if (environment_.signals) {
    for (const int number : {SIGCHLD, SIGPIPE, SIGHUP}) ::signal(number, SIG_IGN);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
  }
  if (environment_.descriptors > 0) {
    const rlimit limit{static_cast<rlim_t>(environment_.descriptors), static_cast<rlim_t>(environment_.descriptors)};
    must(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit(RLIMIT_NOFILE)");
  }
  for (const int fd : environment_.closed) ::close(fd);
  if (!environment_.denied.empty()) deny();
  std::vector<char*> argv;
  for (const std::string& word : command_) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  shared_->executed = 1;
  ::execv(argv[0], argv.data());
  shared_->executed = 0;
  fail("execve(" + command_[0] + ")");
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Ran run_in(const Environment& environment, const std::vector<std::string>& command, const RunOptions& options) {
  Ran out;
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return out.why = "mmap(): " + errno_name(errno), out;
  auto* shared = static_cast<Shared*>(memory);
  const auto start = std::chrono::steady_clock::now();
  const pid_t pid = fork_process();
  if (pid == 0) Maker(environment, command, options, shared).enter();
  out.in_time = pid > 0 && harness::await_end(pid, options.seconds * 1000, {.whole_group = true}).in_time;
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  out.made = shared->executed == 1;
  out.why = std::string(shared->failed, ::strnlen(shared->failed, sizeof(shared->failed)));
  out.status = shared->status;
  if (out.made && out.in_time && shared->finished != 1) out.in_time = false;
  ::munmap(memory, sizeof(Shared));
  out.out = read_file(options.directory + "/out");
  out.err = read_file(options.directory + "/err");
  return out;
}

}  // namespace lockstep::conformance::hostile
