// The traps of lockstep lint that the kernel can show: each is real under the policy that falls into it, and
// gone under the one that follows the advice. Enforced by the library, tried in a child, beside the same
// child without the restriction.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>

#include <lockstep/abi.h>

#include "conformance/verify/lint_kernel_rows_testing.h"
#include "enforce/prepare.h"
#include "enforce/restrict.h"
#include "lint/lint.h"
#include "model/loaders.h"

namespace lockstep::conformance::verify {
namespace {

std::string with(std::string text, const std::string& name, const std::string& value) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
    text.replace(at, name.size(), value);
  return text;
}

Result<Policy> policy_of(const char* lists, const Tree& tree, const char* node) {
  std::string text = std::string("version: 1\nfilesystem_policy:\n") + lists + "\n";
  return decode_policy(with(with(std::move(text), "$B", tree.path()), "$NODE", node), "p.yaml");
}

Context context_of(const Row& row, const Tree& tree) {
  Context out;
  out.host.real = true;
  out.host.present = {{"/proc"}};
  out.gpu = row.gpu;
  if (row.workdir != nullptr) out.workdir = with(row.workdir, "$B", tree.path());
  return out;
}

bool falls_into(const Row& row, const char* lists) {
  const Tree tree;
  const Result<Policy> policy = policy_of(lists, tree, "/dev/nvidia0");
  if (!policy.ok()) ADD_FAILURE() << policy.error().to_string();
  lint::LintOptions options;
  options.context = context_of(row, tree);
  options.only = {row.id};
  const Result<std::vector<lint::Finding>> found = policy.ok() ? lint::lint(*policy, options) : policy.error();
  if (!found.ok()) ADD_FAILURE() << found.error().to_string();
  return found.ok() && !found->empty();
}

// The errno of the operation in a child: under the policy, or, with none, as its control.
int tried(const Row& row, const char* lists, int kernel_abi) {
  const Tree tree;
  UniqueFd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  tree.at("x.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(server.get(), 4) != 0)
    return broken;
  std::optional<Prepared> prepared;
  bool drops = false;
  if (lists != nullptr) {
    const Result<Policy> policy = policy_of(lists, tree, "/dev/ptmx");
    if (!policy.ok()) return broken;
    drops = !policy->run_as_user.empty() && policy->run_as_user != "root";
    const Result<EffectivePolicy> effective = enrich(*policy, context_of(row, tree));
    if (!effective.ok()) return refused;
    const Result<Plan> plan = compile(*effective, row.plan_abi != 0 ? row.plan_abi : std::min(kernel_abi, newest_abi));
    if (!plan.ok()) return refused;
    // In this process, for one that it forks: rules on /proc/self are this one's. See the child below.
    if (!std::string_view(row.id).starts_with("procfs-")) {
      Result<Prepared> made = prepare(*plan, {});
      if (!made.ok()) return made.error().kind == ErrorKind::input ? refused : broken;
      prepared = std::move(made).value();
    }
    if (row.between != nullptr) row.between(tree);
    int result = broken;
    probes::SharedSlot slot(1);
    if (probes::in_child([&] {
          if (!prepared) {
            Result<Prepared> own = prepare(*plan, {});
            if (!own.ok()) ::_exit(1);
            prepared = std::move(own).value();
          }
          if (drops && (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)) ::_exit(1);
          if (!restrict_self(*prepared).ok()) ::_exit(1);
          slot->cells[0].err = row.operation(tree);
        }) == 42)
      result = slot->cells[0].err;
    return result;
  }
  if (row.between != nullptr) row.between(tree);
  probes::SharedSlot slot(1);
  return probes::in_child([&] { slot->cells[0].err = row.operation(tree); }) == 42 ? slot->cells[0].err : broken;
}

class LintOnTheKernel : public ::testing::TestWithParam<Row> {};

TEST_P(LintOnTheKernel, TheTrapIsRealAndTheAdviceGetsOutOfIt) {
  const Row& row = GetParam();
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << kernel.error().message;
  if (kernel->abi < row.abi) GTEST_SKIP() << "needs ABI " << row.abi << ", this kernel has " << kernel->abi;
  if (row.as_root && ::geteuid() != 0)
    GTEST_SKIP() << "needs root: an ordinary user can change the mode of its own files alone";
  if (std::string_view(row.id) == "loader-missing" && model::read_loaders("/bin/true").paths.empty())
    GTEST_SKIP() << "/bin/true is a static program here: it has no loader";
  EXPECT_TRUE(falls_into(row, row.falls));
  EXPECT_FALSE(falls_into(row, row.follows));
  EXPECT_EQ(tried(row, nullptr, kernel->abi), 0) << "the control";
  EXPECT_EQ(tried(row, row.falls, kernel->abi), row.trapped);
  EXPECT_EQ(tried(row, row.follows, kernel->abi), row.followed);
}

INSTANTIATE_TEST_SUITE_P(Lint, LintOnTheKernel, ::testing::ValuesIn(rows().begin(), rows().end()));

// Machine-wide: every process pays for the dropped entries.
TEST(LintReclaim, ARuleBelowProcIsLostAndOneOnProcIsNot) {
  if (std::getenv("LOCKSTEP_RECLAIM") == nullptr)
    GTEST_SKIP() << "set LOCKSTEP_RECLAIM=1: it drops the dentry cache of the whole machine";
  const UniqueFd drop(::open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
  if (!drop) GTEST_SKIP() << "needs root: /proc/sys/vm/drop_caches cannot be written";
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << kernel.error().message;
  for (const auto& [lists, lost] :
       {std::pair{"  read_only: [/proc/cpuinfo]", true}, std::pair{"  read_only: [/proc]", false}}) {
    const Tree tree;
    const Row row{"procfs-below", lists, lists, nullptr, 0, 0};
    EXPECT_EQ(falls_into(row, lists), lost);
    const Result<Policy> policy = policy_of(lists, tree, "");
    ASSERT_TRUE(policy.ok());
    const Result<EffectivePolicy> effective = enrich(*policy, context_of(row, tree));
    ASSERT_TRUE(effective.ok());
    const Result<Plan> plan = compile(*effective, std::min(kernel->abi, newest_abi));
    ASSERT_TRUE(plan.ok());
    probes::SharedSlot slot(2);
    ASSERT_EQ(probes::in_child([&] {
                Result<Prepared> prepared = prepare(*plan, {});
                if (!prepared.ok() || !restrict_self(*prepared).ok()) ::_exit(1);
                prepared->pins.clear();  // as an exec would close them
                slot->cells[0].err = open_as("/proc/cpuinfo", O_RDONLY);
                for (int round = 0; round < 20 && slot->cells[1].err == 0; ++round) {
                  if (::write(drop.get(), "2", 1) != 1) ::_exit(1);
                  slot->cells[1].err = open_as("/proc/cpuinfo", O_RDONLY);
                }
              }),
              42);
    EXPECT_EQ(slot->cells[0].err, 0);
    if (lost && slot->cells[1].err == 0) GTEST_SKIP() << "the kernel took no entry back in 20 rounds";
    EXPECT_EQ(slot->cells[1].err, lost ? EACCES : 0);
  }
}

}  // namespace
}  // namespace lockstep::conformance::verify
