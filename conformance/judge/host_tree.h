// What has to be there before the cells of a case can be tried: the host, and what each operation needs to find.
//
//   HostTree tree(host);                    // of a simulated host the whole of it, of a real one $scratch
//   tree.make(TreeKind::file, "/etc/x");    // once; never on the machine's own procfs and sysfs, nor where the host
//                                           // has nothing
//   tree.make_target(cell);
//   request.tree = tree.take();
//
// On a real host only paths below $scratch are made. It plans, and touches no file.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_HOST_TREE_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_HOST_TREE_H_

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <lockstep/host.h>

#include "conformance/wire/request.h"

namespace lockstep::conformance::judge {

class HostTree {
 public:
  explicit HostTree(const Host& host);

  void make(wire::TreeKind kind, const std::string& path, const std::string& target = {}, bool executable = false);
  void make_socket(const std::string& path, wire::SocketType type);
  // Makes what the operation of an expectation needs to find, where the host does not already have it.
  void make_target(const wire::CellRequest& cell, wire::SocketType server = wire::SocketType::stream);

  bool has(const std::string& path) const { return made_.count(path) > 0; }
  NodeKind kind_of(const std::string& path) const;
  // The type of a socket that was made here.
  std::optional<wire::SocketType> type_of(const std::string& path) const;
  bool is_kernel_path(std::string_view path) const;
  bool bind_sys() const { return bind_sys_; }
  std::vector<wire::TreeItem> take() { return std::move(tree_); }

 private:
  bool has_own_sys() const;
  void serve(wire::TreeKind kind, const std::string& name, std::uint16_t port,
             wire::SocketType type = wire::SocketType::stream);

  const Host& host_;
  std::vector<wire::TreeItem> tree_;
  bool bind_sys_ = false;
  std::set<std::string> made_;
  std::set<std::tuple<wire::TreeKind, std::uint16_t, wire::SocketType>> served_;
};

std::string parent_of(const std::string& path);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_HOST_TREE_H_
