#include "model/operation.h"

#include <array>

namespace lockstep {
namespace {

constexpr std::array<std::string_view, operation_count> operation_names = {
    "open-r", "open-w",   "open-rw", "open-path", "open-trunc", "opendir",   "create",  "tmpfile", "truncate", "ftruncate",
    "rename", "exchange", "link",    "mkdir",     "mkfifo",     "mknod-chr", "mknod-blk", "mksock", "symlink", "unlink",
    "rmdir",  "exec",     "ioctl",   "connect-unix", "stat",    "chmod",     "readlink", "reopen-fd", "comm-open",
    "bind-tcp", "connect-tcp", "bind-udp", "send-udp", "signal", "connect-abstract", "cu-init"};
constexpr std::array<std::string_view, 10> mode_names = {"plain",  "before", "own-server", "sendto", "rdwr",
                                                        "wronly", "trunc",  "setname",    "prctl",   "whiteout"};
constexpr std::array<std::string_view, 6> actor_names = {"self", "thread", "child", "grandchild", "exec", "early-thread"};

template <typename Enum, std::size_t n>
std::optional<Enum> find(const std::array<std::string_view, n>& names, std::string_view wanted) {
  for (std::size_t i = 0; i < n; ++i)
    if (names[i] == wanted) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace

std::string_view name(Operation operation) { return operation_names[static_cast<std::size_t>(operation)]; }
std::string_view name(Mode mode) { return mode_names[static_cast<std::size_t>(mode)]; }
std::string_view name(Actor actor) { return actor_names[static_cast<std::size_t>(actor)]; }
std::optional<Operation> operation_from_name(std::string_view name) { return find<Operation>(operation_names, name); }
std::optional<Mode> mode_from_name(std::string_view name) { return find<Mode>(mode_names, name); }
std::optional<Actor> actor_from_name(std::string_view name) { return find<Actor>(actor_names, name); }

Operand operand(Operation operation) {
  switch (operation) {
    case Operation::rename:
    case Operation::exchange:
    case Operation::link:
      return Operand::two_paths;
    case Operation::bind_tcp:
    case Operation::connect_tcp:
    case Operation::bind_udp:
    case Operation::send_udp:
      return Operand::port;
    case Operation::comm_open:  // has a target
    case Operation::signal:
    case Operation::connect_abstract:
    case Operation::cu_init:
      return Operand::none;
    default:
      return Operand::path;
  }
}

bool takes_two_paths(Operation operation) { return operand(operation) == Operand::two_paths; }

bool has_mode(Operation operation, Mode mode) {
  const bool comm = operation == Operation::comm_open;
  switch (mode) {
    case Mode::plain:
      return !comm;
    case Mode::before:
      return operand(operation) == Operand::path;
    case Mode::own_server:
      return operation == Operation::connect_unix || operation == Operation::connect_abstract;
    case Mode::sendto:
      return operation == Operation::send_udp;
    case Mode::whiteout:
      return operation == Operation::mknod_chr || operation == Operation::rename;
    default:
      return comm;
  }
}

bool follows_last_symlink(Operation operation) {
  switch (operation) {
    case Operation::create:  // O_EXCL
    case Operation::rename:
    case Operation::exchange:
    case Operation::link:
    case Operation::mkdir:
    case Operation::mkfifo:
    case Operation::mknod_chr:
    case Operation::mknod_blk:
    case Operation::mksock:
    case Operation::symlink:
    case Operation::unlink:
    case Operation::rmdir:
    case Operation::readlink:
      return false;
    default:
      return true;
  }
}

}  // namespace lockstep
