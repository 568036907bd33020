// The library from C and from Python's ctypes, each as a program of its own.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/lockstep.h>

#include "testing/run_program.h"
#include "testing/sanitized.h"

namespace lockstep {
namespace {

constexpr int fine = 42;

std::string policy_in(const testing::TemporaryDirectory& dir) {
  std::filesystem::create_directory(dir.at("rw"));
  return dir.write("p.yaml",
                   "version: 1\nfilesystem_policy:\n  include_workdir: false\n  read_only: [/usr, /etc]\n  "
                   "read_write: [" +
                       dir.at("rw") + ", " + dir.at("gone") + "]\n");
}

class CInterfaceProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::sanitized) GTEST_SKIP() << "sanitized: its runtime has to be in the program, which is not ours";
  }
};

TEST_F(CInterfaceProgram, RestrictsACProgram) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok())
    GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  const testing::TemporaryDirectory dir;
  const testing::Ended ended =
      testing::run_program({LOCKSTEP_C_PROGRAM, policy_in(dir), dir.at("rw/inside"), dir.at("outside")}, {});
  EXPECT_EQ(ended.code, fine) << ended.out << ended.err;
  EXPECT_NE(ended.out.find(dir.at("gone") + " cannot be opened (ENOENT)"), std::string::npos) << ended.out;
}

TEST_F(CInterfaceProgram, RestrictsAPythonProgram) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok())
    GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  if (std::string(LOCKSTEP_SHARED).empty()) GTEST_SKIP() << "no-shared-library: this build makes none";
  if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no-python: there is no /usr/bin/python3";
  const testing::TemporaryDirectory dir;
  const std::string program = dir.write("embed.py", R"(import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.lockstep_open.restype = ctypes.c_void_p
library.lockstep_last_error.restype = library.lockstep_notice.restype = ctypes.c_char_p
assert not library.lockstep_open(b"/no/such/policy", 0)
assert b"/no/such/policy" in library.lockstep_last_error()
sandbox = ctypes.c_void_p(library.lockstep_open(sys.argv[2].encode(), 0))
assert sandbox, library.lockstep_last_error()
print(library.lockstep_notice(sandbox, 0).decode())
assert library.lockstep_restrict(sandbox, 0) == 0, library.lockstep_last_error()
library.lockstep_free(sandbox)
open(sys.argv[3], "w").close()
try:
    open(sys.argv[4], "w")
except PermissionError:
    sys.exit(42)
)");
  const testing::Ended ended = testing::run_program(
      {"/usr/bin/python3", program, LOCKSTEP_SHARED, policy_in(dir), dir.at("rw/inside"), dir.at("outside")}, {});
  EXPECT_EQ(ended.code, fine) << ended.out << ended.err;
  EXPECT_NE(ended.out.find(dir.at("gone") + " cannot be opened (ENOENT)"), std::string::npos) << ended.out;
}

// The sample of the README as it stands, but for the two names.
std::string python_sample(const std::string& policy) {
  std::ifstream in(LOCKSTEP_SOURCE_DIR "/src/lockstep/README.md");
  std::string text(std::istreambuf_iterator<char>(in), {});
  const std::string begin = "```python\n";
  text.erase(0, text.find(begin) + begin.size()).erase(text.find("```"));
  for (const auto& [before, name] :
       {std::pair<std::string, std::string>{"CDLL(\"", LOCKSTEP_SHARED}, {"b\"", policy}}) {
    const std::size_t at = text.find(before) + before.size();
    text.replace(at, text.find('"', at) - at, name);
  }
  return text;
}

TEST_F(CInterfaceProgram, TheReadmesSampleRunsAndSaysWhatIsMissing) {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  if (std::string(LOCKSTEP_SHARED).empty()) GTEST_SKIP() << "no-shared-library: this build makes none";
  if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no-python: there is no /usr/bin/python3";
  const testing::TemporaryDirectory dir;
  const std::string policy = policy_in(dir);
  const std::string program = dir.write("sample.py", python_sample(policy));
  const testing::Ended full = testing::run_program({"/usr/bin/python3", program}, {});
  EXPECT_EQ(full.code, 0) << full.err;
  if (kernel->abi >= newest_abi) return;
  dir.write("p.yaml", dir.read("p.yaml") + "landlock: {min_abi: " + std::to_string(newest_abi) + "}\n");
  const testing::Ended partial = testing::run_program({"/usr/bin/python3", program}, {});
  EXPECT_NE(partial.code, 0);
  EXPECT_NE(partial.err.find("restricted in part"), std::string::npos) << partial.err;
}

TEST(CInterface, TheLastErrorIsOfEachThread) {
  EXPECT_EQ(lockstep_open("/no/such/policy", 0), nullptr);
  std::string other = "unset";
  std::thread([&] { other = lockstep_last_error(); }).join();
  EXPECT_EQ(other, "");
  EXPECT_NE(std::string(lockstep_last_error()).find("/no/such/policy: does not exist"), std::string::npos)
      << lockstep_last_error();
}

}  // namespace
}  // namespace lockstep
