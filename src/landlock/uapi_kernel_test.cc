// What the three system calls say to arguments that are wrong in one way or in several: which check comes first is part
// of the interface, and what this library tells from an errno rests on it. A row holds the answers by ABI, so each runs
// on every kernel.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <thread>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "base/unique_fd.h"
#include "landlock/uapi.h"

namespace lockstep {
namespace {

constexpr std::uint64_t write_file = AccessSet(Right::write_file).bits(), read_dir = AccessSet(Right::read_dir).bits();
constexpr std::uint64_t last_bit = std::uint64_t{1} << 63;
constexpr std::uint32_t same_exec_off = 1, subdomains_off = 4, tsync = 8, no_new_privs = 16, unknown_flag = 1U << 31;
constexpr uapi::RulesetAttr file_attr{.handled_access_fs = write_file | read_dir};

// From this ABI on, this errno; 0: the call succeeds.
struct Answer {
  int abi;
  int err;
};
using Answers = std::vector<Answer>;

int at(const Answers& answers, int abi) {
  int err = -1;
  for (const Answer& answer : answers)
    if (answer.abi <= abi) err = answer.err;
  return err;
}

class UapiKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
    if (kernel->abi > newest_abi)
      GTEST_SKIP() << "abi-unknown: ABI " << kernel->abi << " is newer than the table's " << newest_abi;
    abi = kernel->abi;
  }
  void check(const char* what, int got, const Answers& answers) const {
    EXPECT_EQ(got, at(answers, abi)) << what << ", ABI " << abi << ": got " << errno_name(got) << ", the table has "
                                     << errno_name(at(answers, abi));
  }
  int abi = 0;
};

UniqueFd ruleset(const uapi::RulesetAttr& attr = file_attr, std::size_t size = 8) {
  return UniqueFd(static_cast<int>(uapi::create_ruleset(&attr, size, 0)));
}

// The body's return value, 0 to 250; 251: killed.
int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 251;
}

// --- landlock_create_ruleset()
// -----------------------------------------------------------------------------------------------

// The words of an attribute, the first unknown to any kernel last; the rest of two pages is zero.
struct AttrBytes {
  std::array<std::uint64_t, 7> words = {};
};
const void* const wild = reinterpret_cast<const void*>(8);

TEST_F(UapiKernel, CreateRulesetChecksItsArgumentsInThisOrder) {
  struct Row {
    const char* what;
    AttrBytes attr;
    std::size_t size;
    std::uint32_t flags;
    Answers answers;
    const void* pointer = nullptr;  // instead of the attribute
    bool null = false;
  };
  const std::vector<Row> rows = {
      {"version, with an attribute", {{1}}, 0, 1, {{1, EINVAL}}},
      {"version, with a size", {}, 8, 1, {{1, EINVAL}}, nullptr, true},
      {"errata, with an attribute", {{1}}, 0, 2, {{1, EINVAL}}},
      {"errata, with a size", {}, 8, 2, {{1, EINVAL}}, nullptr, true},
      {"version and errata", {}, 0, 3, {{1, EINVAL}}, nullptr, true},
      {"an unknown flag", {}, 0, 4, {{1, EINVAL}}, nullptr, true},
      {"an unknown flag, and a size too large", {{1}}, 4097, 4, {{1, EINVAL}}},
      {"no attribute", {}, 0, 0, {{1, EFAULT}}, nullptr, true},
      {"no attribute, a size too small", {}, 7, 0, {{1, EFAULT}}, nullptr, true},
      {"no attribute, a size too large", {}, 4097, 0, {{1, EFAULT}}, nullptr, true},
      {"a wild pointer", {}, 8, 0, {{1, EFAULT}}, wild},
      {"a wild pointer, a size too small", {}, 7, 0, {{1, EINVAL}}, wild},
      {"a wild pointer, a size too large", {}, 4097, 0, {{1, E2BIG}}, wild},
      {"size 0", {{1}}, 0, 0, {{1, EINVAL}}},
      {"size 7", {{1}}, 7, 0, {{1, EINVAL}}},
      {"size 8", {{1}}, 8, 0, {{1, 0}}},
      {"size 12", {{1}}, 12, 0, {{1, 0}}},
      {"size 4096, zero where unknown", {{1}}, 4096, 0, {{1, 0}}},
      {"size 4097", {{1}}, 4097, 0, {{1, E2BIG}}},
      {"something behind what any kernel knows", {{1, 0, 0, 0, 0, 0, 1}}, 56, 0, {{1, E2BIG}}},
      {"the same, and an unknown right", {{last_bit, 0, 0, 0, 0, 0, 1}}, 56, 0, {{1, E2BIG}}},
      {"an unknown right", {{last_bit}}, 48, 0, {{1, EINVAL}}},
      {"an unknown right on ports", {{1, last_bit}}, 48, 0, {{1, E2BIG}, {4, EINVAL}}},
      {"an unknown scope", {{1, 0, last_bit}}, 48, 0, {{1, E2BIG}, {6, EINVAL}}},
      {"nothing, size 8", {}, 8, 0, {{1, ENOMSG}}},
      {"nothing, size 48", {}, 48, 0, {{1, ENOMSG}}},
      {"ports alone", {{0, 1}}, 48, 0, {{1, E2BIG}, {4, 0}}},
      {"ports alone, not passed", {{0, 1}}, 8, 0, {{1, ENOMSG}}},
      {"a scope alone", {{0, 0, 1}}, 48, 0, {{1, E2BIG}, {6, 0}}},
      {"a scope alone, not passed", {{0, 0, 1}}, 16, 0, {{1, ENOMSG}}},
      {"quiet rights", {{3, 0, 0, 1}}, 48, 0, {{1, E2BIG}, {10, 0}}},
      {"quiet rights on ports", {{0, 3, 0, 0, 1}}, 48, 0, {{1, E2BIG}, {10, 0}}},
      {"a quiet scope", {{0, 0, 3, 0, 0, 1}}, 48, 0, {{1, E2BIG}, {10, 0}}},
      {"quiet rights, not passed", {{3, 0, 0, 4}}, 24, 0, {{1, 0}}},
      {"quiet, not handled", {{3, 0, 0, 4}}, 48, 0, {{1, E2BIG}, {10, EINVAL}}},
      {"quiet on ports, not handled", {{3, 1, 0, 0, 2}}, 48, 0, {{1, E2BIG}, {10, EINVAL}}},
      {"a quiet scope, not handled", {{3, 0, 1, 0, 0, 2}}, 48, 0, {{1, E2BIG}, {10, EINVAL}}},
      {"quiet, and nothing handled", {{0, 0, 0, 1}}, 48, 0, {{1, E2BIG}, {10, EINVAL}}},
  };
  alignas(8) std::array<unsigned char, 8192> memory;
  for (const Row& row : rows) {
    memory.fill(0);
    std::memcpy(memory.data(), row.attr.words.data(), sizeof(row.attr.words));
    const void* pointer = row.pointer != nullptr || row.null ? row.pointer : memory.data();
    errno = 0;
    const UniqueFd fd(
        static_cast<int>(uapi::create_ruleset(static_cast<const uapi::RulesetAttr*>(pointer), row.size, row.flags)));
    check(row.what, fd ? 0 : errno, row.answers);
  }
}

TEST_F(UapiKernel, ARulesetIsADescriptorThatCanBePassedOnAndNothingElse) {
  const UniqueFd fd = ruleset();
  ASSERT_TRUE(fd);
  EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(fd.get(), F_GETFL) & O_ACCMODE, O_RDWR);
  char byte = 0;
  EXPECT_TRUE(::read(fd.get(), &byte, 1) == -1 && errno == EINVAL) << errno_name(errno);
  EXPECT_TRUE(::write(fd.get(), &byte, 1) == -1 && errno == EINVAL) << errno_name(errno);
  const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
  // Its inode is root's, mode 0600, and that is asked first.
  const int refusal = ::access(link.c_str(), R_OK | W_OK) == 0 ? ENXIO : EACCES;
  EXPECT_TRUE(::open(link.c_str(), O_RDWR | O_CLOEXEC) == -1 && errno == refusal) << errno_name(errno);
  char name[64] = {};
  EXPECT_GT(::readlink(link.c_str(), name, sizeof(name) - 1), 0);
  EXPECT_STREQ(name, "anon_inode:[landlock-ruleset]");
}

// --- landlock_add_rule()
// -----------------------------------------------------------------------------------------------------

TEST_F(UapiKernel, AddRuleChecksItsArgumentsInThisOrder) {
  const UniqueFd plain = ruleset(), root(::open("/", O_PATH | O_CLOEXEC)),
                 null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd null_path(::open("/dev/null", O_PATH | O_CLOEXEC));
  // With quiet rights on files where the kernel has them; else a second plain one, and every quiet flag is unknown.
  const UniqueFd quiet =
      abi >= 10 ? ruleset({.handled_access_fs = write_file | read_dir, .quiet_access_fs = write_file}, 48) : ruleset();
  ASSERT_TRUE(plain && root && null && null_path && quiet);
  const int none = -1, current = AT_FDCWD, nowhere = 1000000;
  struct Row {
    const char* what;
    int ruleset_fd;
    int type;
    std::uint32_t flags;
    std::uint64_t access;
    int parent;
    Answers answers;
    bool null = false;
  };
  const std::vector<Row> rows = {
      {"an unknown flag, no descriptor", none, 9, unknown_flag, 0, none, {{1, EINVAL}}, true},
      {"quiet, no descriptor", none, 9, 1, 0, none, {{1, EINVAL}, {10, EBADF}}, true},
      {"no descriptor, an unknown type", none, 9, 0, 0, none, {{1, EBADF}}, true},
      {"a closed descriptor", nowhere, 9, 0, 0, none, {{1, EBADF}}, true},
      {"an O_PATH descriptor", root.get(), 9, 0, 0, none, {{1, EBADF}}, true},
      {"a descriptor of something else", null.get(), 9, 0, 0, none, {{1, EBADFD}}, true},
      {"type 0", plain.get(), 0, 0, 0, none, {{1, EINVAL}}, true},
      {"type 3", plain.get(), 3, 0, 0, none, {{1, EINVAL}}, true},
      {"no attribute", plain.get(), 1, 0, 0, none, {{1, EFAULT}}, true},
      {"no attribute of a port", plain.get(), 2, 0, 0, none, {{1, EINVAL}, {4, EFAULT}}, true},
      {"no right, no parent", plain.get(), 1, 0, 0, none, {{1, ENOMSG}}},
      {"an unknown right, no parent", plain.get(), 1, 0, last_bit, none, {{1, EINVAL}}},
      {"a right not handled, no parent", plain.get(), 1, 0, 1, none, {{1, EINVAL}}},
      {"no parent", plain.get(), 1, 0, write_file, none, {{1, EBADF}}},
      {"the working directory", plain.get(), 1, 0, write_file, current, {{1, EBADF}}},
      {"a closed parent", plain.get(), 1, 0, write_file, nowhere, {{1, EBADF}}},
      {"a right of directories on a file", plain.get(), 1, 0, read_dir, null_path.get(), {{1, EINVAL}}},
      {"a right of files on a file", plain.get(), 1, 0, write_file, null_path.get(), {{1, 0}}},
      {"the same, opened", plain.get(), 1, 0, write_file, null.get(), {{1, 0}}},
      {"quiet where nothing is quiet", plain.get(), 1, 1, write_file, root.get(), {{1, EINVAL}}},
      {"quiet where nothing is quiet, no parent", plain.get(), 1, 1, write_file, none, {{1, EINVAL}}},
      {"quiet where nothing is quiet, no right", plain.get(), 1, 1, 0, root.get(), {{1, EINVAL}}},
      {"quiet", quiet.get(), 1, 1, write_file, root.get(), {{1, EINVAL}, {10, 0}}},
      {"quiet, no right", quiet.get(), 1, 1, 0, root.get(), {{1, EINVAL}, {10, 0}}},
      {"quiet, no right, on a file", quiet.get(), 1, 1, 0, null_path.get(), {{1, EINVAL}, {10, 0}}},
      {"quiet, a right not handled", quiet.get(), 1, 1, 1, root.get(), {{1, EINVAL}}},
      {"quiet, no parent", quiet.get(), 1, 1, write_file, none, {{1, EINVAL}, {10, EBADF}}},
      {"no right, quiet rights but no quiet flag", quiet.get(), 1, 0, 0, root.get(), {{1, ENOMSG}}},
  };
  for (const Row& row : rows) {
    uapi::PathBeneathAttr attr;
    attr.allowed_access = row.access;
    attr.parent_fd = row.parent;
    errno = 0;
    check(row.what, uapi::add_rule(row.ruleset_fd, row.type, row.null ? nullptr : &attr, row.flags) == 0 ? 0 : errno,
          row.answers);
  }
}

TEST_F(UapiKernel, ObjectsOfNoFileSystemOfTheirOwnTakeNoRule) {
  const UniqueFd rules = ruleset();
  int pipe_fds[2] = {-1, -1};
  ASSERT_TRUE(rules && ::pipe2(pipe_fds, O_CLOEXEC) == 0);
  const UniqueFd pipe_read(pipe_fds[0]), pipe_write(pipe_fds[1]), event(::eventfd(0, EFD_CLOEXEC)),
      epoll(::epoll_create1(EPOLL_CLOEXEC)), memory(::memfd_create("rule", MFD_CLOEXEC)),
      sock(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      name_space(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)),
      pidfd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  for (const auto& [what, fd] : {std::pair("a rule set", rules.get()),
                                 {"a pipe", pipe_fds[0]},
                                 {"an eventfd", event.get()},
                                 {"an epoll", epoll.get()},
                                 {"a memfd", memory.get()},
                                 {"a socket", sock.get()},
                                 {"a name space", name_space.get()},
                                 {"a pidfd", pidfd.get()}}) {
    ASSERT_GE(fd, 0) << what;
    uapi::PathBeneathAttr attr;
    attr.allowed_access = write_file;
    attr.parent_fd = fd;
    errno = 0;
    check(what, uapi::add_rule(rules.get(), uapi::rule_path_beneath, &attr, 0) == 0 ? 0 : errno, {{1, EBADFD}});
  }
}

TEST_F(UapiKernel, AddRuleChecksPortsInThisOrder) {
  if (abi < 4) GTEST_SKIP() << "needs ABI 4: no rights on ports";
  const UniqueFd plain = ruleset(), ports = ruleset({.handled_access_net = 1}, 16);
  const UniqueFd quiet = abi >= 10 ? ruleset({.handled_access_net = 3, .quiet_access_net = 2}, 48)
                                   : ruleset({.handled_access_net = 3}, 16);
  ASSERT_TRUE(plain && ports && quiet);
  struct Row {
    const char* what;
    int ruleset_fd;
    std::uint32_t flags;
    std::uint64_t access, port;
    Answers answers;
  };
  const std::vector<Row> rows = {
      {"port 65535", ports.get(), 0, 1, 65535, {{4, 0}}},
      {"port 0", ports.get(), 0, 1, 0, {{4, 0}}},
      {"port 65536", ports.get(), 0, 1, 65536, {{4, EINVAL}}},
      {"no right", ports.get(), 0, 0, 80, {{4, ENOMSG}}},
      {"no right, port 65536", ports.get(), 0, 0, 65536, {{4, ENOMSG}}},
      {"a right not handled", ports.get(), 0, 2, 80, {{4, EINVAL}}},
      {"no port is handled", plain.get(), 0, 1, 80, {{4, EINVAL}}},
      {"quiet where nothing is quiet", ports.get(), 1, 1, 80, {{4, EINVAL}}},
      {"quiet", quiet.get(), 1, 1, 80, {{4, EINVAL}, {10, 0}}},
      {"quiet, no right", quiet.get(), 1, 0, 80, {{4, EINVAL}, {10, 0}}},
      {"quiet, port 65536", quiet.get(), 1, 0, 65536, {{4, EINVAL}}},
  };
  for (const Row& row : rows) {
    const uapi::NetPortAttr attr{row.access, row.port};
    errno = 0;
    check(row.what, uapi::add_rule(row.ruleset_fd, uapi::rule_net_port, &attr, row.flags) == 0 ? 0 : errno,
          row.answers);
  }
}

// --- landlock_restrict_self()
// ------------------------------------------------------------------------------------------------

enum class Caller { ordinary, with_no_new_privs };

// The call's errno, in a child of its own without any capability. `after` sees what is left.
int restrict_as(Caller caller, int fd, std::uint32_t flags, const std::function<bool()>& after = {}) {
  return in_child([&] {
    const cap_t none = ::cap_init();
    if (::cap_set_proc(none) != 0) return 250;
    ::cap_free(none);
    if (caller == Caller::with_no_new_privs && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 249;
    const int err = uapi::restrict_self(fd, flags) == 0 ? 0 : errno;
    return !after || after() ? err : 248;
  });
}

TEST_F(UapiKernel, RestrictSelfChecksItsArgumentsInThisOrder) {
  const UniqueFd rules = ruleset(), root(::open("/", O_PATH | O_CLOEXEC)),
                 null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(rules && root && null);
  constexpr Caller bare = Caller::ordinary, nnp = Caller::with_no_new_privs;
  struct Row {
    const char* what;
    Caller caller;
    int fd;
    std::uint32_t flags;
    Answers answers;
  };
  const std::vector<Row> rows = {
      {"neither privilege nor no_new_privs", bare, rules.get(), 0, {{1, EPERM}}},
      {"the same, no descriptor", bare, -1, 0, {{1, EPERM}}},
      {"the same, an unknown flag", bare, -1, unknown_flag, {{1, EPERM}, {11, EINVAL}}},
      {"the same, a flag of ABI 7", bare, -1, same_exec_off, {{1, EPERM}}},
      {"the same, descriptor -1 with subdomains off", bare, -1, subdomains_off, {{1, EPERM}}},
      {"the same, the flag for no_new_privs", bare, rules.get(), no_new_privs, {{1, EPERM}, {11, 0}}},
      {"the same, that flag, no descriptor", bare, -1, no_new_privs, {{1, EPERM}, {11, EBADF}}},
      {"an unknown flag, no descriptor", nnp, -1, unknown_flag, {{1, EINVAL}}},
      {"no descriptor", nnp, -1, 0, {{1, EBADF}}},
      {"an O_PATH descriptor", nnp, root.get(), 0, {{1, EBADF}}},
      {"a descriptor of something else", nnp, null.get(), 0, {{1, EBADFD}}},
      {"no flag", nnp, rules.get(), 0, {{1, 0}}},
      {"same exec off", nnp, rules.get(), same_exec_off, {{1, EINVAL}, {7, 0}}},
      {"every flag of the log", nnp, rules.get(), 7, {{1, EINVAL}, {7, 0}}},
      {"tsync, one thread", nnp, rules.get(), tsync, {{1, EINVAL}, {8, 0}}},
      {"no_new_privs, set already", nnp, rules.get(), no_new_privs, {{1, EINVAL}, {11, 0}}},
      {"-1, subdomains off", nnp, -1, subdomains_off, {{1, EINVAL}, {7, 0}}},
      {"-2, subdomains off", nnp, -2, subdomains_off, {{1, EINVAL}, {7, EBADF}}},
      {"-1, subdomains off and another flag of the log",
       nnp,
       -1,
       subdomains_off | same_exec_off,
       {{1, EINVAL}, {7, EBADF}}},
      {"-1, subdomains off and tsync", nnp, -1, subdomains_off | tsync, {{1, EINVAL}, {8, 0}}},
      {"-1, tsync", nnp, -1, tsync, {{1, EINVAL}, {8, EBADF}}},
      {"-1, subdomains off and no_new_privs", nnp, -1, subdomains_off | no_new_privs, {{1, EINVAL}, {11, EBADF}}},
  };
  for (const Row& row : rows) check(row.what, restrict_as(row.caller, row.fd, row.flags), row.answers);
}

bool has_no_new_privs() {
  return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

TEST_F(UapiKernel, NoNewPrivsIsSetByACallThatSucceedsAlone) {
  if (abi < 11) GTEST_SKIP() << "needs ABI 11: no_new_privs is no flag of the call";
  const UniqueFd rules = ruleset();
  const auto unset = [] { return !has_no_new_privs(); };
  EXPECT_EQ(restrict_as(Caller::ordinary, rules.get(), no_new_privs, has_no_new_privs), 0);
  EXPECT_EQ(restrict_as(Caller::ordinary, -1, no_new_privs, unset), EBADF);
  EXPECT_EQ(restrict_as(Caller::ordinary, rules.get(), no_new_privs | unknown_flag, unset), EINVAL);
}

TEST_F(UapiKernel, SixteenLayersAndNoMore) {
  const int layers = abi >= 2 ? 16 : 64;
  EXPECT_EQ(in_child([&] {
              const UniqueFd rules = ruleset();
              if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 250;
              for (int layer = 0; layer < layers; ++layer)
                if (uapi::restrict_self(rules.get(), 0) != 0) return 249;
              const auto error = [](int fd, std::uint32_t flags) {
                return uapi::restrict_self(fd, flags) == 0 ? 0 : errno;
              };
              if (error(-1, 0) != EBADF || error(rules.get(), unknown_flag) != EINVAL) return 248;
              if (abi >= 7 && error(-1, subdomains_off) != 0) return 247;  // adds none
              if (abi >= 8 && error(rules.get(), tsync) != E2BIG) return 246;
              return error(rules.get(), 0);
            }),
            E2BIG);
}

// What a thread of ours may do; asked of it by the main one, in turns.
class OtherThread {
 public:
  explicit OtherThread(const std::function<void()>& first) : thread_([this, first] { serve(first); }) { ask(0); }
  ~OtherThread() {
    ask(2);
    thread_.join();
  }
  // Whether it has no_new_privs, and its errno of opening /dev/null for writing and / for reading.
  bool nnp = false;
  int writes = -1, lists = -1;
  void look() { ask(1); }

 private:
  void ask(int what) {
    turn_ = what;
    turn_.notify_all();
    turn_.wait(what);
  }
  void serve(const std::function<void()>& first) {
    for (int what = 0; what != 2; turn_ = -1, turn_.notify_all()) {
      turn_.wait(-1);
      what = turn_;
      if (what == 0) first();
      if (what != 1) continue;
      nnp = has_no_new_privs();
      const UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
      writes = null ? 0 : errno;
      const UniqueFd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      lists = root ? 0 : errno;
    }
  }
  std::atomic<int> turn_ = -1;
  std::thread thread_;
};

TEST_F(UapiKernel, TsyncGivesEveryThreadTheCallersDomainInPlaceOfItsOwn) {
  if (abi < 8) GTEST_SKIP() << "needs ABI 8: a call restricts one thread";
  EXPECT_EQ(in_child([] {
              const UniqueFd writes = ruleset({.handled_access_fs = write_file}),
                             lists = ruleset({.handled_access_fs = read_dir});
              // The other thread is restricted already, and keeps no_new_privs to itself.
              OtherThread other([&] {
                ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                uapi::restrict_self(writes.get(), 0);
              });
              other.look();
              if (!other.nnp || other.writes != EACCES || other.lists != 0) return 1;
              if (has_no_new_privs()) return 2;
              if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 3;
              if (uapi::restrict_self(lists.get(), tsync) != 0) return 4;
              other.look();
              return other.lists != EACCES ? 5 : other.writes != 0 ? 6 : 0;
            }),
            0);
}

TEST_F(UapiKernel, TsyncPassesOnNoNewPrivsAndAFailureNothing) {
  if (abi < 8) GTEST_SKIP() << "needs ABI 8: a call restricts one thread";
  EXPECT_EQ(in_child([&] {
              const UniqueFd lists = ruleset({.handled_access_fs = read_dir});
              OtherThread other([] {});
              if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
              if (uapi::restrict_self(-2, tsync) == 0 || errno != EBADF) return 2;
              other.look();
              if (other.nnp || other.lists != 0) return 3;
              if (uapi::restrict_self(lists.get(), tsync) != 0) return 4;
              other.look();
              return !other.nnp ? 5 : other.lists != EACCES ? 6 : 0;
            }),
            0);
}

}  // namespace
}  // namespace lockstep
