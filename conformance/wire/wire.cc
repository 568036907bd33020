#include "conformance/wire/wire.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include <lockstep/rights.h>

namespace lockstep::conformance::wire {
namespace {

constexpr std::uint32_t max_items = 1U << 16;  // of any list
constexpr std::uint32_t max_text = 1U << 20;   // bytes of any string

// Writer and Reader have the same operations, so that one list of fields serves both directions.
class Writer {
 public:
  template <typename T>
  void scalar(T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void text(std::string& value) {
    auto size = static_cast<std::uint32_t>(value.size());
    scalar(size);
    bytes += value;
  }
  template <typename T, typename Each>
  void list(std::vector<T>& values, Each each) {
    auto size = static_cast<std::uint32_t>(values.size());
    scalar(size);
    for (T& value : values) each(value);
  }
  std::string bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  template <typename T>
  void scalar(T& value) {
    if (left_.size() < sizeof(value)) {
      ok_ = false;
      return;
    }
    std::memcpy(&value, left_.data(), sizeof(value));
    left_.remove_prefix(sizeof(value));
  }
  void text(std::string& value) {
    std::uint32_t size = 0;
    scalar(size);
    if (!ok_ || size > max_text || size > left_.size()) {
      ok_ = false;
      return;
    }
    value = left_.substr(0, size);
    left_.remove_prefix(size);
  }
  template <typename T, typename Each>
  void list(std::vector<T>& values, Each each) {
    std::uint32_t size = 0;
    scalar(size);
    // Every item takes a byte at least: a wild count cannot make us allocate more than the frame could hold.
    if (!ok_ || size > max_items || size > left_.size()) {
      ok_ = false;
      return;
    }
    for (std::uint32_t i = 0; i < size && ok_; ++i) each(values.emplace_back());
  }
  void refuse() { ok_ = false; }
  bool done() const { return ok_ && left_.empty(); }

 private:
  std::string_view left_;
  bool ok_ = true;
};

template <typename Archive>
constexpr bool reading = std::is_same_v<Archive, Reader>;

template <typename Archive, typename Enum>
void enumeration(Archive& archive, Enum& value, Enum last) {
  archive.scalar(value);
  if constexpr (reading<Archive>)
    if (static_cast<std::uint32_t>(value) > static_cast<std::uint32_t>(last)) archive.refuse();
}

template <typename Archive>
void flag(Archive& archive, bool& value) {
  std::uint8_t byte = value ? 1 : 0;
  archive.scalar(byte);
  value = byte != 0;
}

template <typename Archive>
void fields(Archive& archive, CellRequest& cell) {
  enumeration(archive, cell.operation, static_cast<Operation>(operation_count - 1));
  enumeration(archive, cell.mode, static_cast<Mode>(mode_count - 1));
  enumeration(archive, cell.actor, Actor::early_thread);
  enumeration(archive, cell.target, Target::other_process);
  flag(archive, cell.survey);
  archive.text(cell.path);
  archive.text(cell.path2);
  archive.scalar(cell.port);
}

template <typename Archive>
void fields(Archive& archive, TreeItem& item) {
  enumeration(archive, item.kind, TreeKind::abstract_server);
  archive.text(item.path);
  archive.text(item.target);
  archive.scalar(item.size);
  flag(archive, item.executable);
  archive.scalar(item.port);
  enumeration(archive, item.type, SocketType::dgram);
}

template <typename Archive>
void fields(Archive& archive, WirePlanRule& rule) {
  archive.text(rule.path);
  archive.scalar(rule.rights);
  flag(archive, rule.from_baseline);
  archive.scalar(rule.line);
  flag(archive, rule.quiet);
}

template <typename Archive>
void fields(Archive& archive, PortRule& rule) {
  enumeration(archive, rule.right, static_cast<NetRight>(net_right_count - 1));
  archive.scalar(rule.port);
}

template <typename Archive>
void fields(Archive& archive, WireLayer& layer) {
  archive.scalar(layer.handled);
  archive.scalar(layer.handled_net);
  archive.scalar(layer.scoped);
  archive.list(layer.ports, [&](PortRule& rule) { fields(archive, rule); });
  archive.list(layer.rules, [&](WirePlanRule& rule) { fields(archive, rule); });
}

template <typename Archive>
void fields(Archive& archive, RowRequest& request) {
  archive.scalar(request.id);
  archive.text(request.name);
  archive.text(request.policy_file);
  enumeration(archive, request.identity, IdentityKind::self);
  flag(archive, request.simulated);
  flag(archive, request.bind_sys);
  flag(archive, request.network);
  archive.list(request.tree, [&](TreeItem& item) { fields(archive, item); });
  archive.scalar(request.plan_abi);
  archive.scalar(request.handled);
  archive.scalar(request.handled_net);
  archive.scalar(request.scoped);
  archive.list(request.ports, [&](PortRule& rule) { fields(archive, rule); });
  archive.scalar(request.log);
  flag(archive, request.all_threads);
  flag(archive, request.hard_requirement);
  archive.list(request.rules, [&](WirePlanRule& rule) { fields(archive, rule); });
  archive.list(request.stacked, [&](WireLayer& layer) { fields(archive, layer); });
  archive.list(request.view_paths, [&](std::string& path) { archive.text(path); });
  archive.list(request.cells, [&](CellRequest& cell) { fields(archive, cell); });
  enumeration(archive, request.enforcement, Enforcement::answered);
  enumeration(archive, request.misbehaviour, Misbehaviour::fork_away_and_hang);
  flag(archive, request.non_dumpable);
  flag(archive, request.without_control);
  archive.scalar(request.timeout_ms);
  archive.scalar(request.cu_init_timeout_ms);
}

template <typename Archive>
void fields(Archive& archive, CellReply& cell) {
  enumeration(archive, cell.state, CellState::unsupported);
  archive.scalar(cell.err);
  archive.scalar(cell.ret);
  archive.scalar(cell.aux);
  archive.scalar(cell.after);
}

template <typename Archive>
void fields(Archive& archive, model::RawWalk& walk) {
  // A count out of range never indexes the links: written, it becomes an empty walk with an error; read, it is refused.
  const bool in_range = walk.count >= 0 && walk.count <= model::RawWalk::max_links;
  if (!in_range && !reading<Archive>) {
    walk.count = 0;
    walk.error = E2BIG;
  }
  archive.scalar(walk.count);
  if constexpr (reading<Archive>)
    if (walk.count < 0 || walk.count > model::RawWalk::max_links) {
      walk.count = 0;
      archive.refuse();
    }
  archive.scalar(walk.error);
  archive.scalar(walk.missing);
  archive.scalar(walk.exempt);
  for (int i = 0; i < walk.count; ++i) archive.scalar(walk.links[i]);
}

template <typename Archive>
void fields(Archive& archive, ChildReply& child) {
  enumeration(archive, child.outcome, ChildOutcome::refused);
  archive.scalar(child.detail);
  archive.text(child.message);
  archive.text(child.output);
  archive.scalar(child.cells_done);
  flag(archive, child.canary_before);
  archive.scalar(child.canary_after);
  archive.scalar(child.hidden);
  archive.list(child.cells, [&](CellReply& cell) { fields(archive, cell); });
  for (std::vector<model::RawWalk>* walks : {&child.view_walks, &child.first_walks, &child.second_walks})
    archive.list(*walks, [&](model::RawWalk& walk) { fields(archive, walk); });
}

template <typename Archive>
void fields(Archive& archive, RowReply& reply) {
  archive.scalar(reply.id);
  fields(archive, reply.control);
  fields(archive, reply.restricted);
  archive.scalar(reply.cpu_us);
}

template <typename Archive>
void fields(Archive& archive, WorkerHello& hello) {
  archive.scalar(hello.pid);
  archive.scalar(hello.slot);
  archive.scalar(hello.mount_namespace);
  archive.text(hello.scratch);
  flag(archive, hello.identities.privileged);
  for (std::string& missing : hello.identities.missing) archive.text(missing);
  archive.text(hello.failure);
  enumeration(archive, hello.failure_kind, ErrorKind::internal);
}

template <typename T>
std::string encode_any(const T& value) {
  Writer writer;
  T copy = value;  // the field lists are shared with decoding, which needs them mutable
  fields(writer, copy);
  return std::move(writer.bytes);
}

template <typename T>
std::optional<T> decode_any(std::string_view bytes) {
  Reader reader(bytes);
  T value;
  fields(reader, value);
  if (!reader.done()) return std::nullopt;
  return value;
}

template <typename Enum, std::size_t n>
std::optional<Enum> find(const std::array<std::string_view, n>& names, std::string_view wanted) {
  for (std::size_t i = 0; i < n; ++i)
    if (names[i] == wanted) return static_cast<Enum>(i);
  return std::nullopt;
}

constexpr std::array<std::string_view, 4> identity_names = {"user", "container-root", "root", "self"};
constexpr std::array<std::string_view, 4> target_names = {"own", "other-thread", "numeric", "other-process"};
constexpr std::array<std::string_view, 3> socket_type_names = {"stream", "seqpacket", "dgram"};
constexpr std::array<std::string_view, 8> outcome_names = {"completed", "skipped",      "timed out",     "crashed",
                                                           "leaked",    "setup failed", "harness error", "refused"};

}  // namespace

std::string_view name(IdentityKind identity) {
  return identity_names[static_cast<std::size_t>(identity)];
}
std::optional<IdentityKind> identity_from_name(std::string_view name) {
  return find<IdentityKind>(identity_names, name);
}
std::string_view name(Target target) {
  return target_names[static_cast<std::size_t>(target)];
}
std::optional<Target> target_from_name(std::string_view name) {
  return find<Target>(target_names, name);
}
std::string_view name(SocketType type) {
  return socket_type_names[static_cast<std::size_t>(type)];
}
std::optional<SocketType> socket_type_from_name(std::string_view name) {
  return find<SocketType>(socket_type_names, name);
}
std::string_view name(ChildOutcome outcome) {
  return outcome_names[static_cast<std::size_t>(outcome)];
}

std::uint32_t time_for(const RowRequest& request) {
  std::uint32_t out = request.timeout_ms;
  for (const CellRequest& cell : request.cells)
    if (cell.operation == Operation::cu_init) out += request.cu_init_timeout_ms;
  return out;
}

std::string encode(const RowRequest& request) {
  return encode_any(request);
}
std::string encode(const RowReply& reply) {
  return encode_any(reply);
}
std::string encode(const WorkerHello& hello) {
  return encode_any(hello);
}
std::optional<RowRequest> decode_row_request(std::string_view bytes) {
  return decode_any<RowRequest>(bytes);
}
std::optional<RowReply> decode_row_reply(std::string_view bytes) {
  return decode_any<RowReply>(bytes);
}
std::optional<WorkerHello> decode_hello(std::string_view bytes) {
  return decode_any<WorkerHello>(bytes);
}

}  // namespace lockstep::conformance::wire
