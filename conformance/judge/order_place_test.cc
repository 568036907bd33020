// How the situations of order_testing.h are made, and what holds of each.
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <lockstep/abi.h>
#include <lockstep/error.h>
#include <lockstep/kernel.h>

#include "conformance/harness/network.h"
#include "conformance/judge/compose.h"
#include "conformance/judge/order_testing.h"
#include "conformance/probes/testing.h"
#include "model/read_walk.h"

namespace lockstep::conformance::judge::order {
namespace {

using probes::in_child;
using probes::Scratch;
using probes::SharedSlot;

constexpr int cannot_status = 3, failed_status = 4;
constexpr unsigned nobody = 65534;

void become(As as) {
  if (as == As::user) {
    Place::must(::setgroups(0, nullptr) == 0 && ::setresgid(nobody, nobody, nobody) == 0 &&
                ::setresuid(nobody, nobody, nobody) == 0);
  } else if (as == As::no_rawio) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2] = {};
    Place::must(::syscall(SYS_capget, &header, sets) == 0);
    sets[0].effective &= ~(1U << CAP_SYS_RAWIO);
    Place::must(::syscall(SYS_capset, &header, sets) == 0);
  }
}

void restrict_to(AccessSet handled, const Situation& each, int abi) {
  uapi::RulesetAttr attr;
  attr.handled_access_fs = handled.bits();
  if (each.ports) attr.handled_access_net = model::net_rights_of_abi(abi).bits();
  if (each.scoped) attr.scoped = model::scopes_of_abi(abi).bits();
  const int ruleset = static_cast<int>(uapi::create_ruleset(&attr, each.scoped ? 24 : each.ports ? 16 : 8, 0));
  Place::must(ruleset >= 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && uapi::restrict_self(ruleset, 0) == 0);
  ::close(ruleset);
}

bool has_name(Operation operation) {
  return operand(operation) == Operand::path || operand(operation) == Operand::two_paths;
}

// The situation anew, and the operation in it. Cells: free 0, restricted 1; walks of the free one.
int run(const Situation& each, const std::string& root, AccessSet handled, int abi, bool restricted, SharedSlot& slot) {
  return probes::in_child([&] {
    const bool network = each.ports || std::string_view(each.first).starts_with("s");  // sysfs is the network's too
    Place::must(::unshare(CLONE_NEWNS | (network ? CLONE_NEWNET : 0)) == 0 &&
                ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    Place::must(::mount("tmpfs", root.c_str(), "tmpfs", 0, "mode=0777") == 0 &&
                (!network || harness::open_loopback().ok()));
    ::umask(0);
    Place place(root);
    each.make(place);
    become(each.as);
    const std::string first = has_name(each.operation) ? place.at(each.first) : each.first;
    const std::string second = place.at(each.second);
    const bool follow = follows_last_symlink(each.operation);
    model::RawWalk walk;
    if (!restricted && has_name(each.operation)) model::read_walk(first.c_str(), follow, &walk), slot->put(0, walk);
    if (!restricted && !second.empty()) model::read_walk(second.c_str(), follow, &walk), slot->put(1, walk);
    if (restricted) restrict_to(handled, each, abi);
    probes::run_probe(
        {each.operation, each.mode, Actor::self, Target::own, false, first.c_str(), second.c_str(), -1, each.port},
        &slot->cells[restricted ? 1 : 0]);
  });
}

model::Decision decide(const Situation& each, AccessSet handled, int abi, const KernelLandlock& kernel,
                       SharedSlot& slot) {
  model::Model model({abi, kernel.abi, kernel.errata});
  Restrictions restrictions;
  if (each.ports) restrictions.net = model::net_rights_of_abi(abi);
  if (each.scoped) restrictions.scopes = model::scopes_of_abi(abi);
  model.add_layer(handled, {}, restrictions);
  const model::Walk first = model::to_walk(slot->walk(0)), second = model::to_walk(slot->walk(1));
  model::Query query;
  query.operation = each.operation;
  query.mode = each.mode;
  query.first = &first;
  query.second = &second;
  query.port = each.port;
  return model.decide(query);
}

}  // namespace

void Place::cannot() {
  ::_exit(cannot_status);
}
void Place::must(bool ok) {
  if (!ok) ::_exit(failed_status);
}

void Place::file(const std::string& name, unsigned mode, const std::string& text) {
  const UniqueFd fd(::open(at(name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  must(fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
       ::fchmod(fd.get(), mode) == 0);
}
void Place::directory(const std::string& name, unsigned mode) {
  must(::mkdir(at(name).c_str(), mode) == 0 && ::chmod(at(name).c_str(), mode) == 0);
}
void Place::link(const std::string& name, const std::string& target) {
  must(::symlink(target.c_str(), at(name).c_str()) == 0);
}
void Place::device(const std::string& name, unsigned kind, unsigned major, unsigned minor) {
  if (::mknod(at(name).c_str(), kind | 0666, makedev(major, minor)) != 0) cannot();
  must(::chmod(at(name).c_str(), 0666) == 0);
}
void Place::mount(const std::string& name, const char* type, const char* options, unsigned long flags) {
  const std::string path = at(name);
  const bool bind = (flags & MS_BIND) != 0;
  must(bind || ::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST);
  if (::mount(bind ? path.c_str() : "none", path.c_str(), type, flags, options) != 0) cannot();
}
void Place::remount_read_only(const std::string& name, bool only_this_mount) {
  const unsigned long flags = MS_REMOUNT | MS_RDONLY | (only_this_mount ? MS_BIND : 0);
  must(::mount(nullptr, at(name).c_str(), nullptr, flags, nullptr) == 0);
}
void Place::attribute(const std::string& name, int flag) {
  const UniqueFd fd(::open(at(name).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  must(fd.get() >= 0);
  int flags = 0;
  if (::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) cannot();
  flags |= flag;
  if (::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) != 0) cannot();
}
namespace {

struct UnixAddress {
  UnixAddress(const Place& at, const std::string& name) {
    const bool abstract = name[0] == '@';
    const std::string path = abstract ? std::string(1, '\0') + name.substr(1) : at.at(name);
    Place::must(path.size() < sizeof(address.sun_path));
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
  sockaddr_un address{};
  socklen_t size;
};

}  // namespace

int Place::serve(const std::string& name, int type, int queue) {
  const UnixAddress address(*this, name);
  const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  must(fd >= 0 && ::bind(fd, address.get(), address.size) == 0);
  must(queue < 0 || ::listen(fd, queue) == 0);
  must(name[0] == '@' || ::chmod(at(name).c_str(), 0666) == 0);
  keep(fd);
  return fd;
}

bool Place::reach(int fd, const std::string& name) const {
  const UnixAddress address(*this, name);
  return ::connect(fd, address.get(), address.size) == 0;
}

void OrderTest::check() {
  const Situation& each = GetParam();
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: mounts and devices";
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << "no-landlock";
  const Scratch scratch(0777);
  bool seen = false;
  // A kernel that is emulated takes its time: there its own ABI is enough, for every masked one was asked
  // where that was quick.
  const int newest = std::min(kernel->abi, newest_abi);
  for (int abi = ::getenv("LOCKSTEP_NATIVE") != nullptr ? newest : oldest_abi; abi <= newest; ++abi) {
    const AccessSet handled =
        (each.ports || each.scoped) && abi < 4 ? AccessSet() : each.handled & model::rights_of_abi(abi);
    if (handled.empty() && !((each.ports && abi >= 4) || (each.scoped && abi >= 6))) continue;
    SCOPED_TRACE("plan ABI " + std::to_string(abi) + " on " + std::to_string(kernel->abi));
    SharedSlot slot(2, 2);
    const int status = run(each, scratch.path(), handled, abi, false, slot);
    if (status == cannot_status) {
      EXPECT_TRUE(each.may_be_missing || kernel->abi < 7) << "this kernel can make it";
      GTEST_SKIP() << "cannot be made here";
    }
    ASSERT_EQ(status, 42);
    ASSERT_EQ(run(each, scratch.path(), handled, abi, true, slot), 42);
    const wire::SlotCell &control = slot->cells[0], &restricted = slot->cells[1];
    ASSERT_EQ(control.state, restricted.state);
    EXPECT_EQ(errno_name(control.err), errno_name(each.err));
    const model::Decision decision = decide(each, handled, abi, *kernel, slot);
    const Composed composed = compose(each.operation, each.mode, {control.err, control.ret, control.aux}, decision);
    EXPECT_EQ(errno_name(composed.err), errno_name(restricted.err))
        << "the composition, of Landlock's " << errno_name(decision.err);
    const bool denies = abi >= each.least_abi && each.order != Order::before;
    if (each.order == Order::before) {
      EXPECT_EQ(errno_name(restricted.err), errno_name(each.err)) << "the kernel";
    }
    if (denies) {
      EXPECT_EQ(restricted.err == each.err, each.order == Order::same) << "the kernel";
      EXPECT_NE(decision.err, 0) << "the model denies nothing";
      EXPECT_EQ(errno_name(restricted.err), errno_name(decision.err)) << "the kernel";
      EXPECT_EQ(composed.comparable, each.order == Order::after);
    }
    seen = seen || abi >= each.least_abi;
  }
  if (!seen) GTEST_SKIP() << "needs Landlock ABI " << each.least_abi;
}

}  // namespace lockstep::conformance::judge::order
