// The library from C and from Python's ctypes, each as a program of its own.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include <lockstep/kernel.h>
#include <lockstep/lockstep.h>

#include "testing/run_program.h"

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

TEST(CInterface, RestrictsACProgram) {
  if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok())
    GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  const testing::TemporaryDirectory dir;
  const testing::Ended ended =
      testing::run_program({LOCKSTEP_C_PROGRAM, policy_in(dir), dir.at("rw/inside"), dir.at("outside")}, {});
  EXPECT_EQ(ended.code, fine) << ended.out << ended.err;
  EXPECT_NE(ended.out.find(dir.at("gone") + " cannot be opened (ENOENT)"), std::string::npos) << ended.out;
}

TEST(CInterface, RestrictsAPythonProgram) {
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
