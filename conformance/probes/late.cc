// Errnos that two of the kernel's checks give, one before and one after it asks Landlock: which of them it
// was.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conformance/probes/verbs.h"

namespace lockstep::conformance::probes {
namespace {

bool has_fowner() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  return ::syscall(SYS_capget, &header, sets) == 0 && (sets[0].effective >> CAP_FOWNER & 1) != 0;
}

// Where nobody can say, it is as distributions have it.
bool links_are_protected() {
  const int fd = ::open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
  char digit = '1';
  [[maybe_unused]] const ssize_t got = ::read(fd, &digit, 1);
  if (fd >= 0) ::close(fd);
  return digit != '0';
}

}  // namespace

bool is_late_eperm(const char* path) {
  constexpr std::uint64_t refused = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
  struct ::statx out {};
  return ::statx(AT_FDCWD, path, 0, STATX_TYPE, &out) == 0 && (out.stx_attributes & refused) == 0;
}

// may_linkat() of the kernel.
bool may_link_to(const char* path) {
  struct stat st;
  if (::lstat(path, &st) != 0) return false;
  if (!links_are_protected() || st.st_uid == ::geteuid() || has_fowner()) return true;
  const bool group_program = (st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  return S_ISREG(st.st_mode) && (st.st_mode & S_ISUID) == 0 && !group_program &&
         ::faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0;
}

}  // namespace lockstep::conformance::probes
