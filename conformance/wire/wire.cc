#include "conformance/wire/wire.h"

#include <array>

#include <lockstep/rights.h>

#include "compiled/plan_fields.h"

namespace lockstep::conformance::wire {
namespace {

using namespace bytes;

template <typename Archive>
void fields(Archive& archive, CellReply& cell) {
  enumeration(archive, cell.state, CellState::unsupported);
  archive.scalar(cell.err);
  archive.scalar(cell.ret);
  archive.scalar(cell.aux);
  archive.scalar(cell.after);
}

template <typename Archive>
void fields(Archive& archive, Walks& walks) {
  archive.block(walks.entries());
  archive.block(walks.links());
  if constexpr (reading<Archive>)
    if (!walks.valid()) archive.refuse();
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
  for (Walks* walks : {&child.view_walks, &child.first_walks, &child.second_walks}) fields(archive, *walks);
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
  // The field lists are shared with decoding, which needs what is no constant; a Writer changes nothing.
  fields(writer, const_cast<T&>(value));
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

constexpr std::array<std::string_view, 8> outcome_names = {"completed", "skipped",      "timed out",     "crashed",
                                                           "leaked",    "setup failed", "harness error", "refused"};

}  // namespace

std::string_view name(ChildOutcome outcome) {
  return outcome_names[static_cast<std::size_t>(outcome)];
}

std::string encode(const RowReply& reply) {
  return encode_any(reply);
}
std::string encode(const WorkerHello& hello) {
  return encode_any(hello);
}
std::optional<RowReply> decode_row_reply(std::string_view bytes) {
  return decode_any<RowReply>(bytes);
}
std::optional<WorkerHello> decode_hello(std::string_view bytes) {
  return decode_any<WorkerHello>(bytes);
}

}  // namespace lockstep::conformance::wire
