#include "enforce/privilege.h"

#include <grp.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

namespace lockstep {
namespace {

using Caps = std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)>;

Caps caps(cap_t value) { return Caps(value, cap_free); }

Result<std::uint64_t> read_flag(const Caps& set, cap_flag_t flag) {
  std::uint64_t bits = 0;
  for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap) {
    cap_flag_value_t value = CAP_CLEAR;
    if (cap_get_flag(set.get(), cap, flag, &value) != 0) return system_error(errno, "cap_get_flag()");
    if (value == CAP_SET) bits |= std::uint64_t{1} << cap;
  }
  return bits;
}

Result<void> shrink_bounding_set(std::uint64_t keep) {
  for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap) {
    if ((keep >> cap & 1) != 0 || cap_get_bound(cap) != CAP_SET) continue;
    if (cap_drop_bound(cap) != 0) return system_error(errno, "cap_drop_bound(" + std::to_string(cap) + ")");
  }
  return {};
}

Result<void> set_capabilities(std::uint64_t keep) {
  Caps wanted = caps(cap_init());
  if (!wanted) return system_error(errno, "cap_init()");
  for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap) {
    if ((keep >> cap & 1) == 0) continue;
    if (cap_set_flag(wanted.get(), CAP_PERMITTED, 1, &cap, CAP_SET) != 0 || cap_set_flag(wanted.get(), CAP_EFFECTIVE, 1, &cap, CAP_SET) != 0)
      return system_error(errno, "cap_set_flag(" + std::to_string(cap) + ")");
  }
  cap_reset_ambient();  // fails on kernels before 4.3, which have none
  if (cap_set_proc(wanted.get()) != 0) return system_error(errno, "cap_set_proc()");
  return {};
}

Result<void> prove(const Identity& identity) {
  if (::getuid() != identity.uid || ::geteuid() != identity.uid || ::getgid() != identity.gid || ::getegid() != identity.gid)
    return internal_error("the identity did not change as asked");
  const Caps now = caps(cap_get_proc());
  if (!now) return system_error(errno, "cap_get_proc()");
  for (cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE, CAP_INHERITABLE}) {
    LOCKSTEP_ASSIGN(const std::uint64_t bits, read_flag(now, flag));
    const std::uint64_t allowed = flag == CAP_INHERITABLE ? 0 : identity.keep;
    if ((bits & ~allowed) != 0) return internal_error("capabilities are left that were to be dropped");
  }
  return {};
}

std::optional<unsigned> number(const std::string& text) {
  unsigned value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error unknown(const char* key, const std::string& name) {
  return {ErrorKind::input, 0, std::string("process.") + key + ": this machine knows no \"" + printable(name) + "\"", {}, 0};
}

}  // namespace

Result<std::uint64_t> permitted_capabilities() {
  const Caps now = caps(cap_get_proc());
  if (!now) return system_error(errno, "cap_get_proc()");
  return read_flag(now, CAP_PERMITTED);
}

std::vector<gid_t> current_groups() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  return groups;
}

std::uint64_t container_default_capabilities() {
  std::uint64_t bits = 0;
  for (cap_value_t cap : {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP,
                          CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_CHROOT, CAP_MKNOD, CAP_AUDIT_WRITE, CAP_SETFCAP})
    bits |= std::uint64_t{1} << cap;
  return bits;
}

Result<void> drop_privileges(const Identity& identity) {
  const std::uint64_t keep = identity.uid == 0 ? identity.keep : 0;
  LOCKSTEP_ASSIGN(const std::uint64_t have, permitted_capabilities());
  if ((have >> CAP_SETPCAP & 1) != 0) {
    LOCKSTEP_CHECK(shrink_bounding_set(keep));
    // Without this, executing anything as uid 0 would give every capability of the bounding set back.
    const unsigned bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED;
    if (identity.uid == 0 && (have & ~keep) != 0 && cap_set_secbits(bits) != 0) return system_error(errno, "cap_set_secbits(NOROOT)");
  }
  const bool same = ::getuid() == identity.uid && ::geteuid() == identity.uid && ::getgid() == identity.gid && ::getegid() == identity.gid;
  if ((have >> CAP_SETGID & 1) != 0) {
    // A user namespace refuses setgroups() outright: asking to keep the groups one has must still be fine.
    if (current_groups() != identity.groups && ::setgroups(identity.groups.size(), identity.groups.data()) != 0)
      return system_error(errno, "setgroups()");
    if (::setresgid(identity.gid, identity.gid, identity.gid) != 0)
      return system_error(errno, "setresgid(" + std::to_string(identity.gid) + ")");
  }
  if (!same && ::setresuid(identity.uid, identity.uid, identity.uid) != 0)
    return system_error(errno, "setresuid(" + std::to_string(identity.uid) + ")");
  LOCKSTEP_CHECK(set_capabilities(keep & have));
  return prove(identity);
}

Result<Identity> lookup_identity(const std::string& user, const std::string& group) {
  Identity out;
  out.uid = ::getuid();
  out.gid = ::getgid();
  const passwd* entry = nullptr;
  if (!user.empty()) {
    const std::optional<unsigned> uid = number(user);
    entry = uid ? ::getpwuid(*uid) : ::getpwnam(user.c_str());
    if (entry == nullptr && !uid) return unknown("run_as_user", user);
    out.uid = entry != nullptr ? entry->pw_uid : *uid;
    out.gid = entry != nullptr ? entry->pw_gid : *uid;
  }
  const std::string user_name = entry != nullptr ? entry->pw_name : "";
  if (!group.empty()) {
    const std::optional<unsigned> gid = number(group);
    const struct group* found = gid ? nullptr : ::getgrnam(group.c_str());
    if (found == nullptr && !gid) return unknown("run_as_group", group);
    out.gid = gid ? *gid : found->gr_gid;
  }
  if (!user_name.empty()) {
    int count = 64;
    out.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(user_name.c_str(), out.gid, out.groups.data(), &count) < 0) {
      out.groups.resize(static_cast<std::size_t>(count));
      if (::getgrouplist(user_name.c_str(), out.gid, out.groups.data(), &count) < 0) return system_error(errno, "getgrouplist()");
    }
    out.groups.resize(static_cast<std::size_t>(count));
  }
  return out;
}

}  // namespace lockstep
