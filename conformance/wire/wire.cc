#include "conformance/wire/wire.h"

#include <array>
#include <cerrno>

#include <lockstep/rights.h>

#include "conformance/wire/plan_fields.h"

namespace lockstep::conformance::wire {
namespace {

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
void fields(Archive& archive, RowRequest& request) {
  archive.scalar(request.id);
  archive.text(request.name);
  enumeration(archive, request.identity, IdentityKind::self);
  flag(archive, request.simulated);
  flag(archive, request.bind_sys);
  flag(archive, request.network);
  archive.list(request.tree, [&](TreeItem& item) { fields(archive, item); });
  archive.list(request.plans, [&](Plan& plan) { fields(archive, plan); });
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
