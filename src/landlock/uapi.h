// The Landlock system calls and their structures, as of ABI 11, with our own names: the headers of the systems we
// support stop at ABI 2, and newer ones must not clash. Checked against the system header in uapi_kernel_test.cc.
// Source: include/uapi/linux/landlock.h. The numbers of the calls are the same on every architecture. Nothing here
// decides anything; each call returns what the kernel returned (-1 and errno on failure).
#ifndef LOCKSTEP_LANDLOCK_UAPI_H_
#define LOCKSTEP_LANDLOCK_UAPI_H_

#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace lockstep::uapi {

inline constexpr long create_ruleset_nr = 444;
inline constexpr long add_rule_nr = 445;
inline constexpr long restrict_self_nr = 446;

// create_ruleset flags
inline constexpr std::uint32_t create_ruleset_version = 1U << 0;
inline constexpr std::uint32_t create_ruleset_errata = 1U << 1;

// rule types
inline constexpr int rule_path_beneath = 1;
inline constexpr int rule_net_port = 2;

// add_rule flag, from ABI 10
inline constexpr std::uint32_t add_rule_quiet = 1U << 0;

struct RulesetAttr {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;  // from ABI 4
  std::uint64_t scoped = 0;              // from ABI 6
  std::uint64_t quiet_access_fs = 0;     // from ABI 10
  std::uint64_t quiet_access_net = 0;
  std::uint64_t quiet_scoped = 0;
};
static_assert(sizeof(RulesetAttr) == 48);

struct [[gnu::packed]] PathBeneathAttr {
  std::uint64_t allowed_access = 0;
  std::int32_t parent_fd = -1;
};
static_assert(sizeof(PathBeneathAttr) == 12);

struct NetPortAttr {
  std::uint64_t allowed_access = 0;
  std::uint64_t port = 0;  // host byte order
};
static_assert(sizeof(NetPortAttr) == 16);

inline long create_ruleset(const RulesetAttr* attr, std::size_t size, std::uint32_t flags) {
  return ::syscall(create_ruleset_nr, attr, size, flags);
}

inline long add_rule(int ruleset_fd, int type, const void* attr, std::uint32_t flags) {
  return ::syscall(add_rule_nr, ruleset_fd, type, attr, flags);
}

inline long restrict_self(int ruleset_fd, std::uint32_t flags) {
  return ::syscall(restrict_self_nr, ruleset_fd, flags);
}

}  // namespace lockstep::uapi

#endif  // LOCKSTEP_LANDLOCK_UAPI_H_
