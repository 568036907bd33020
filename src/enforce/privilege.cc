#include "enforce/privilege.h"

#include <grp.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "enforce/users.h"

namespace lockstep {
namespace {

using Caps = std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)>;

Caps caps(cap_t value) {
  return Caps(value, cap_free);
}

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
    if ((keep >> cap & 1) != 0) continue;
    if (cap_drop_bound(cap) != 0) return system_error(errno, "cap_drop_bound(" + std::to_string(cap) + ")");
  }
  return {};
}

Result<void> set_capabilities(std::uint64_t keep) {
  Caps wanted = caps(cap_init());
  if (!wanted) return system_error(errno, "cap_init()");
  for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap) {
    if ((keep >> cap & 1) == 0) continue;
    if (cap_set_flag(wanted.get(), CAP_PERMITTED, 1, &cap, CAP_SET) != 0 ||
        cap_set_flag(wanted.get(), CAP_EFFECTIVE, 1, &cap, CAP_SET) != 0)
      return system_error(errno, "cap_set_flag(" + std::to_string(cap) + ")");
  }
  // Not libcap's cap_reset_ambient(), which asks for each of forty first. Fails on kernels before 4.3, which have none.
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (cap_set_proc(wanted.get()) != 0) return system_error(errno, "cap_set_proc()");
  return {};
}

std::vector<gid_t> sorted(std::vector<gid_t> groups) {
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

// Real, effective and saved: a saved id that stays behind is the way back.
bool is_uid(uid_t uid) {
  uid_t real = 0, effective = 0, saved = 0;
  return ::getresuid(&real, &effective, &saved) == 0 && real == uid && effective == uid && saved == uid;
}

bool is_gid(gid_t gid) {
  gid_t real = 0, effective = 0, saved = 0;
  return ::getresgid(&real, &effective, &saved) == 0 && real == gid && effective == gid && saved == gid;
}

Result<void> prove(const Identity& identity, std::uint64_t keep, bool bounded) {
  if (!is_uid(identity.uid) || !is_gid(identity.gid))
    return internal_error("the user or the group did not change as asked");
  if (sorted(current_groups()) != sorted(identity.groups))
    return internal_error("the supplementary groups did not change as asked");
  const Caps now = caps(cap_get_proc());
  if (!now) return system_error(errno, "cap_get_proc()");
  for (cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE, CAP_INHERITABLE}) {
    LOCKSTEP_ASSIGN(const std::uint64_t bits, read_flag(now, flag));
    if ((bits & ~(flag == CAP_INHERITABLE ? 0 : keep)) != 0)
      return internal_error("capabilities are left that were to be dropped");
  }
  // An ambient capability is an inheritable one too, by the kernel's own invariant: none of those is left.
  for (cap_value_t cap = 0; bounded && cap < cap_max_bits(); ++cap)
    if ((keep >> cap & 1) == 0 && cap_get_bound(cap) == CAP_SET)
      return internal_error("capabilities are left in the bounding set");
  return {};
}

// The calls say EPERM to whoever is not allowed to, and EINVAL to a number that the user namespace has no
// place for.
Error cannot_become(int err, std::string call) {
  Error error = system_error(err, std::move(call));
  if (err == EPERM && ::geteuid() != 0)
    error.message = "process.run_as_user and run_as_group need root, and this is uid " + std::to_string(::geteuid()) +
                    ": start it as root, or as that "
                    "user and group with no others, or take them out of the policy (" +
                    error.message + ")";
  else if (err == EPERM)
    error.message =
        "process.run_as_user and run_as_group need CAP_SETUID and CAP_SETGID, and a user namespace where "
        "setgroups() is allowed (" +
        error.message + ")";
  else if (err == EINVAL)
    error.message += ": the user namespace of this process does not map that number";
  return error;
}

Error unknown(const char* key, const std::string& name) {
  return {ErrorKind::input,
          0,
          std::string("process.") + key + ": this machine knows no \"" + printable(name) + "\"",
          {},
          0};
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
  for (cap_value_t cap :
       {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP,
        CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_CHROOT, CAP_MKNOD, CAP_AUDIT_WRITE, CAP_SETFCAP})
    bits |= std::uint64_t{1} << cap;
  return bits;
}

Result<void> drop_privileges(const Identity& identity) {
  const std::uint64_t keep = identity.uid == 0 ? identity.keep : 0;
  LOCKSTEP_ASSIGN(const std::uint64_t have, permitted_capabilities());
  const bool bounded = (have >> CAP_SETPCAP & 1) != 0;
  if (bounded) {
    LOCKSTEP_CHECK(shrink_bounding_set(keep));
    // Without this, executing anything as uid 0 would give every capability of the bounding set back.
    const unsigned bits = cap_get_secbits() | SECBIT_NOROOT | SECBIT_NOROOT_LOCKED;
    if (identity.uid == 0 && (have & ~keep) != 0 && cap_set_secbits(bits) != 0)
      return system_error(errno, "cap_set_secbits(NOROOT)");
  }
  // A user namespace refuses setgroups() outright: asking to keep the groups one has must still be fine.
  if (sorted(current_groups()) != sorted(identity.groups) &&
      ::setgroups(identity.groups.size(), identity.groups.data()) != 0)
    return cannot_become(errno, "setgroups()");
  if (!is_gid(identity.gid) && ::setresgid(identity.gid, identity.gid, identity.gid) != 0)
    return cannot_become(errno, "setresgid(" + std::to_string(identity.gid) + ")");
  if (!is_uid(identity.uid) && ::setresuid(identity.uid, identity.uid, identity.uid) != 0)
    return cannot_become(errno, "setresuid(" + std::to_string(identity.uid) + ")");
  LOCKSTEP_CHECK(set_capabilities(keep & have));
  return prove(identity, keep & have, bounded);
}

Result<Identity> lookup_identity(const std::string& user, const std::string& group) {
  Identity out;
  out.uid = ::getuid();
  out.gid = ::getgid();
  std::optional<User> entry;
  if (!user.empty()) {
    const std::optional<unsigned> uid = id_number(user);
    LOCKSTEP_ASSIGN(entry, find_user(user));
    if (!entry && !uid) return unknown("run_as_user", user);
    out.uid = entry ? entry->uid : *uid;
    if (!entry && group.empty())
      return Error{ErrorKind::input,
                   0,
                   "process.run_as_user: this machine knows no group for user " + user + ": write run_as_group too",
                   {},
                   0};
    if (entry) out.gid = entry->gid;
  }
  if (!group.empty()) {
    const std::optional<unsigned> number = id_number(group);
    std::optional<gid_t> gid = number;
    if (!number) {
      LOCKSTEP_ASSIGN(gid, find_group(group));
    }
    if (!gid) return unknown("run_as_group", group);
    out.gid = *gid;
  }
  if (entry) {
    LOCKSTEP_ASSIGN(out.groups, groups_of(entry->name, out.gid));
  }
  return out;
}

}  // namespace lockstep
