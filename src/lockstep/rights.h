// What Landlock can restrict, as sets: rights on files, rights on network ports, scopes, and flags of the restriction
// itself.
//
//   AccessSet set = access_read_only | Right::write_file;
//   set.contains(Right::truncate);            // false
//   names(set);                               // {"execute", "write_file", "read_file", "read_dir"}
//
// The value of each is its bit number in the kernel's interface. Names are the kernel's, lower case, without prefix.
// What one means, and from which ABI on it exists: lockstep/abi.h.
#ifndef LOCKSTEP_RIGHTS_H_
#define LOCKSTEP_RIGHTS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include <lockstep/access_set.h>

namespace lockstep {

enum class Right : std::uint8_t {
  execute = 0,
  write_file = 1,
  read_file = 2,
  read_dir = 3,
  remove_dir = 4,
  remove_file = 5,
  make_char = 6,
  make_dir = 7,
  make_reg = 8,
  make_sock = 9,
  make_fifo = 10,
  make_block = 11,
  make_sym = 12,
  refer = 13,
  truncate = 14,
  ioctl_dev = 15,
  resolve_unix = 16,
};
inline constexpr int right_count = 17;

// Rights on ports; of UDP, connect_send is of the remote port, and a socket not bound yet needs bind on port 0 as well.
enum class NetRight : std::uint8_t { bind_tcp = 0, connect_tcp = 1, bind_udp = 2, connect_send_udp = 3 };
inline constexpr int net_right_count = 4;

// What cannot leave the domain; scopes know no exception by rule.
enum class Scope : std::uint8_t { abstract_unix_socket = 0, signal = 1 };
inline constexpr int scope_count = 2;

// Flags of landlock_restrict_self(): what is logged differently from the kernel's defaults, and whom it binds.
enum class RestrictFlag : std::uint8_t {
  log_same_exec_off = 0,
  log_new_exec_on = 1,
  log_subdomains_off = 2,
  tsync = 3,
  no_new_privs = 4,
};
inline constexpr int restrict_flag_count = 5;

constexpr AccessSet operator|(Right a, Right b) {
  return AccessSet(a) | AccessSet(b);
}

// What `read_only` grants. What `read_write` grants is every right of the plan's ABI: see abi.h.
inline constexpr AccessSet access_read_only = Right::execute | Right::read_file | Right::read_dir;

// The rights the kernel accepts in a rule on anything but a directory (ACCESS_FILE in security/landlock/fs.c); any
// other right there is EINVAL. Still to be cut to the ABI's own set.
inline constexpr AccessSet access_on_files =
    Right::execute | Right::write_file | Right::read_file | Right::truncate | Right::ioctl_dev | Right::resolve_unix;

std::optional<Right> right_from_name(std::string_view name);
std::optional<NetRight> net_right_from_name(std::string_view name);
std::optional<Scope> scope_from_name(std::string_view name);
}  // namespace lockstep

#endif  // LOCKSTEP_RIGHTS_H_
