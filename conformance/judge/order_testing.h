// For the tests of what the kernel checks before it asks Landlock, and what after. Each situation is one in which an
// errno of the kernel's own and a denial both apply. It is made in a mount namespace of its own, and tried unrestricted
// and restricted.
//
//   {"UnlinkADirectory", Operation::unlink, "dir", "", EISDIR, Order::after, [](Place& at) { at.directory("dir"); }}
//
// Three witnesses: what a person wrote down, the composition, and the running kernel, at every plan ABI it has.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_ORDER_TESTING_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_ORDER_TESTING_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <lockstep/access_set.h>

#include "base/unique_fd.h"
#include "operation/operation.h"

namespace lockstep::conformance::judge::order {

// Where the situation is made: an empty tmpfs; names are relative to it. What is kept stays open to the end.
class Place {
 public:
  explicit Place(std::string root) : root_(std::move(root)) {}
  std::string at(const std::string& name) const { return name.empty() || name[0] == '/' ? name : root_ + "/" + name; }
  void file(const std::string& name, unsigned mode = 0777, const std::string& text = "text");
  void directory(const std::string& name, unsigned mode = 0777);
  void link(const std::string& name, const std::string& target);
  void device(const std::string& name, unsigned kind, unsigned major, unsigned minor);
  // Mounts something there, with options as mount(2) has them; "bind" binds what lies there already.
  void mount(const std::string& name, const char* type, const char* options = "", unsigned long flags = 0);
  void remount_read_only(const std::string& name, bool only_this_mount);
  // Sets FS_IMMUTABLE_FL or FS_APPEND_FL. On a file system without these flags the situation cannot be made.
  void attribute(const std::string& name, int flag);
  // type: SOCK_STREAM and so on. Abstract where the name begins with @.
  int serve(const std::string& name, int type, int queue);
  // Connects `fd` there, or says why not in errno.
  bool reach(int fd, const std::string& name) const;
  void keep(int fd) { kept_.emplace_back(fd); }
  void quit() { kept_.clear(); }
  // Says that this machine cannot make it: the situation is skipped.
  [[noreturn]] static void cannot();
  static void must(bool ok);

 private:
  std::string root_;
  std::vector<UniqueFd> kept_;
};

enum class Order : std::uint8_t {
  before,  // the errno is the kernel's, denial or not
  after,   // a denial hides it
  same,    // both answer alike
};
enum class As : std::uint8_t { root, user, no_rawio };  // an ordinary user; root without CAP_SYS_RAWIO

struct Situation {
  std::string name;
  Operation operation;
  const char* first;
  const char* second;
  int err;  // without a restriction
  Order order;
  void (*make)(Place& at);
  As as = As::root;
  Mode mode = Mode::plain;
  // The rights that are denied: handled, as far as the kernel knows them, and granted nowhere.
  AccessSet handled = AccessSet::from_bits(0x1ffff);
  // Or a scope, or a port's right.
  bool scoped = false, ports = false;
  std::uint16_t port = 0;
  int least_abi = 1;            // the oldest whose denial can be seen
  bool may_be_missing = false;  // older kernels cannot make it
};

class OrderTest : public ::testing::TestWithParam<Situation> {
 protected:
  void check();
};

inline std::string name_of(const ::testing::TestParamInfo<Situation>& each) {
  return each.param.name;
}

}  // namespace lockstep::conformance::judge::order

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_ORDER_TESTING_H_
