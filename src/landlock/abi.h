// The ABI table: what each version of Landlock's user-space interface added, and what that means on a GPU host.
//
//   for (const AbiInfo& info : abi_table()) ...        // ABI 1, 2, ... newest_abi, in order
//   abi_info(5)->fs                                    // every file-system right of ABI 5
//   right_info(Right::truncate).first_abi              // 3
//
// Every mask the library uses is derived from here; the model keeps a second copy of its own, and a test compares
// the two. Source: security/landlock of the kernels named, and the kernels themselves where they could be booted.
// This says what an ABI has, not what the running kernel has: landlock/kernel.h.
#ifndef LOCKSTEP_LANDLOCK_ABI_H_
#define LOCKSTEP_LANDLOCK_ABI_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "landlock/access.h"

namespace lockstep {

inline constexpr int oldest_abi = 1;
inline constexpr int newest_abi = 11;

struct AbiInfo {
  int abi;
  std::string_view kernel;       // first mainline release
  AccessSet fs;                  // file-system rights it can handle
  std::uint64_t net;             // network rights: bind TCP 0, connect TCP 1, bind UDP 2, connect/send UDP 3
  std::uint64_t scope;           // scopes: abstract UNIX sockets 0, signals 1
  std::uint32_t restrict_flags;  // flags landlock_restrict_self() knows
  std::size_t attr_size;         // bytes of landlock_ruleset_attr it knows
  std::string_view added;        // in words
  std::string_view on_gpu_hosts;
};

std::span<const AbiInfo> abi_table();
// Nothing for an ABI that is not in the table.
const AbiInfo* abi_info(int abi);

struct RightInfo {
  Right right;
  int first_abi;
  std::string_view allows;       // what the right allows
  std::string_view unprotected;  // what anyone can do where no rule set handles it: one sentence, no full stop
};

const RightInfo& right_info(Right right);

}  // namespace lockstep

#endif  // LOCKSTEP_LANDLOCK_ABI_H_
