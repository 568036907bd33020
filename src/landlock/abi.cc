#include <array>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "landlock/errata.h"

namespace lockstep {
namespace {

constexpr AccessSet fs_1 = AccessSet::from_bits(0x1fff);
constexpr AccessSet fs_2 = fs_1 | Right::refer;
constexpr AccessSet fs_3 = fs_2 | Right::truncate;
constexpr AccessSet fs_5 = fs_3 | Right::ioctl_dev;
constexpr AccessSet fs_9 = fs_5 | Right::resolve_unix;

template <typename Set>
constexpr Set first(int count) {
  return Set::from_bits((std::uint64_t{1} << count) - 1);
}
constexpr NetSet net_0, net_4 = first<NetSet>(2), net_10 = first<NetSet>(4);
constexpr ScopeSet scope_0, scope_6 = first<ScopeSet>(2);
constexpr RestrictFlags flags_0, flags_7 = first<RestrictFlags>(3), flags_8 = first<RestrictFlags>(4),
                                 flags_11 = first<RestrictFlags>(5);

constexpr std::array<AbiInfo, newest_abi> table = {{
    {1, "5.13", fs_1, net_0, scope_0, flags_0, false, 8,
     "13 file-system rights; moving a file to another directory is always denied",
     "the comm write of cuInit() needs write_file (and read_file for O_RDWR) on /proc"},
    {2, "5.19", fs_2, net_0, scope_0, flags_0, false, 8, "refer: rename and link across directories",
     "a JIT cache that renames files into place across directories needs refer on both"},
    {3, "6.2", fs_3, net_0, scope_0, flags_0, false, 8, "truncate: truncate(2), ftruncate(2) and O_TRUNC",
     "CUDA from 550 on opens comm with O_TRUNC and needs truncate on /proc; below 3 read-only files can be emptied"},
    {4, "6.7", fs_3, net_4, scope_0, flags_0, false, 16, "network rights: bind and connect TCP ports",
     "no file-system change; NCCL's sockets only where a policy asks for network rights"},
    {5, "6.10", fs_5, net_4, scope_0, flags_0, false, 16, "ioctl_dev: ioctl(2) on device files opened under the policy",
     "a GPU node granted without ioctl_dev opens, and then every ioctl on it fails"},
    {6, "6.12", fs_5, net_4, scope_6, flags_0, false, 24, "scopes: abstract UNIX sockets and signals",
     "peers outside the domain behind @cuda-uvmfd-* are cut off only where a policy asks for the scope"},
    {7, "6.15", fs_5, net_4, scope_6, flags_7, false, 24,
     "audit records for denials, with flags that control them; readable errata",
     "the kernel itself names the denied path and right, where audit can be listened to"},
    {8, "7.0", fs_5, net_4, scope_6, flags_8, false, 24, "restrict all threads of a process at once",
     "a process that already started CUDA's threads can still be restricted whole"},
    {9, "7.1", fs_9, net_4, scope_6, flags_8, false, 24, "resolve_unix: connect to UNIX sockets by path",
     "/run/nvidia-persistenced read-only and an MPS pipe directory no longer connect without the right"},
    {10, "7.2", fs_9, net_10, scope_6, flags_8, true, 48,
     "UDP rights; quiet rules that keep denials out of the audit log",
     "no file-system change; harmless denials of a probing driver can be kept out of the log"},
    {11, "7.3", fs_9, net_10, scope_6, flags_11, true, 48,
     "set no_new_privs together with the restriction; tracepoints", "no change in what is allowed"},
}};

constexpr std::array<FeatureInfo, right_count> rights = {{
    {"right", "execute", 1, "execute a file", "any file can be executed"},
    {"right", "write_file", 1, "open a file for writing", "any file can be opened for writing"},
    {"right", "read_file", 1, "open a file for reading", "any file can be read"},
    {"right", "read_dir", 1, "list a directory", "any directory can be listed"},
    {"right", "remove_dir", 1, "remove or rename an empty directory", "directories can be removed anywhere"},
    {"right", "remove_file", 1, "unlink or rename a file", "files can be removed anywhere"},
    {"right", "make_char", 1, "create, rename or link a character device", "character devices can be created anywhere"},
    {"right", "make_dir", 1, "create or rename a directory", "directories can be created anywhere"},
    {"right", "make_reg", 1, "create, rename or link a regular file", "files can be created anywhere"},
    {"right", "make_sock", 1, "create, rename or link a UNIX socket", "UNIX sockets can be bound anywhere"},
    {"right", "make_fifo", 1, "create, rename or link a named pipe", "named pipes can be created anywhere"},
    {"right", "make_block", 1, "create, rename or link a block device", "block devices can be created anywhere"},
    {"right", "make_sym", 1, "create, rename or link a symbolic link", "symbolic links can be created anywhere"},
    // The one right that is denied where it is not handled.
    {"right", "refer", 2, "move or link a file to another directory",
     "every move to another directory fails with EXDEV"},
    {"right", "truncate", 3, "shorten a file", "any file can be emptied with truncate(2), also a read-only one"},
    {"right", "ioctl_dev", 5, "ioctl on a device file", "any device that can be opened takes any ioctl"},
    {"right", "resolve_unix", 9, "connect to a UNIX socket by path", "any UNIX socket can be connected to by its path"},
}};

constexpr std::array<FeatureInfo, net_right_count> net_rights = {{
    {"port", "bind_tcp", 4, "bind a TCP socket to the port", "any TCP port can be bound"},
    {"port", "connect_tcp", 4, "connect to the TCP port", "any TCP port can be connected to"},
    {"port", "bind_udp", 10, "bind a UDP socket to the port; port 0: send from a socket not bound",
     "any UDP port can be bound"},
    {"port", "connect_send_udp", 10, "connect or send to the UDP port", "datagrams can be sent to any UDP port"},
}};

constexpr std::array<FeatureInfo, scope_count> scopes = {{
    {"scope", "abstract_unix_socket", 6, "connections to abstract UNIX sockets",
     "any abstract UNIX socket can be connected to"},
    {"scope", "signal", 6, "signals", "any process of the same user can be sent signals"},
}};

constexpr std::array<FeatureInfo, 2> extras = {{
    {"log", "log", 7, "what is logged",
     "the kernel logs nothing of Landlock: nothing else is allowed or denied by that"},
    {"quiet", "quiet", 10, "denials that are not logged",
     "denials below the path are logged: nothing else is allowed or denied by that"},
}};

constexpr std::array<ErratumInfo, 4> errata = {{
    {1, 4, "TCP rights restrict TCP sockets alone, not SMC, MPTCP and SCTP"},
    {2, 6, "threads of one process can always signal each other, also under the signal scope"},
    {3, 1, "rules are found for a directory moved out of its bind mount, by its mount and by where it went"},
    {4, 1, "a whiteout of overlayfs needs make_reg, and renaming with one is checked"},
}};

// A feature stands in the set of its first ABI and in none before it, under its own name.
template <typename Bit, std::size_t n>
constexpr bool agree(const std::array<FeatureInfo, n>& features, BitSet<Bit> AbiInfo::*set) {
  for (std::size_t i = 0; i < n; ++i)
    for (const AbiInfo& info : table)
      if ((info.*set).contains(static_cast<Bit>(i)) != (info.abi >= features[i].first_abi)) return false;
  return true;
}

constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i].abi != static_cast<int>(i) + 1) return false;
  return agree(rights, &AbiInfo::fs) && agree(net_rights, &AbiInfo::net) && agree(scopes, &AbiInfo::scope);
}
static_assert(in_order());

}  // namespace

std::span<const AbiInfo> abi_table() {
  return table;
}

const AbiInfo* abi_info(int abi) {
  return abi >= oldest_abi && abi <= newest_abi ? &table[static_cast<std::size_t>(abi - 1)] : nullptr;
}

const FeatureInfo& feature_info(Right right) {
  return rights[static_cast<std::size_t>(right)];
}
const FeatureInfo& feature_info(NetRight right) {
  return net_rights[static_cast<std::size_t>(right)];
}
const FeatureInfo& feature_info(Scope scope) {
  return scopes[static_cast<std::size_t>(scope)];
}
const FeatureInfo& feature_info(Extra extra) {
  return extras[static_cast<std::size_t>(extra)];
}

std::span<const ErratumInfo> errata_table() {
  return errata;
}

}  // namespace lockstep
