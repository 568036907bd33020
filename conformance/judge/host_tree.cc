#include "conformance/judge/host_tree.h"

#include <algorithm>

#include "conformance/judge/cells.h"

namespace lockstep::conformance::judge {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

NodeKind HostTree::kind_of(const std::string& path) const {
  for (const HostEntry& entry : host_.present)
    if (entry.path == path) return entry.kind;
  return NodeKind::directory;
}

// A simulated host that lists files below /sys has those and no others; one that lists /sys alone has the machine's.
bool HostTree::has_own_sys() const {
  const std::vector<HostEntry>& present = host_.present;
  return !host_.real && std::any_of(present.begin(), present.end(),
                                    [](const HostEntry& entry) { return entry.path.starts_with("/sys/"); });
}

// procfs is the machine's own in every row, and so is sysfs in most: nothing can be made there.
bool HostTree::is_kernel_path(std::string_view path) const {
  return is_below(path, "/proc") || (is_below(path, "/sys") && !has_own_sys());
}

void HostTree::make(wire::TreeKind kind, const std::string& path, const std::string& target, bool executable) {
  const std::vector<std::string>& absent = host_.absent;
  const auto hides = [&](const std::string& gone) { return is_below(path, gone); };
  if (!host_.real && std::any_of(absent.begin(), absent.end(), hides))
    return;  // also where an expectation asks about it
  if (is_kernel_path(path) || !made_.insert(path).second) return;
  if (host_.real && !path.starts_with("$scratch")) return;
  tree_.push_back({kind, path, target, 16, executable});
}

HostTree::HostTree(const Host& host) : host_(host) {
  if (host_.real) {
    make(wire::TreeKind::directory, "$scratch");
    return;
  }
  for (const HostEntry& entry : host_.present) {
    if (entry.path == "/sys" && !has_own_sys()) bind_sys_ = true;
    switch (entry.kind) {
      case NodeKind::directory:
        make(wire::TreeKind::directory, entry.path);
        break;
      case NodeKind::file:
        make(wire::TreeKind::file, entry.path, {}, true);
        break;
      case NodeKind::character:
        make(wire::TreeKind::character, entry.path);
        break;
      case NodeKind::socket:
        make_socket(entry.path, wire::socket_type_from_name(entry.target).value_or(wire::SocketType::stream));
        break;
      case NodeKind::link:
        make(wire::TreeKind::symlink, entry.path, entry.target);
        break;
    }
  }
  make(wire::TreeKind::directory, outside_directory);
  make(wire::TreeKind::directory, simulated_scratch);
}

// A server outside the domain. Ports of the machine itself stay as they are: there the refusal is the control's answer.
void HostTree::serve(wire::TreeKind kind, const std::string& name, std::uint16_t port, wire::SocketType type) {
  if ((host_.real && kind != wire::TreeKind::abstract_server) || !served_.insert({kind, port, type}).second) return;
  tree_.push_back({kind, name, {}, 0, false, port, type});
}

void HostTree::make_socket(const std::string& path, wire::SocketType type) {
  const std::size_t before = tree_.size();
  make(wire::TreeKind::socket, path);
  if (tree_.size() > before) tree_.back().type = type;
}

std::optional<wire::SocketType> HostTree::type_of(const std::string& path) const {
  for (const wire::TreeItem& item : tree_)
    if (item.kind == wire::TreeKind::socket && item.path == path) return item.type;
  return std::nullopt;
}

namespace {

// Of an abstract name's server: each type has names of its own.
wire::SocketType type_for(Mode mode) {
  if (mode == Mode::seqpacket) return wire::SocketType::seqpacket;
  return mode == Mode::dgram || mode == Mode::sendto ? wire::SocketType::dgram : wire::SocketType::stream;
}

}  // namespace

// Makes what the operation of an expectation needs to find, where the host does not already have it.
void HostTree::make_target(const wire::CellRequest& cell, wire::SocketType server) {
  const std::string& path = cell.path;
  switch (cell.operation) {
    case Operation::opendir:
    case Operation::tmpfile:
    case Operation::rmdir:
      make(wire::TreeKind::directory, path);
      break;
    case Operation::create:
    case Operation::mkdir:
    case Operation::mkfifo:
    case Operation::mknod_chr:
    case Operation::mknod_blk:
    case Operation::mksock:
    case Operation::symlink:
      make(wire::TreeKind::directory, parent_of(path));
      break;
    case Operation::rename:
    case Operation::link:
      make(wire::TreeKind::file, path);
      make(wire::TreeKind::directory, parent_of(cell.path2));
      break;
    case Operation::exchange:
      make(wire::TreeKind::file, path);
      make(wire::TreeKind::file, cell.path2);
      break;
    case Operation::readlink:
      make(wire::TreeKind::symlink, path, "target");
      break;
    case Operation::ioctl:
      make(wire::TreeKind::character, path);
      break;
    case Operation::connect_unix:
      if (cell.mode == Mode::own_server)
        make(wire::TreeKind::directory, parent_of(path));
      else
        make_socket(path, server);
      break;
    case Operation::exec:
      make(wire::TreeKind::file, path, {}, true);
      break;
    case Operation::comm_open:
    case Operation::cu_init:
    case Operation::signal:
    case Operation::bind_tcp:
    case Operation::bind_udp:
      break;
    case Operation::connect_tcp:
      serve(wire::TreeKind::tcp_server, {}, cell.port);
      break;
    case Operation::send_udp:
      serve(wire::TreeKind::udp_server, {}, cell.port);
      break;
    case Operation::connect_abstract:
      if (cell.mode != Mode::own_server) serve(wire::TreeKind::abstract_server, path, 0, type_for(cell.mode));
      break;
    default:
      make(wire::TreeKind::file, path);
  }
}

}  // namespace lockstep::conformance::judge
