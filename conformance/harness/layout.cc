#include "conformance/harness/layout.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

#include "conformance/harness/network.h"
#include "conformance/probes/resolve.h"

namespace lockstep::conformance::harness {
namespace {

Error failed(const std::string& call, const std::string& path) {
  return system_error(errno, call + "(\"" + printable(path) + "\")");
}

Result<void> write_file(const char* path, const std::string& text) {
  UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return failed("write", path);
  return {};
}

class Builder {
 public:
  // `scratch` is where it will be: in a simulated root, not where it is made.
  Builder(bool privileged, uid_t owner, bool simulated, std::string base, std::string scratch,
          std::vector<UniqueFd>* keep)
      : privileged_(privileged),
        owner_(owner),
        simulated_(simulated),
        base_(std::move(base)),
        scratch_(std::move(scratch)),
        keep_(keep) {}

  Result<void> make(const wire::TreeItem& item);
  Result<void> bind(const std::string& source, const std::string& path, bool directory);

 private:
  std::string real(const std::string& path) const {
    if (simulated_) return base_ + path;
    constexpr std::size_t token = sizeof("$scratch") - 1;
    return path.starts_with("$scratch") ? base_ + path.substr(token) : path;
  }
  Result<void> make_parents(const std::string& path);
  Result<void> make_directory(const std::string& path);
  Result<void> make_file(const std::string& path, std::uint32_t size, bool executable);
  Result<void> make_character(const std::string& item, const std::string& path);
  Result<void> make_terminal(const std::string& path);
  Result<void> make_server(const std::string& path, wire::SocketType type);

  bool privileged_;
  uid_t owner_;
  bool simulated_;
  std::string base_;
  std::string scratch_;
  std::vector<UniqueFd>* keep_;
  bool has_terminals_ = false;
  std::set<std::string, std::less<>> directories_;  // that are there
  std::set<std::pair<dev_t, ino_t>> nodes_;
};

// In a file system of our own, under a umask of 0, what is new has the mode it was made with; elsewhere there may be
// access lists that its directory hands on.
Result<void> Builder::make_directory(const std::string& path) {
  const bool fresh = ::mkdir(path.c_str(), 0777) == 0;
  if (!fresh && errno != EEXIST) return failed("mkdir", path);
  if (!(fresh && simulated_) && ::chmod(path.c_str(), 0777) != 0) return failed("chmod", path);
  directories_.insert(path);
  return {};
}

Result<void> Builder::make_parents(const std::string& path) {
  for (std::size_t slash = path.find('/', base_.size() + 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string_view parent = std::string_view(path).substr(0, slash);
    if (directories_.contains(parent)) continue;
    const std::string name(parent);
    if (::access(name.c_str(), F_OK) != 0) LOCKSTEP_CHECK(make_directory(name));
    directories_.insert(name);
  }
  return {};
}

Result<void> Builder::make_file(const std::string& path, std::uint32_t size, bool executable) {
  const mode_t mode = executable ? 0777 : 0666;
  // One that nobody executes may be a hole: its size is all that is asked about.
  if (simulated_ && !executable && ::mknod(path.c_str(), S_IFREG | mode, 0) == 0) {
    if (size > 0 && ::truncate(path.c_str(), size) != 0) return failed("truncate", path);
    if (privileged_ && owner_ != 0 && ::chown(path.c_str(), owner_, owner_) != 0) return failed("chown", path);
    return {};
  }
  // Text, and neither ELF nor `#!`: executing it is ENOEXEC once the open was allowed.
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (!fd) return failed("open", path);
  const std::string text(size, '.');
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return failed("write", path);
  if (::fchmod(fd.get(), mode) != 0) return failed("fchmod", path);
  if (privileged_ && ::fchown(fd.get(), owner_, owner_) != 0) return failed("fchown", path);
  return {};
}

// Without CAP_MKNOD: the slave of a terminal of our own, bound onto the name. Each has an inode of its own.
Result<void> Builder::make_terminal(const std::string& path) {
  const std::string terminals = base_ + "/.terminals";
  if (!has_terminals_) {
    LOCKSTEP_CHECK(make_directory(terminals));
    if (::mount("devpts", terminals.c_str(), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0666") !=
        0)
      return failed("mount devpts", terminals);
    has_terminals_ = true;
  }
  UniqueFd master(::open((terminals + "/ptmx").c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  int unlocked = 0, number = 0;
  if (!master || ::ioctl(master.get(), TIOCSPTLCK, &unlocked) != 0 || ::ioctl(master.get(), TIOCGPTN, &number) != 0)
    return failed("open", terminals + "/ptmx");
  keep_->push_back(std::move(master));
  return bind(terminals + "/" + std::to_string(number), path, false);
}

Result<void> Builder::make_character(const std::string& item, const std::string& path) {
  // Device 1:9 (urandom) answers RNDGETENTCNT with 0, for anyone who has it open.
  const unsigned minor = item == "/dev/null" ? 3 : item == "/dev/zero" ? 5 : 9;
  const bool made = privileged_ && ::mknod(path.c_str(), S_IFCHR | 0666, makedev(1, minor)) == 0;
  // In a user namespace even root makes no device, and does as an ordinary user does.
  if (privileged_ && !made && errno != EPERM) return failed("mknod", path);
  if (made) {
    if (!simulated_ && ::chmod(path.c_str(), 0666) != 0) return failed("chmod", path);
  } else if (!simulated_) {
    return unsupported_error(EPERM, "a stand-in device below $scratch takes CAP_MKNOD, outside every user namespace");
  } else if (item == "/dev/null" || item == "/dev/zero" || item == "/dev/urandom") {
    LOCKSTEP_CHECK(bind(item, path, false));
  } else {
    LOCKSTEP_CHECK(make_terminal(path));
  }
  // Two names for one inode would hide a rule on the wrong device.
  struct stat st;
  if (::stat(path.c_str(), &st) != 0) return failed("stat", path);
  if (!nodes_.insert({st.st_dev, st.st_ino}).second)
    return internal_error("two stand-in devices share an inode: " + printable(path));
  return {};
}

Result<void> Builder::make_server(const std::string& path, wire::SocketType type) {
  // Without the "./", so that what fits into a probe's address fits into the server's.
  const std::string name = path.starts_with("./") ? path.substr(2) : path;
  LOCKSTEP_ASSIGN(UniqueFd server, serve_unix(name, false, type, 16));
  if (!server) return make_file(path, 0, false);  // its path is too long for a socket: the probe says "unsupported"
  if (::chmod(path.c_str(), 0666) != 0) return failed("chmod", path);
  keep_->push_back(std::move(server));
  return {};
}

Result<void> Builder::bind(const std::string& source, const std::string& path, bool directory) {
  if (directory) {
    LOCKSTEP_CHECK(make_directory(path));
  } else {
    LOCKSTEP_CHECK(make_file(path, 0, false));
  }
  if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return failed("bind mount", path);
  return {};
}

Result<void> Builder::make(const wire::TreeItem& item) {
  if (item.kind >= wire::TreeKind::tcp_server) {
    LOCKSTEP_ASSIGN(UniqueFd server, serve(item, probes::resolve_path(item.path, scratch_, 0)));
    keep_->push_back(std::move(server));
    return {};
  }
  const std::string path = real(item.path);
  LOCKSTEP_CHECK(make_parents(path));
  switch (item.kind) {
    case wire::TreeKind::directory:
      return make_directory(path);
    case wire::TreeKind::file:
      return make_file(path, item.size, item.executable);
    case wire::TreeKind::character:
      return make_character(item.path, path);
    case wire::TreeKind::fifo:
      if (::mkfifo(path.c_str(), 0666) != 0) return failed("mkfifo", path);
      return {};
    case wire::TreeKind::socket:
      return make_server(path, item.type);
    case wire::TreeKind::symlink:
      if (::symlink(item.target.c_str(), path.c_str()) != 0) return failed("symlink", path);
      return {};
    case wire::TreeKind::hard_link:
      if (::link(real(item.target).c_str(), path.c_str()) != 0) return failed("link", path);
      return {};
    case wire::TreeKind::bind: {
      struct stat st;
      if (::stat(real(item.target).c_str(), &st) != 0) return failed("stat", item.target);
      return bind(real(item.target), path, S_ISDIR(st.st_mode));
    }
    case wire::TreeKind::tcp_server:
    case wire::TreeKind::udp_server:
    case wire::TreeKind::abstract_server:
      break;  // no names of the tree: above
  }
  return internal_error("unknown kind of tree item");
}

}  // namespace

Result<void> enter_mount_namespace(bool privileged, bool network) {
  const uid_t uid = ::getuid();
  const gid_t gid = ::getgid();
  const int spaces = CLONE_NEWNS | (privileged ? 0 : CLONE_NEWUSER) | (network ? CLONE_NEWNET : 0);
  if (::unshare(spaces) != 0)
    return system_error(errno, std::string("unshare(CLONE_NEWNS") + (privileged ? "" : " | CLONE_NEWUSER") +
                                   (network ? " | CLONE_NEWNET)" : ")"));
  if (!privileged) {
    LOCKSTEP_CHECK(write_file("/proc/self/setgroups", "deny"));
    LOCKSTEP_CHECK(write_file("/proc/self/uid_map", std::to_string(uid) + " " + std::to_string(uid) + " 1"));
    LOCKSTEP_CHECK(write_file("/proc/self/gid_map", std::to_string(gid) + " " + std::to_string(gid) + " 1"));
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return system_error(errno, "mount(\"/\", MS_REC | MS_PRIVATE)");
  return {};
}

Result<void> lay_out(const wire::RowRequest& request, bool privileged, uid_t owner, const std::string& mount_point,
                     const std::string& scratch, std::vector<UniqueFd>* keep) {
  if (!request.simulated) {
    Builder builder(privileged, owner, false, scratch, scratch, keep);
    for (const wire::TreeItem& item : request.tree)
      if (item.path != "$scratch") LOCKSTEP_CHECK(builder.make(item));
    return {};
  }
  // A machine that refuses namespaces cannot run the row: that is a skip, not a failure of ours.
  if (Result<void> entered = enter_mount_namespace(privileged, request.network); !entered.ok()) {
    Error& error = entered.error();
    error.kind = ErrorKind::unsupported;
    // Below a chroot the root is no mount point, and nothing can be mounted private or pivoted to.
    error.message = "a private mount namespace cannot be had here: " + error.message +
                    (error.err == EINVAL ? ", as in a chroot" : "");
    return entered;
  }
  if (request.network) LOCKSTEP_CHECK(open_loopback());
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", MS_NOSUID, "mode=0755,size=64m") != 0)
    return failed("mount tmpfs", mount_point);
  // From here on by short names: most of what a row makes costs is to look its name up.
  if (::chdir(mount_point.c_str()) != 0) return failed("chdir", mount_point);
  Builder builder(privileged, owner, true, ".", scratch, keep);
  for (const wire::TreeItem& item : request.tree) LOCKSTEP_CHECK(builder.make(item));
  LOCKSTEP_CHECK(builder.bind("/proc", "./proc", true));
  if (request.bind_sys) LOCKSTEP_CHECK(builder.bind("/sys", "./sys", true));
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return failed("pivot_root", mount_point);
  if (::umount2(".", MNT_DETACH) != 0) return system_error(errno, "umount2(\".\", MNT_DETACH)");
  if (::chdir("/") != 0) return failed("chdir", "/");
  return {};
}

void remove_tree(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) {
    DIR* directory = ::fdopendir(fd.release());
    std::vector<std::string> names;
    while (const dirent* entry = directory != nullptr ? ::readdir(directory) : nullptr)
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
        names.emplace_back(entry->d_name);
    if (directory != nullptr) ::closedir(directory);
    for (const std::string& name : names) {
      const std::string below = path + "/" + name;
      if (::unlink(below.c_str()) != 0) remove_tree(below);
    }
  }
  ::rmdir(path.c_str());
}

}  // namespace lockstep::conformance::harness
