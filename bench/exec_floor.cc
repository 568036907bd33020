// exec_floor FILE COMMAND...: the bare system calls of `lockstep-exec FILE -- COMMAND`, for the policy of scripts/bench: what
// nobody can do without who proves what it was told. It reads FILE and does not look at it, its rules are written here, and
// no answer is checked but the last.
//
// Exit: the command's; 125 where the restriction is not there.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>

#include "landlock/uapi.h"

namespace {

namespace uapi = lockstep::uapi;

constexpr std::uint64_t all = 0xffff, reads = 0xd, reads_file = 0x5, changes_file = 0xc007;  // at ABI 7
constexpr struct {
  const char* path;
  std::uint64_t rights;
} rules[] = {{"/bin", reads},
             {"/dev/null", changes_file},
             {"/dev/urandom", reads_file},
             {"/etc", reads},
             {"/lib", reads},
             {"/tmp", all},
             {"/usr", reads}};

void version() {
  uapi::create_ruleset(nullptr, 0, uapi::create_ruleset_version);
  uapi::create_ruleset(nullptr, 0, uapi::create_ruleset_errata);
}

void ask(std::uint64_t fs, std::uint64_t net, std::uint64_t scoped, std::size_t size) {
  uapi::RulesetAttr attr;
  attr.handled_access_fs = fs;
  attr.handled_access_net = net;
  attr.scoped = scoped;
  const long fd = uapi::create_ruleset(&attr, size, 0);
  if (fd >= 0) ::close(static_cast<int>(fd));
}

void ladder() {
  ask(0x1fff, 0, 0, 8);
  ask(0x2000, 0, 0, 8);
  ask(0x4000, 0, 0, 8);
  ask(0, 3, 0, 16);
  ask(0x8000, 0, 0, 16);
  ask(0, 0, 3, 24);
  uapi::restrict_self(-1, 7);
  uapi::restrict_self(-1, 8);
  ask(0x10000, 0, 0, 24);
  ask(0, 12, 0, 48);
  uapi::restrict_self(-1, 16);
}

void read_all(const char* file) {
  static char text[8192];
  struct stat st;
  const int fd = ::open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  ::fstat(fd, &st);
  while (::read(fd, text, sizeof(text)) > 0) {
  }
  ::close(fd);
}

void add(int ruleset, const char* path, std::uint64_t rights) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  uapi::PathBeneathAttr attr;
  attr.allowed_access = rights;
  attr.parent_fd = static_cast<std::int32_t>(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
  struct stat st;
  ::fstat(attr.parent_fd, &st);
  if (rights == changes_file) {  // the first that changes anything, on a file system without a device
    struct statfs fs;
    ::stat("/", &st);
    ::fstatfs(attr.parent_fd, &fs);
  }
  uapi::add_rule(ruleset, uapi::rule_path_beneath, &attr, 0);
  ::close(attr.parent_fd);
}

int list_root() {
  const int fd = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) ::close(fd);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  for (const int fd : {0, 1, 2}) ::fcntl(fd, F_GETFD);
  for (const int number : {SIGPIPE, SIGXFSZ}) ::signal(number, SIG_IGN);
  read_all(argv[1]);
  version();
  uapi::RulesetAttr attr;
  attr.handled_access_fs = all;
  const int ruleset = static_cast<int>(uapi::create_ruleset(&attr, 24, 0));
  uapi::PathBeneathAttr none;
  none.allowed_access = all;
  none.parent_fd = -1;
  uapi::add_rule(ruleset, uapi::rule_path_beneath, nullptr, 0);
  uapi::add_rule(ruleset, uapi::rule_path_beneath, &none, 0);
  for (const auto& [path, rights] : rules) add(ruleset, path, rights);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ladder();
  struct statx root;
  ::statx(AT_FDCWD, "/", 0, 0, &root);
  list_root();
  version();
  ::unshare(CLONE_THREAD);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  uapi::restrict_self(ruleset, 0);
  ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  if (list_root() >= 0) return 125;
  for (const int number : {SIGPIPE, SIGXFSZ}) ::signal(number, SIG_DFL);
  ::execvp(argv[2], argv + 2);
  return 125;
}
