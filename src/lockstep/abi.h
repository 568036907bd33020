// The ABI table: what each version of Landlock's user-space interface added, and what that means on a GPU host.
//
//   for (const AbiInfo& info : abi_table()) ...        // ABI 1, 2, ... newest_abi, in order
//   abi_info(5)->fs                                    // every file-system right of ABI 5
//   feature_info(Right::truncate).first_abi            // 3
//
// Every mask the library uses is derived from here; the model keeps a second copy of its own, and a test compares
// the two. Source: security/landlock of the kernels named, and the kernels themselves where they could be booted.
// This says what an ABI has, not what the running kernel has: lockstep/kernel.h.
#ifndef LOCKSTEP_ABI_H_
#define LOCKSTEP_ABI_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <lockstep/access_set.h>

namespace lockstep {

inline constexpr int oldest_abi = 1;
inline constexpr int newest_abi = 11;
inline constexpr int most_layers = 16;  // one thread can be below so many; ABI 1 has another limit

struct AbiInfo {
  int abi;
  std::string_view kernel;  // first mainline release
  AccessSet fs;             // file-system rights it can handle
  NetSet net;
  ScopeSet scope;
  RestrictFlags flags;     // of landlock_restrict_self()
  bool quiet;              // rules that keep denials out of the log
  std::size_t attr_size;   // bytes of landlock_ruleset_attr it knows
  std::string_view added;  // in words
  std::string_view on_gpu_hosts;
};

std::span<const AbiInfo> abi_table();
// Nothing for an ABI that is not in the table.
const AbiInfo* abi_info(int abi);

// What else a policy can ask for, and an ABI can lack.
enum class Extra { log, quiet };  // flags that control the log; quiet rules

// One thing that a policy can ask for.
struct FeatureInfo {
  std::string_view kind;  // right, port, scope, log or quiet
  std::string_view name;
  int first_abi;
  std::string_view allows;       // what it allows (a right), or keeps inside (a scope)
  std::string_view unprotected;  // what is so where no rule set handles it: one sentence, no full stop
};

const FeatureInfo& feature_info(Right right);
const FeatureInfo& feature_info(NetRight right);
const FeatureInfo& feature_info(Scope scope);
const FeatureInfo& feature_info(Extra extra);

}  // namespace lockstep

#endif  // LOCKSTEP_ABI_H_
