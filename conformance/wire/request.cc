#include "conformance/wire/request.h"

#include <array>

#include <lockstep/rights.h>

#include "compiled/plan_fields.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::wire {
namespace {

using namespace bytes;

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

template <typename Enum, std::size_t n>
std::optional<Enum> find(const std::array<std::string_view, n>& names, std::string_view wanted) {
  for (std::size_t i = 0; i < n; ++i)
    if (names[i] == wanted) return static_cast<Enum>(i);
  return std::nullopt;
}

constexpr std::array<std::string_view, 4> identity_names = {"user", "container-root", "root", "self"};
constexpr std::array<std::string_view, 3> socket_type_names = {"stream", "seqpacket", "dgram"};

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
std::uint32_t time_for(const RowRequest& request) {
  std::uint32_t out = request.timeout_ms;
  for (const CellRequest& cell : request.cells)
    if (cell.operation == Operation::cu_init) out += request.cu_init_timeout_ms;
  return out;
}

std::string encode(const RowRequest& request) {
  Writer writer;
  // The field lists are shared with decoding, which needs what is no constant; a Writer changes nothing.
  fields(writer, const_cast<RowRequest&>(request));
  return std::move(writer.bytes);
}

std::optional<RowRequest> decode_row_request(std::string_view bytes) {
  Reader reader(bytes);
  RowRequest request;
  fields(reader, request);
  if (!reader.done()) return std::nullopt;
  return request;
}

}  // namespace lockstep::conformance::wire
