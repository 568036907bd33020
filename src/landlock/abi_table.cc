#include <array>

#include "landlock/abi.h"

namespace lockstep {
namespace {

constexpr AccessSet first_bits(int count) { return AccessSet::from_bits((std::uint64_t{1} << count) - 1); }

constexpr AccessSet fs_1 = first_bits(13);
constexpr AccessSet fs_2 = fs_1 | Right::refer;
constexpr AccessSet fs_3 = fs_2 | Right::truncate;
constexpr AccessSet fs_5 = fs_3 | Right::ioctl_dev;
constexpr AccessSet fs_9 = fs_5 | Right::resolve_unix;

constexpr std::array<AbiInfo, newest_abi> table = {{
    {1, "5.13", fs_1, 0x0, 0x0, 0x00, 8, "13 file-system rights; moving a file to another directory is always denied",
     "the comm write of cuInit() needs write_file (and read_file for O_RDWR) on /proc"},
    {2, "5.19", fs_2, 0x0, 0x0, 0x00, 8, "refer: rename and link across directories",
     "a JIT cache that renames files into place across directories needs refer on both"},
    {3, "6.2", fs_3, 0x0, 0x0, 0x00, 8, "truncate: truncate(2), ftruncate(2) and O_TRUNC",
     "a shell's `echo > comm` needs truncate and CUDA's own write does not; below 3 read-only files can be emptied"},
    {4, "6.7", fs_3, 0x3, 0x0, 0x00, 16, "network rights: bind and connect TCP ports",
     "no file-system change; NCCL's sockets only where a policy asks for network rights"},
    {5, "6.10", fs_5, 0x3, 0x0, 0x00, 16, "ioctl_dev: ioctl(2) on device files opened under the policy",
     "a GPU node granted without ioctl_dev opens, and then every ioctl on it fails"},
    {6, "6.12", fs_5, 0x3, 0x3, 0x00, 24, "scopes: abstract UNIX sockets and signals",
     "peers outside the domain behind @cuda-uvmfd-* are cut off only where a policy asks for the scope"},
    {7, "6.15", fs_5, 0x3, 0x3, 0x07, 24, "audit records for denials, with flags that control them; readable errata",
     "the kernel itself names the denied path and right, where audit can be listened to"},
    {8, "7.0", fs_5, 0x3, 0x3, 0x0f, 24, "restrict all threads of a process at once",
     "a process that already started CUDA's threads can still be restricted whole"},
    {9, "7.1", fs_9, 0x3, 0x3, 0x0f, 24, "resolve_unix: connect to UNIX sockets by path",
     "/run/nvidia-persistenced read-only and an MPS pipe directory no longer connect without the right"},
    {10, "7.2", fs_9, 0xf, 0x3, 0x0f, 48, "UDP rights; quiet rules that keep denials out of the audit log",
     "no file-system change; harmless denials of a probing driver can be kept out of the log"},
    {11, "7.3", fs_9, 0xf, 0x3, 0x1f, 48, "set no_new_privs together with the restriction; tracepoints",
     "no change in what is allowed"},
}};

constexpr std::array<RightInfo, right_count> rights = {{
    {Right::execute, 1, "execute a file", "any file can be executed"},
    {Right::write_file, 1, "open a file for writing", "any file can be opened for writing"},
    {Right::read_file, 1, "open a file for reading", "any file can be read"},
    {Right::read_dir, 1, "list a directory", "any directory can be listed"},
    {Right::remove_dir, 1, "remove or rename an empty directory", "directories can be removed anywhere"},
    {Right::remove_file, 1, "unlink or rename a file", "files can be removed anywhere"},
    {Right::make_char, 1, "create, rename or link a character device", "character devices can be created anywhere"},
    {Right::make_dir, 1, "create or rename a directory", "directories can be created anywhere"},
    {Right::make_reg, 1, "create, rename or link a regular file", "files can be created anywhere"},
    {Right::make_sock, 1, "create, rename or link a UNIX socket", "UNIX sockets can be bound anywhere"},
    {Right::make_fifo, 1, "create, rename or link a named pipe", "named pipes can be created anywhere"},
    {Right::make_block, 1, "create, rename or link a block device", "block devices can be created anywhere"},
    {Right::make_sym, 1, "create, rename or link a symbolic link", "symbolic links can be created anywhere"},
    // The one right that is denied where it is not handled.
    {Right::refer, 2, "move or link a file to another directory", "every move to another directory fails with EXDEV"},
    {Right::truncate, 3, "shorten a file", "any file can be emptied with truncate(2), also a read-only one"},
    {Right::ioctl_dev, 5, "ioctl on a device file", "any device that can be opened takes any ioctl"},
    {Right::resolve_unix, 9, "connect to a UNIX socket by path", "any UNIX socket can be connected to by its path"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i].abi != static_cast<int>(i) + 1) return false;
  for (std::size_t i = 0; i < rights.size(); ++i) {
    if (static_cast<std::size_t>(rights[i].right) != i) return false;
    // A right stands in the set of its first ABI and in none before it.
    for (const AbiInfo& info : table)
      if (info.fs.contains(rights[i].right) != (info.abi >= rights[i].first_abi)) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::span<const AbiInfo> abi_table() { return table; }

const AbiInfo* abi_info(int abi) {
  return abi >= oldest_abi && abi <= newest_abi ? &table[static_cast<std::size_t>(abi - 1)] : nullptr;
}

const RightInfo& right_info(Right right) { return rights[static_cast<std::size_t>(right)]; }

}  // namespace lockstep
