// The model against the running kernel: forked children restrict themselves with raw rules, try operations
// and compare.
#include <fcntl.h>
#include <gtest/gtest.h>
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
#include <filesystem>
#include <functional>
#include <random>

#include "base/unique_fd.h"
#include "landlock/kernel.h"
#include "landlock/uapi.h"
#include "model/model.h"
#include "model/read_walk.h"

namespace lockstep::model {
namespace {

namespace fs = std::filesystem;

struct Op {
  Operation operation;
  std::string first;
  std::string second = {};
  Mode mode = Mode::plain;
};
struct TestRule {
  std::string path;
  AccessSet rights;
};
struct TestLayer {
  AccessSet handled;  // empty: a layer that only handles the network
  std::vector<TestRule> rules;
};
using Layers = std::vector<TestLayer>;

// What every process of a test reports into.
struct Shared {
  std::size_t decisions;
  std::size_t denials;
  std::size_t length;
  char text[1 << 16];
};

void say(Shared* shared, const std::string& line) {
  const std::size_t room = sizeof shared->text - shared->length;
  const std::size_t size = std::min(room, line.size());
  std::memcpy(shared->text + shared->length, line.data(), size);
  shared->length += size;
}

Walk walk_to(const std::string& path, bool follow) {
  RawWalk raw;
  read_walk(path.c_str(), follow, &raw);
  return to_walk(raw);
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
    for (const TestRule& rule : layer.rules)
      rules.push_back({walk_to(rule.path, true).objects.at(0), rule.rights});
    model.add_layer(layer.handled, rules);
  }
  return model;
}

// In this process, which is restricted for good.
void compare_here(const Layers& layers, const std::vector<Op>& ops, Shared* shared) {
  const KernelLandlock kernel = *query_kernel();
  const Model model = model_of(layers, kernel);
  std::vector<Decision> predicted;
  std::vector<int> before;
  for (const Op& op : ops) {
    const bool follow = follows_last_symlink(op.operation);
    const Walk first = walk_to(op.first, follow);
    const Walk second = op.second.empty() ? Walk{} : walk_to(op.second, follow);
    if (first.error != 0 || second.error != 0)
      say(shared, "no walk for " + op.first + " " + op.second + "\n");
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
    say(shared, std::string(name(ops[i].operation)) + " " + std::string(name(ops[i].mode)) + " " +
                    ops[i].first + " " + ops[i].second + ": kernel " + errno_name(observed) + ", model " +
                    errno_name(expected) + " (" + model.describe(predicted[i]) + ")\n");
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

class ModelKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel) GTEST_SKIP() << "needs Landlock: " << kernel.error().message;
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: mounts and device nodes of its own";
    abi_ = kernel->abi;
    char base[] = "/tmp/lockstep-model-XXXXXX";
    ASSERT_NE(::mkdtemp(base), nullptr);
    base_ = base;
    for (const char* directory : {"/plain", "/plain/p", "/plain/q", "/fs"})
      ASSERT_EQ(::mkdir((base_ + directory).c_str(), 0700), 0);
    root_ = base_ + "/fs";
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared_ = new (memory) Shared{};
  }

  void TearDown() override {
    if (shared_ == nullptr) return;
    EXPECT_EQ(std::string(shared_->text, shared_->length), "");
    EXPECT_GT(shared_->decisions, 0U);
    RecordProperty("decisions", static_cast<int>(shared_->decisions));
    RecordProperty("denials", static_cast<int>(shared_->denials));
    ::munmap(shared_, sizeof(Shared));
    fs::remove_all(base_);
  }

  // Runs the body in a child with a tmpfs of its own at root_, holding a, a/b, a/b/c, d, d/e, a bind of a/b
  // at m and another tmpfs at d/t with d/t/u.
  void in_tree(const std::function<void()>& body) {
    in_child(shared_, [&] {
      if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("tmpfs", root_.c_str(), "tmpfs", 0, nullptr) != 0)
        return say(shared_, "no mount namespace: " + errno_name(errno) + "\n");
      for (const char* directory : {"a", "a/b", "a/b/c", "d", "d/e", "d/t", "m"})
        if (::mkdir(at(directory).c_str(), 0700) != 0) return say(shared_, "mkdir failed\n");
      if (::mount(at("a/b").c_str(), at("m").c_str(), nullptr, MS_BIND, nullptr) != 0 ||
          ::mount("tmpfs", at("d/t").c_str(), "tmpfs", 0, nullptr) != 0 ||
          ::mkdir(at("d/t/u").c_str(), 0700) != 0)
        return say(shared_, "no mounts: " + errno_name(errno) + "\n");
      body();
    });
  }

  void compare(const Layers& layers, const std::vector<Op>& ops) {
    in_child(shared_, [&] { compare_here(layers, ops, shared_); });
  }

  std::string at(const std::string& path) const { return root_ + "/" + path; }
  AccessSet all() const { return rights_of_abi(abi_); }

  int abi_ = 0;
  std::string base_, root_;
  Shared* shared_ = nullptr;
};

TEST_F(ModelKernel, EveryOperationWithNothingAndWithEverythingGranted) {
  in_tree([&] {
    const std::vector<Operation> on_files = {Operation::open_r,    Operation::open_w,    Operation::open_rw,
                                             Operation::open_path, Operation::truncate,  Operation::ftruncate,
                                             Operation::exec,      Operation::stat,      Operation::chmod,
                                             Operation::reopen_fd, Operation::open_trunc};
    make_file(at("a/f"));
    make_file(at("a/g"));  // held open for writing by Mode::before: executing it would be ETXTBSY
    ::symlink("f", at("a/s").c_str());
    ::mknod(at("a/chr").c_str(), S_IFCHR | 0600, makedev(1, 8));
    ::mkfifo(at("a/fifo").c_str(), 0600);
    std::vector<Op> ops;
    for (const char* path : {"a/f", "a/s"})
      for (Operation operation : on_files) ops.push_back({operation, at(path)});
    for (Mode mode : {Mode::plain, Mode::before}) {
      ops.push_back({Operation::ftruncate, at("a/g"), "", mode});
      ops.push_back({Operation::ioctl, at("a/chr"), "", mode});
      ops.push_back({Operation::reopen_fd, at("a/f"), "", mode});
    }
    for (const char* path : {"a/chr", "a/fifo"})
      for (Operation operation : {Operation::open_r, Operation::open_rw, Operation::stat})
        ops.push_back({operation, at(path)});
    ops.push_back({Operation::open_trunc, at("a/chr")});
    for (Operation operation : {Operation::open_r, Operation::opendir, Operation::tmpfile,
                                Operation::reopen_fd, Operation::open_path})
      ops.push_back({operation, at("a/b")});
    ops.push_back({Operation::readlink, at("a/s")});
    for (Right right = Right::execute; right <= Right::ioctl_dev;
         right = static_cast<Right>(static_cast<int>(right) + 1)) {
      if (!all().contains(right)) break;
      compare({{all(), {{at("a"), right}}}}, ops);
      if (all() != AccessSet(right)) compare({{all(), {{at("a"), all() - right}}}}, ops);
      compare({{right, {}}}, ops);
    }
  });
}

TEST_F(ModelKernel, ProcfsCommByEveryModeAndRight) {
  in_tree([&] {
    const std::vector<AccessSet> grants = {Right::read_file, Right::write_file,
                                           Right::read_file | Right::write_file,
                                           Right::write_file | Right::truncate, all()};
    for (const char* tagged : {"/proc", "/proc/self", "/proc/self/task"}) {
      for (AccessSet grant : grants) {
        in_child(shared_, [&] {  // /proc/self is the process that restricts itself
          std::vector<Op> ops;
          for (const char* path : {"/proc/self/comm", "/proc/thread-self/comm"})
            for (Mode mode : {Mode::rdwr, Mode::wronly, Mode::trunc, Mode::setname, Mode::prctl})
              ops.push_back({Operation::comm_open, path, "", mode});
          compare_here({{all(), {{tagged, grant & all()}}}}, ops, shared_);
        });
      }
    }
  });
}

TEST_F(ModelKernel, AMoveNeedsReferOnBothSidesAndMayNotGain) {
  if (abi_ < 2) GTEST_SKIP() << "needs ABI 2";
  in_tree([&] {
    const AccessSet base = Right::refer | Right::remove_file | Right::make_reg | Right::read_file;
    const std::vector<AccessSet> variants = {base,
                                             base - Right::refer,
                                             base - Right::make_reg,
                                             base - Right::remove_file,
                                             base | Right::execute,
                                             base | Right::make_dir};
    int next = 0;
    for (AccessSet from : variants) {
      for (AccessSet to : variants) {
        for (bool own : {false, true}) {
          const std::string file = at("a/x") + std::to_string(next++),
                            other = at("d/y") + std::to_string(next);
          make_file(file), make_file(other), make_file(file + "l");
          Layers layers = {{all(), {{at("a"), from}, {at("d"), to}}}};
          if (own) layers[0].rules.push_back({file, Right::execute});
          compare(layers, {{Operation::link, file + "l", other + "l"},
                           {Operation::exchange, file, other},
                           {Operation::rename, other, file + "n"}});
          layers.push_back({});  // only the network: refer is denied all the same
          if (abi_ >= 4) compare(layers, {{Operation::rename, file, other + "m"}});
        }
      }
    }
  });
}

TEST_F(ModelKernel, ARuleOnTheRootCountsForRightsButNotForTheGainOnAnotherMount) {
  if (abi_ < 2) GTEST_SKIP() << "needs ABI 2";
  in_tree([&] {
    const AccessSet moving = Right::refer | Right::remove_file | Right::make_reg;
    make_file(at("a/f"));
    make_file(base_ + "/plain/p/f");
    // With read_dir handled and granted to nobody, no side has everything: the gain is looked at.
    int next = 0;
    for (AccessSet handled : {moving | Right::execute, moving | Right::execute | Right::read_dir}) {
      for (const std::string& granted : {std::string("/"), base_}) {
        const std::string plain = base_ + "/plain", name = std::to_string(next++);
        const Layers layers = {{handled,
                                {{granted, Right::execute},
                                 {at("a"), moving},
                                 {at("d"), moving | Right::execute},
                                 {plain + "/p", moving},
                                 {plain + "/q", moving | Right::execute}}}};
        compare(layers, {{Operation::link, at("a/f"), at("d/f") + name},
                         {Operation::link, plain + "/p/f", plain + "/q/f" + name}});
      }
    }
  });
}

TEST_F(ModelKernel, ANetworkOnlyDomainRestrictsNoFile) {
  if (abi_ < 4) GTEST_SKIP() << "needs ABI 4";
  in_tree([&] {
    make_file(at("a/f"));
    compare({{}}, {{Operation::open_rw, at("a/f")}, {Operation::rename, at("a/f"), at("d/f")}});
  });
}

TEST_F(ModelKernel, ADescriptorOfAPipeOrMemfdMayBeOpenedAgain) {
  in_tree([&] {
    in_child(shared_, [&] {
      int ends[2];
      if (::pipe(ends) != 0) return say(shared_, "pipe failed\n");
      const int memfd = ::memfd_create("x", 0);
      std::vector<Op> ops;
      for (int fd : {ends[0], memfd}) {
        ops.push_back({Operation::open_r, "/proc/self/fd/" + std::to_string(fd)});
        ops.push_back({Operation::reopen_fd, "/proc/self/fd/" + std::to_string(fd)});
      }
      ops.push_back({Operation::open_r, "/proc/self/ns/mnt"});
      compare_here({{all(), {}}}, ops, shared_);
    });
  });
}

// Random trees, rules, layers and operations. The seed is fixed: a failure reproduces.
class Fuzz {
 public:
  Fuzz(std::string root, std::string plain, int abi, unsigned seed)
      : root_(std::move(root)), plain_(std::move(plain)), abi_(abi), random_(seed) {}

  Layers layers;
  std::vector<Op> ops;

  void make() {
    for (int i = 0; i < 24; ++i) add_op();
    const std::size_t count = 1 + pick(3);
    for (std::size_t i = 0; i < count; ++i) add_layer(count > 1);
  }

  // The directories, by the mount they stand on.
  std::vector<std::vector<std::string>> places() const {
    return {{root_, root_ + "/a", root_ + "/a/b", root_ + "/a/b/c", root_ + "/d", root_ + "/d/e"},
            {root_ + "/m", root_ + "/m/c"},
            {root_ + "/d/t", root_ + "/d/t/u"},
            {plain_, plain_ + "/p", plain_ + "/q"}};
  }

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }
  const std::string& any(const std::vector<std::string>& list) { return list[pick(list.size())]; }

  AccessSet some_of(AccessSet set) {
    switch (pick(4)) {
      case 0:
        return set;
      case 1:
        return set & AccessSet::from_bits(random_() | random_() |
                                          random_());  // most of it: moves need several at once
      default:
        return set & AccessSet::from_bits(random_() | random_());
    }
  }

  std::string fresh(const std::string& directory, bool exists, bool directories = true) {
    const std::string path = directory + "/x" + std::to_string(next_++);
    if (!exists) return path;
    switch (pick(directories ? 7 : 6)) {
      case 0:
        ::mkfifo(path.c_str(), 0700);
        break;
      case 1:
        ::mknod(path.c_str(), S_IFCHR | 0700, makedev(1, 8));
        break;
      case 2:
        ::symlink("nowhere", path.c_str());
        break;
      case 3:
        make_socket(path);
        break;
      case 6:
        ::mkdir(path.c_str(), 0700);
        break;
      default:
        make_file(path), files_.push_back(path);
    }
    return path;
  }

  std::string fresh_file(const std::string& directory) {
    const std::string path = directory + "/x" + std::to_string(next_++);
    make_file(path);
    files_.push_back(path);
    return path;
  }

  void add_op() {
    const auto all_places = places();
    const std::vector<std::string>& mount = all_places[pick(2) == 0 ? 0 : pick(all_places.size())];
    const std::string directory = any(mount), other = any(mount);
    const auto operation = static_cast<Operation>(pick(3) == 0 ? 10 + pick(3) : pick(operation_count));
    switch (operation) {
      case Operation::rename:
        ops.push_back({operation, fresh(directory, true), fresh(other, false)});
        break;
      case Operation::link:
        ops.push_back({operation, fresh(directory, true, false), fresh(other, false)});
        break;
      case Operation::exchange:
        ops.push_back({operation, fresh(directory, true), fresh(other, true)});
        break;
      case Operation::opendir:
      case Operation::tmpfile:
        ops.push_back({operation, directory});
        break;
      case Operation::unlink:
        ops.push_back({operation, fresh(directory, true, false)});
        break;
      case Operation::rmdir: {
        const std::string path = fresh(directory, false);
        ::mkdir(path.c_str(), 0700);
        ops.push_back({operation, path});
        break;
      }
      case Operation::readlink: {
        const std::string path = fresh(directory, false);
        ::symlink("nowhere", path.c_str());
        ops.push_back({operation, path});
        break;
      }
      case Operation::ioctl: {
        const std::string path = fresh(directory, false);
        ::mknod(path.c_str(), S_IFCHR | 0700, makedev(1, 8));
        ops.push_back({operation, path});
        break;
      }
      case Operation::connect_unix:
      case Operation::comm_open:
        break;
      default: {
        const bool makes = operation == Operation::create ||
                           (operation >= Operation::mkdir && operation <= Operation::symlink);
        ops.push_back({operation, makes ? fresh(directory, false) : fresh_file(directory)});
      }
    }
  }

  void add_layer(bool may_be_network_only) {
    TestLayer layer;
    const AccessSet rights = rights_of_abi(1 + static_cast<int>(pick(static_cast<std::size_t>(abi_))));
    if (may_be_network_only && abi_ >= 4 && pick(8) == 0) {
      layers.push_back(layer);
      return;
    }
    layer.handled = pick(2) == 0 ? rights : some_of(rights);
    if (layer.handled.empty()) layer.handled = Right::read_file;
    for (std::size_t count = pick(9); count > 0; --count) {
      TestRule rule;
      rule.rights = some_of(layer.handled);
      const auto all_places = places();
      const std::size_t where = pick(8);
      if (where == 0) {
        rule.path = "/";
      } else if (where < 3 && !files_.empty()) {
        rule.path = any(files_);
        rule.rights &= rights_on_files();
      } else {
        rule.path = any(all_places[pick(2) == 0 ? 0 : pick(all_places.size())]);
      }
      if (!rule.rights.empty()) layer.rules.push_back(rule);
    }
    layers.push_back(layer);
  }

  std::string root_, plain_;
  int abi_;
  std::mt19937 random_;
  int next_ = 0;
  std::vector<std::string> files_;
};

TEST_F(ModelKernel, SeededRandomRulesLayersAndTreesNeverDisagree) {
  in_tree([&] {
    for (unsigned seed = 1; seed <= 400; ++seed) {
      const std::size_t before = shared_->length;
      in_child(shared_, [&] {
        Fuzz fuzz(root_, base_ + "/plain", abi_, seed);
        fuzz.make();
        compare_here(fuzz.layers, fuzz.ops, shared_);
      });
      for (const auto& mount : Fuzz(root_, base_ + "/plain", abi_, seed).places())
        for (const std::string& directory : mount)
          for (const fs::directory_entry& entry : fs::directory_iterator(directory))
            if (entry.path().filename().string().starts_with("x")) fs::remove_all(entry.path());
      if (shared_->length != before) say(shared_, "seed " + std::to_string(seed) + "\n");
    }
  });
  EXPECT_GT(shared_->decisions, 5000U);
  EXPECT_GT(shared_->denials, 1000U);
}

}  // namespace
}  // namespace lockstep::model
