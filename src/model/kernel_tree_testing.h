// For the tests that hold the model against the running kernel: a tree with mounts of its own, raw rules, and children
// that restrict themselves, try operations and report every answer the model did not predict.
//
//   TEST_F(ModelKernel, Claim) { in_tree([&] { compare(layers, operations); }); }
//
// Only for tests. Built on the system calls, never on the library's plan or enforcement.
#ifndef LOCKSTEP_MODEL_KERNEL_TREE_TESTING_H_
#define LOCKSTEP_MODEL_KERNEL_TREE_TESTING_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "model/model.h"
#include "testing/temporary_directory.h"

namespace lockstep::model::kernel_tree {

struct Op {
  Operation operation;
  std::string first;
  std::string second = {};
  Mode mode = Mode::plain;
};
struct TestRule {
  std::string path;
  AccessSet rights;
};
struct TestLayer {
  AccessSet handled;  // empty: a layer that only handles the network
  std::vector<TestRule> rules;
};
using Layers = std::vector<TestLayer>;

// What every process of a test reports into.
struct Shared {
  std::size_t decisions;
  std::size_t denials;
  std::size_t length;
  char text[1 << 16];
};

void say(Shared* shared, const std::string& line);
int to_errno(long result);  // errno where the result is negative, else 0
int make_socket(const std::string& path);
void make_file(const std::string& path);  // neither a program nor a script, executable
void in_child(Shared* shared, const std::function<void()>& body);

// In this process, which is restricted for good.
void compare_here(const Layers& layers, const std::vector<Op>& ops, Shared* shared);

class ModelKernel : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;  // fails where anything disagreed

  // Runs the body in a child with a tmpfs of its own at root_, holding a, a/b, a/b/c, d, d/e, a bind of a/b
  // at m and another tmpfs at d/t with d/t/u.
  void in_tree(const std::function<void()>& body);
  // Restricts a child of its own and compares there.
  void compare(const Layers& layers, const std::vector<Op>& ops);

  std::string at(const std::string& path) const { return root_ + "/" + path; }
  AccessSet all() const { return rights_of_abi(abi_); }

  int abi_ = 0;
  const testing::TemporaryDirectory base_;
  const std::string root_ = base_.at("fs");
  Shared* shared_ = nullptr;
};

}  // namespace lockstep::model::kernel_tree

#endif  // LOCKSTEP_MODEL_KERNEL_TREE_TESTING_H_
