// What the driver asks of a worker: a row, its tree, its rules and its cells, as plain structs.
//
// A RowRequest is everything one row needs, so that the worker and its children read no file of ours.
#ifndef LOCKSTEP_CONFORMANCE_WIRE_REQUEST_H_
#define LOCKSTEP_CONFORMANCE_WIRE_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/plan.h>

#include "operation/operation.h"

namespace lockstep::conformance::wire {

enum class IdentityKind : std::uint8_t { user, container_root, root, self };
std::string_view name(IdentityKind identity);  // user, container-root, root, self
std::optional<IdentityKind> identity_from_name(std::string_view name);

// One operation to try. Paths are absolute; "$scratch" at the start is the child's own scratch directory, "$sibling"
// anywhere is the canary sibling's pid. comm_open uses it for other_process only; for signal it is the pid, for
// connect_abstract the name.
struct CellRequest {
  Operation operation = Operation::open_r;
  Mode mode = Mode::plain;
  Actor actor = Actor::self;
  Target target = Target::own;
  bool survey = false;  // count instead: open every regular file below `path` for writing (see probes/survey.h)
  std::string path;
  std::string path2;
  std::uint16_t port = 0;
};

// The type of a UNIX socket; a client must have its server's type.
enum class SocketType : std::uint8_t { stream, seqpacket, dgram };
std::string_view name(SocketType type);  // stream, seqpacket, dgram
std::optional<SocketType> socket_type_from_name(std::string_view name);

enum class TreeKind : std::uint8_t {
  directory,  // mode 0777
  file,       // mode 0666 (0777 where `executable`), `size` bytes
  character,  // a stand-in device: distinct inode, an ioctl that succeeds
  fifo,
  socket,      // with a server of `type` on it, outside the domain
  symlink,     // -> target
  hard_link,   // to target
  bind,        // target bind-mounted here
  tcp_server,  // on `port` of 127.0.0.1, outside the domain
  udp_server,
  abstract_server,  // at the abstract name `path`
};

// One thing to make before the restriction, parents first (missing parents are made as directories).
struct TreeItem {
  TreeKind kind = TreeKind::directory;
  std::string path;
  std::string target;
  std::uint32_t size = 0;
  bool executable = false;
  std::uint16_t port = 0;
  SocketType type = SocketType::stream;  // of socket and abstract_server
};

// What a mutant of the enforcement stage does instead of what it should (conformance/subjects).
enum class Enforcement : std::uint8_t {
  faithful,
  none,
  other_thread,
  none_if_skipped,    // a path that cannot be opened costs the whole restriction
  first_layer_alone,  // nothing is stacked on it
  answered,           // the kernel is never asked: a filter says that the restriction is in force
};

// How a child of the harness's own tests misbehaves, instead of probing.
enum class Misbehaviour : std::uint8_t {
  none,
  crash,
  hang,
  exit_zero,
  exit_without_complete,
  wild_write,
  flood_stdout,
  fork_away,
  ignore_sigterm,
  stop,
  exhaust_fds,
  exhaust_memory,
  false_canary,
  fork_away_and_hang,
};

struct RowRequest {
  std::uint64_t id = 0;
  std::string name;
  IdentityKind identity = IdentityKind::user;
  bool simulated = false;      // lay `tree` out as the whole root of a private mount namespace, with the real /proc
  bool bind_sys = false;       // simulated: and the real /sys
  bool network = false;        // simulated: a network namespace of its own
  std::vector<TreeItem> tree;  // not simulated: only below $scratch
  std::vector<Plan> plans;     // never empty: the row's own, then those stacked on it, in this order
  std::vector<std::string> view_paths;  // walked by the control child: the rules' paths of the unbroken policies
  std::vector<CellRequest> cells;
  Enforcement enforcement = Enforcement::faithful;
  Misbehaviour misbehaviour = Misbehaviour::none;
  bool non_dumpable = false;
  // To measure the restricted child alone. The reply's control is a harness_error, so it gives no verdict.
  bool without_control = false;
  // For each of the two children, cu-init aside: a row takes 20 ms, a busy machine any time.
  std::uint32_t timeout_ms = 15000;
  std::uint32_t cu_init_timeout_ms = 30000;  // of a cu-init cell, for each child: comes on top
};

// How long one child of the row may take.
std::uint32_t time_for(const RowRequest& request);

}  // namespace lockstep::conformance::wire

#endif  // LOCKSTEP_CONFORMANCE_WIRE_REQUEST_H_
