// A fuzz case: a tree, raw layers of rules, operations. The generator makes it, the shrinker cuts it down, `--replay`
// runs it and fixtures/fuzz keeps it (lockstep.fuzz/1).
//
//   {"schema": "lockstep.fuzz/1", "why": "...", "identity": "root", "chroot": "", "finds": ["gain-unchecked"],
//    "items": [{"kind": "tmpfs", "path": "t"}, {"kind": "dir", "path": "t/a"},
//              {"kind": "hold", "path": "t/a", "target": "@0"}],
//    "layers": [{"handled": ["read_file"], "rules": [{"path": "t/a", "rights": ["read_file"]}]}],
//    "operations": [{"op": "open-r", "path": "t/a/f"}]}
//
// Paths are relative to the tree's root. "@0" and "@0/x" begin at a descriptor that is held open. A rule's path may be
// absolute. Items are made in their order, all of them before the rules: a "hold" is the way to name what is moved,
// removed or covered later.
//
// A layer may have, beside "handled": "net", "ports" ([{"right": "bind_tcp", "port": 22}]) and "scopes". A layer that
// handles nothing at all handles bind_tcp. The path of a signal and of connect-abstract is "outside" or "peer". A peer
// is a process that stands in the first "peer_layers" layers; with "peer_executed" it is a freshly executed program.
//
// A layer may be a "policy" instead, which the library compiles for "plan_abi": {"read_only": [paths], "read_write":
// [paths], "grants": [{"path", "rights"}], "present": [paths of the host], "workdir": path, "gpu": false, "proxy":
// false, "hard": false, "min_abi": 1, "conflicts": "promote" or "keep"}.
//
// With "reclaim" the kernel is made to take back its procfs entries once the layers are in force. Then rules on them
// are lost, but for rules that are "pinned" and those of a policy. Reading is strict: an error names file and line.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_CASE_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_CASE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/access_set.h>
#include <lockstep/error.h>
#include <lockstep/policy.h>

#include "operation/operation.h"

namespace lockstep::conformance::fuzz {

enum class ItemKind : std::uint8_t {
  dir,
  file,   // no program and no script
  empty,  // a file with nothing in it
  fifo,
  chr,      // 1:8
  null,     // 1:3
  blk,      // 7:0; never opened
  socket,   // with a server outside every domain; target: a word of server_words, empty a listening stream
  symlink,  // -> target, relative to itself
  link,     // hard link to target
  tmpfs,    // makes the directory where it is missing, mounts a tmpfs
  bind,     // target bound onto path, which is made where it is missing
  proc,     // another procfs
  overlay,  // target: the lower directory; the upper one is new and hidden beside it
  hold,     // opens path O_PATH as target ("@0")
  move,     // renames path to target
  remove,
};

struct Item {
  ItemKind kind = ItemKind::dir;
  std::string path;
  std::string target;
  // For a hold whose directory is moved out of the bind mount it was opened through: its new place, seen through the
  // mount of the whole file system, and that bind mount.
  std::string moved_to;
  std::string mount;
  unsigned mode = 0777;
};

// "idle" is bound and does not listen: a client finds it and is refused. "gone" left its socket file: a client finds
// nobody.
inline constexpr std::array<std::string_view, 4> server_words = {"seqpacket", "dgram", "idle", "gone"};

struct RuleSpec {
  std::string path;
  AccessSet rights;     // on anything but a directory cut to what Landlock accepts there
  bool pinned = false;  // kept open; without `reclaim` every rule is
};

struct PolicySpec {
  std::vector<std::string> read_only = {}, read_write = {};
  std::vector<RuleSpec> grants = {};
  std::vector<std::string> present = {};  // baseline paths that the host has
  std::string workdir = {};
  bool gpu = false, proxy = false, hard = false;
  int min_abi = 1;
  std::optional<ConflictMode> conflicts = {};  // absent: as built in
};

struct LayerSpec {
  AccessSet handled;
  std::vector<RuleSpec> rules;
  Restrictions restrictions = {};         // net, ports and scopes
  std::optional<PolicySpec> policy = {};  // then `handled` and `rules` are empty
};

struct OperationSpec {
  Operation operation = Operation::open_r;
  Mode mode = Mode::plain;
  Actor actor = Actor::self;
  std::string path;
  std::string path2;
  std::uint16_t port = 0;
};

// Every operation but cu-init.
inline constexpr int fuzzed_operation_count = operation_count - 1;
// False where the operation is about a port, an abstract socket or a process.
constexpr bool has_path(Operation operation) {
  return static_cast<int>(operation) < path_operation_count;
}

enum class Identity : std::uint8_t { root, user };  // user: no capability, and another uid where there is one

struct FuzzCase {
  std::string why;
  std::vector<std::string> finds;  // of a fixture: the planted faults that must disagree here
  Identity identity = Identity::root;
  std::size_t peer_layers = 0;
  bool peer_executed = false;
  bool reclaim = false;
  int plan_abi = 0;    // of policies; 0: there is none
  std::string chroot;  // a directory of the tree that is the process' root; then every path is below it
  std::vector<Item> items;
  std::vector<LayerSpec> layers;
  std::vector<OperationSpec> operations;
};

inline constexpr std::string_view fuzz_schema = "lockstep.fuzz/1";
std::string_view name(ItemKind kind);
// The oldest ABI whose kernel takes these layers.
int needs_abi(const FuzzCase& fuzz_case);

std::string to_json(const FuzzCase& fuzz_case);
std::string one_line(const OperationSpec& operation);
Result<FuzzCase> read_fuzz_case(const std::string& file);

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_CASE_H_
