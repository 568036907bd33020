#include "operation/operation.h"

#include <array>

namespace lockstep {
namespace {

// What is true of an operation, as bits.
constexpr unsigned changes = 1;       // its paths are not what they were
constexpr unsigned the_link = 2;      // a symbolic link in the last component is meant itself
constexpr unsigned on_directory = 4;  // it works on a directory alone
constexpr unsigned makes_it = 8;      // the name does not exist before
constexpr unsigned makes = makes_it | changes | the_link;

struct Entry {
  Operation operation;
  std::string_view name;
  Operand operand;
  unsigned traits;
};

constexpr std::array<Entry, operation_count> operations = {{
    {Operation::open_r, "open-r", Operand::path, 0},
    {Operation::open_w, "open-w", Operand::path, 0},
    {Operation::open_rw, "open-rw", Operand::path, 0},
    {Operation::open_path, "open-path", Operand::path, 0},
    {Operation::open_trunc, "open-trunc", Operand::path, changes},
    {Operation::opendir, "opendir", Operand::path, on_directory},
    {Operation::create, "create", Operand::path, makes},
    {Operation::tmpfile, "tmpfile", Operand::path, on_directory},
    {Operation::truncate, "truncate", Operand::path, changes},
    {Operation::ftruncate, "ftruncate", Operand::path, changes},
    {Operation::rename, "rename", Operand::two_paths, changes | the_link},
    {Operation::exchange, "exchange", Operand::two_paths, changes | the_link},
    {Operation::link, "link", Operand::two_paths, changes | the_link},
    {Operation::mkdir, "mkdir", Operand::path, makes},
    {Operation::mkfifo, "mkfifo", Operand::path, makes},
    {Operation::mknod_chr, "mknod-chr", Operand::path, makes},
    {Operation::mknod_blk, "mknod-blk", Operand::path, makes},
    {Operation::mksock, "mksock", Operand::path, makes},
    {Operation::symlink, "symlink", Operand::path, makes},
    {Operation::unlink, "unlink", Operand::path, changes | the_link},
    {Operation::rmdir, "rmdir", Operand::path, changes | the_link | on_directory},
    {Operation::exec, "exec", Operand::path, 0},
    {Operation::ioctl, "ioctl", Operand::path, 0},
    {Operation::connect_unix, "connect-unix", Operand::path, 0},
    {Operation::stat, "stat", Operand::path, 0},
    {Operation::chmod, "chmod", Operand::path, changes},
    {Operation::readlink, "readlink", Operand::path, the_link},
    {Operation::reopen_fd, "reopen-fd", Operand::path, 0},
    {Operation::comm_open, "comm-open", Operand::none, 0},
    {Operation::bind_tcp, "bind-tcp", Operand::port, 0},
    {Operation::connect_tcp, "connect-tcp", Operand::port, 0},
    {Operation::bind_udp, "bind-udp", Operand::port, 0},
    {Operation::send_udp, "send-udp", Operand::port, 0},
    {Operation::signal, "signal", Operand::none, 0},
    {Operation::connect_abstract, "connect-abstract", Operand::none, 0},
    {Operation::cu_init, "cu-init", Operand::none, 0},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < operations.size(); ++i)
    if (operations[i].operation != static_cast<Operation>(i)) return false;
  return true;
}
static_assert(in_order());

constexpr const Entry& entry(Operation operation) {
  return operations[static_cast<std::size_t>(operation)];
}
constexpr bool has(Operation operation, unsigned trait) {
  return (entry(operation).traits & trait) != 0;
}

constexpr std::array<std::string_view, mode_count> mode_names = {"plain",  "before", "own-server", "sendto", "rdwr",
                                                                 "wronly", "trunc",  "setname",    "prctl",  "whiteout",
                                                                 "work",   "stream", "seqpacket",  "dgram"};
constexpr std::array<std::string_view, 6> actor_names = {"self",       "thread", "child",
                                                         "grandchild", "exec",   "early-thread"};

constexpr std::array<std::string_view, 4> target_names = {"own", "other-thread", "numeric", "other-process"};

template <typename Enum, std::size_t n>
std::optional<Enum> find(const std::array<std::string_view, n>& names, std::string_view wanted) {
  for (std::size_t i = 0; i < n; ++i)
    if (names[i] == wanted) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace

std::string_view name(Operation operation) {
  return entry(operation).name;
}
std::string_view name(Mode mode) {
  return mode_names[static_cast<std::size_t>(mode)];
}
std::string_view name(Actor actor) {
  return actor_names[static_cast<std::size_t>(actor)];
}
std::string_view name(Target target) {
  return target_names[static_cast<std::size_t>(target)];
}
std::optional<Operation> operation_from_name(std::string_view name) {
  for (const Entry& each : operations)
    if (each.name == name) return each.operation;
  return std::nullopt;
}
std::optional<Mode> mode_from_name(std::string_view name) {
  return find<Mode>(mode_names, name);
}
std::optional<Actor> actor_from_name(std::string_view name) {
  return find<Actor>(actor_names, name);
}
std::optional<Target> target_from_name(std::string_view name) {
  return find<Target>(target_names, name);
}

Operand operand(Operation operation) {
  return entry(operation).operand;
}
bool takes_two_paths(Operation operation) {
  return operand(operation) == Operand::two_paths;
}
bool follows_last_symlink(Operation operation) {
  return !has(operation, the_link);
}
bool changes_paths(Operation operation) {
  return has(operation, changes);
}
bool makes_name(Operation operation) {
  return has(operation, makes_it);
}
bool wants_directory(Operation operation) {
  return has(operation, on_directory);
}

bool has_mode(Operation operation, Mode mode) {
  const bool comm = operation == Operation::comm_open;
  const bool connects = operation == Operation::connect_unix || operation == Operation::connect_abstract;
  switch (mode) {
    case Mode::plain:
      return !comm;
    case Mode::before:
      return operand(operation) == Operand::path;
    case Mode::own_server:
    case Mode::stream:
    case Mode::seqpacket:
    case Mode::dgram:
      return connects;
    case Mode::sendto:
      return connects || operation == Operation::send_udp;
    case Mode::whiteout:
      return operation == Operation::mknod_chr || operation == Operation::rename;
    case Mode::work:
      return operation == Operation::cu_init;
    default:
      return comm;
  }
}

}  // namespace lockstep
