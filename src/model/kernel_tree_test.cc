#include <fcntl.h>
#include <linux/random.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include <lockstep/kernel.h>

#include "base/unique_fd.h"
#include "landlock/uapi.h"
#include "model/kernel_tree_testing.h"
#include "model/read_walk.h"

namespace lockstep::model::kernel_tree {
namespace {

Walk walk_to(const std::string& path, bool follow) {
  RawWalk raw;
  read_walk(path.c_str(), follow, &raw);
  return to_walk(raw);
}

int open_and(const char* path, int flags, const std::function<long(int)>& then = nullptr) {
  const UniqueFd fd(::open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!fd) return errno;
  return then ? to_errno(then(fd.get())) : 0;
}

long get_entropy_count(int fd) {
  int count = 0;
  return ::ioctl(fd, RNDGETENTCNT, &count);
}

int reopen(int fd) {
  return open_and(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY);
}

int perform_on_names(const Op& op) {
  const char* a = op.first.c_str();
  const char* b = op.second.c_str();
  switch (op.operation) {
    case Operation::rename:
      return to_errno(::rename(a, b));
    case Operation::exchange:
      return to_errno(::renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE));
    case Operation::link:
      return to_errno(::link(a, b));
    case Operation::mkdir:
      return to_errno(::mkdir(a, 0700));
    case Operation::mkfifo:
      return to_errno(::mkfifo(a, 0600));
    case Operation::mknod_chr:
      return to_errno(::mknod(a, S_IFCHR | 0600, makedev(1, 3)));
    case Operation::mknod_blk:
      return to_errno(::mknod(a, S_IFBLK | 0600, makedev(7, 0)));
    case Operation::mksock:
      return make_socket(op.first);
    case Operation::symlink:
      return to_errno(::symlink("target", a));
    case Operation::unlink:
      return to_errno(::unlink(a));
    case Operation::rmdir:
      return to_errno(::rmdir(a));
    default:
      return ENOSYS;
  }
}

int perform(const Op& op, int before) {
  const char* path = op.first.c_str();
  char target[8];
  struct stat st;
  char* arguments[] = {nullptr, nullptr};
  switch (op.operation) {
    case Operation::open_r:
      return open_and(path, O_RDONLY);
    case Operation::open_w:
      return open_and(path, O_WRONLY);
    case Operation::open_rw:
      return open_and(path, O_RDWR);
    case Operation::open_path:
      return open_and(path, O_PATH);
    case Operation::open_trunc:
      return open_and(path, O_WRONLY | O_TRUNC);
    case Operation::opendir:
      return open_and(path, O_RDONLY | O_DIRECTORY);
    case Operation::create:
      return open_and(path, O_WRONLY | O_CREAT | O_EXCL);
    case Operation::tmpfile:
      return open_and(path, O_WRONLY | O_TMPFILE);
    case Operation::truncate:
      return to_errno(::truncate(path, 1));
    case Operation::ftruncate:
      if (op.mode == Mode::before) return to_errno(::ftruncate(before, 1));
      return open_and(path, O_WRONLY, [](int fd) { return ::ftruncate(fd, 1); });
    case Operation::exec:
      return to_errno(::execve(path, arguments, arguments));
    case Operation::ioctl:
      if (op.mode == Mode::before) return to_errno(get_entropy_count(before));
      return open_and(path, O_RDWR, get_entropy_count);
    case Operation::stat:
      return to_errno(::stat(path, &st));
    case Operation::chmod:
      return to_errno(::chmod(path, 0700));
    case Operation::readlink:
      return to_errno(::readlink(path, target, sizeof target));
    case Operation::reopen_fd: {
      if (op.mode == Mode::before) return reopen(before);
      const UniqueFd fd(::open(path, O_PATH | O_CLOEXEC));
      return fd ? reopen(fd.get()) : errno;
    }
    case Operation::comm_open:
      if (op.mode == Mode::prctl) return to_errno(::prctl(PR_SET_NAME, "lockstep"));
      if (op.mode == Mode::rdwr || op.mode == Mode::setname) return open_and(path, O_RDWR);
      return open_and(path, op.mode == Mode::trunc ? O_WRONLY | O_TRUNC : O_WRONLY);
    default:
      return perform_on_names(op);
  }
}

// What the operation answers where nothing forbids it.
int unrestricted(const Op& op) {
  return op.operation == Operation::exec ? ENOEXEC : 0;
}

// 0, or the errno of the call that failed.
int restrict_with(const TestLayer& layer, int abi) {
  uapi::RulesetAttr attr;
  attr.handled_access_fs = layer.handled.bits();
  if (layer.handled.empty()) attr.handled_access_net = 1;
  const UniqueFd ruleset(static_cast<int>(uapi::create_ruleset(&attr, abi < 4 ? 8 : 16, 0)));
  if (!ruleset) return errno;
  for (const TestRule& rule : layer.rules) {
    const UniqueFd fd(::open(rule.path.c_str(), O_PATH | O_CLOEXEC));
    if (!fd) return errno;
    uapi::PathBeneathAttr beneath;
    beneath.allowed_access = rule.rights.bits();
    beneath.parent_fd = fd.get();
    if (uapi::add_rule(ruleset.get(), uapi::rule_path_beneath, &beneath, 0) != 0) return errno;
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return to_errno(uapi::restrict_self(ruleset.get(), 0));
}

Model model_of(const Layers& layers, const KernelLandlock& kernel) {
  Model model({.abi = kernel.abi, .kernel_abi = kernel.abi, .errata = kernel.errata});
  for (const TestLayer& layer : layers) {
    std::vector<Rule> rules;
    for (const TestRule& rule : layer.rules) rules.push_back({walk_to(rule.path, true).objects.at(0), rule.rights});
    model.add_layer(layer.handled, rules);
  }
  return model;
}

}  // namespace

void say(Shared* shared, const std::string& line) {
  const std::size_t room = sizeof shared->text - shared->length;
  const std::size_t size = std::min(room, line.size());
  std::memcpy(shared->text + shared->length, line.data(), size);
  shared->length += size;
}

int to_errno(long result) {
  return result < 0 ? errno : 0;
}

int make_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return to_errno(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

void compare_here(const Layers& layers, const std::vector<Op>& ops, Shared* shared) {
  const KernelLandlock kernel = *query_kernel();
  const Model model = model_of(layers, kernel);
  std::vector<Decision> predicted;
  std::vector<int> before;
  for (const Op& op : ops) {
    const bool follow = follows_last_symlink(op.operation);
    const Walk first = walk_to(op.first, follow);
    const Walk second = op.second.empty() ? Walk{} : walk_to(op.second, follow);
    if (first.error != 0 || second.error != 0) say(shared, "no walk for " + op.first + " " + op.second + "\n");
    predicted.push_back(model.decide({op.operation, op.mode, &first, &second}));
    const int flags = op.operation == Operation::ioctl       ? O_RDWR
                      : op.operation == Operation::ftruncate ? O_WRONLY
                                                             : O_RDONLY;
    before.push_back(op.mode == Mode::before ? ::open(op.first.c_str(), flags | O_CLOEXEC) : -1);
  }
  for (const TestLayer& layer : layers) {
    if (const int err = restrict_with(layer, kernel.abi); err != 0) {
      say(shared, "restricting failed: " + errno_name(err) + "\n");
      return;
    }
  }
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const int observed = perform(ops[i], before[i]);
    const int expected = predicted[i].err != 0 ? predicted[i].err : unrestricted(ops[i]);
    ++shared->decisions;
    if (expected != 0 && expected != ENOEXEC) ++shared->denials;
    if (observed == expected) continue;
    say(shared, std::string(name(ops[i].operation)) + " " + std::string(name(ops[i].mode)) + " " + ops[i].first + " " +
                    ops[i].second + ": kernel " + errno_name(observed) + ", model " + errno_name(expected) + " (" +
                    model.describe(predicted[i]) + ")\n");
  }
}

void in_child(Shared* shared, const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid || status != 0)
    say(shared, "a child ended with status " + std::to_string(status) + "\n");
}

void make_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0700));
  ASSERT_EQ(::write(fd.get(), "\1\2\n", 3), 3) << path;
}

void ModelKernel::SetUp() {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel) GTEST_SKIP() << "needs Landlock: " << kernel.error().message;
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: mounts and device nodes of its own";
  abi_ = kernel->abi;
  for (const char* directory : {"plain", "plain/p", "plain/q", "fs"})
    ASSERT_EQ(::mkdir(base_.at(directory).c_str(), 0700), 0);
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  shared_ = new (memory) Shared{};
}

void ModelKernel::TearDown() {
  if (shared_ == nullptr) return;
  EXPECT_EQ(std::string(shared_->text, shared_->length), "");
  if (!IsSkipped()) {  // as by a kernel that is too old
    EXPECT_GT(shared_->decisions, 0U);
  }
  RecordProperty("decisions", static_cast<int>(shared_->decisions));
  RecordProperty("denials", static_cast<int>(shared_->denials));
  ::munmap(shared_, sizeof(Shared));
}

void ModelKernel::in_tree(const std::function<void()>& body) {
  in_child(shared_, [&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", root_.c_str(), "tmpfs", 0, nullptr) != 0)
      return say(shared_, "no mount namespace: " + errno_name(errno) + "\n");
    for (const char* directory : {"a", "a/b", "a/b/c", "d", "d/e", "d/t", "m"})
      if (::mkdir(at(directory).c_str(), 0700) != 0) return say(shared_, "mkdir failed\n");
    if (::mount(at("a/b").c_str(), at("m").c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        ::mount("tmpfs", at("d/t").c_str(), "tmpfs", 0, nullptr) != 0 || ::mkdir(at("d/t/u").c_str(), 0700) != 0)
      return say(shared_, "no mounts: " + errno_name(errno) + "\n");
    body();
  });
}

void ModelKernel::compare(const Layers& layers, const std::vector<Op>& ops) {
  in_child(shared_, [&] { compare_here(layers, ops, shared_); });
}

}  // namespace lockstep::model::kernel_tree
