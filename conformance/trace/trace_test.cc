// The tracer on real commands: what they did is what is listed.
#include "conformance/trace/trace.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "conformance/trace/calls.h"
#include "conformance/trace/observed.h"
#include "gpu/steps.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::trace {
namespace {

class TraceTest : public ::testing::Test {
 protected:
  static Trace trace(std::vector<std::string> command, std::uint32_t timeout_ms = 60000) {
    Result<Trace> out = trace_command({std::move(command), timeout_ms});
    EXPECT_TRUE(out.ok()) << out.error().to_string();
    return out.ok() ? std::move(out).value() : Trace{};
  }
  static Trace shell(const std::string& script, std::uint32_t timeout_ms = 60000) {
    return trace({"/bin/sh", "-c", script}, timeout_ms);
  }

  static const TraceEvent* find(const Trace& trace, const std::string& path) {
    const auto found = std::find_if(trace.events.begin(), trace.events.end(),
                                    [&](const TraceEvent& each) { return each.path == path; });
    return found == trace.events.end() ? nullptr : &*found;
  }
  static void expect(const Trace& trace, const std::string& path, const char* flags, const char* result) {
    const TraceEvent* found = find(trace, path);
    ASSERT_NE(found, nullptr) << path << "\n" << to_text(trace);
    EXPECT_EQ(found->flags, flags) << path;
    EXPECT_EQ(found->result, result) << path;
  }

  const testing::TemporaryDirectory dir_;
  const std::string root_ = dir_.path();
};

TEST_F(TraceTest, PathsFlagsAndResultsInOrder) {
  const Trace seen = shell(": > " + root_ + "/made; read line < " + root_ + "/missing; cd " + root_ +
                           "; read line < made; echo >> made");
  expect(seen, root_ + "/missing", "O_RDONLY", "ENOENT");
  std::vector<std::string> flags;
  for (const TraceEvent& each : seen.events)
    if (each.path == root_ + "/made") flags.push_back(each.flags);
  EXPECT_EQ(flags, (std::vector<std::string>{"O_WRONLY|O_CREAT|O_TRUNC", "O_RDONLY", "O_WRONLY|O_CREAT|O_APPEND"}))
      << "the second and third by a relative path";
  EXPECT_EQ(seen.events.front().call, "execve");
  EXPECT_EQ(seen.events.front().path, "/bin/sh");
  EXPECT_EQ(seen.events.front().result, "ok");
}

TEST_F(TraceTest, ChildrenAndTheProgramsTheyExecuteAreFollowed) {
  const Trace seen = shell("(read line < /proc/version; :) & wait; /bin/cat /proc/uptime > /dev/null; exit 7");
  EXPECT_EQ(seen.exit_code, 7);
  EXPECT_EQ(seen.threads.size(), 3U);
  const TraceEvent *version = find(seen, "/proc/version"), *uptime = find(seen, "/proc/uptime"),
                   *shell = find(seen, "/bin/sh");
  ASSERT_TRUE(version != nullptr && uptime != nullptr && shell != nullptr) << to_text(seen);
  EXPECT_EQ(shell->thread, 1);
  EXPECT_NE(version->thread, 1);
  EXPECT_NE(version->thread, uptime->thread);
}

TEST_F(TraceTest, ThreadsOfOneProcessAreToldApart) {
  ::setenv("LD_LIBRARY_PATH", std::filesystem::path(LOCKSTEP_STAND_IN_LIBRARY).parent_path().c_str(), 1);
  const Trace seen = trace({LOCKSTEP_CUDA_HELPER, "work"});
  ::unsetenv("LD_LIBRARY_PATH");
  EXPECT_EQ(seen.exit_code, 0);
  ASSERT_EQ(seen.threads.size(), 2U);
  EXPECT_EQ(seen.threads[0].process, seen.threads[1].process);
  const pid_t tid = seen.threads[1].tid;
  expect(seen, "/proc/" + std::to_string(seen.threads[0].tid) + "/task/" + std::to_string(tid) + "/comm", "O_RDWR",
         "ok");
}

TEST_F(TraceTest, DevicesAndSocketsAreListed) {
  const Trace seen = trace({LOCKSTEP_TRACE_STEPS, "i:/dev/null", "c:" + root_ + "/no-socket", "c:@no-such-abstract"});
  const auto is_ioctl = [](const TraceEvent& each) {
    return each.call == "ioctl" && each.path == "/dev/null" && each.flags == "0x5401";
  };
  EXPECT_TRUE(std::any_of(seen.events.begin(), seen.events.end(), is_ioctl)) << to_text(seen);
  expect(seen, root_ + "/no-socket", "", "ENOENT");
  expect(seen, "@no-such-abstract", "", "ECONNREFUSED");
}

TEST_F(TraceTest, EveryEndOfTheCommandIsTold) {
  EXPECT_EQ(shell("kill -SEGV $$").signal, SIGSEGV);
  EXPECT_EQ(trace({root_ + "/no-such-program"}).exit_code, 127);
  const Trace stopped = shell("kill -STOP $$; exit 3", 500);
  EXPECT_TRUE(stopped.timed_out);
  const Trace hung = shell("sleep 1000 & wait", 500);
  EXPECT_TRUE(hung.timed_out);
  EXPECT_EQ(hung.threads.size(), 2U);
  EXPECT_EQ(hung.exit_code, -1);
}

TEST_F(TraceTest, ADescendantThatStaysBehindIsEnded) {
  const Trace seen = shell("sleep 1000 & echo $! > " + root_ + "/pid; exit 0");
  EXPECT_EQ(seen.exit_code, 0);
  EXPECT_FALSE(seen.timed_out);
  pid_t pid = 0;
  std::ifstream(root_ + "/pid") >> pid;
  ASSERT_GT(pid, 0);
  // Gone, or a zombie that its parent has not come to yet.
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, program, state = "gone";
  stat >> number >> program >> state;
  EXPECT_TRUE(state == "gone" || state == "Z" || state == "X") << state;
}

TEST_F(TraceTest, PathsThatAreNoUtf8SurviveTheFile) {
  const std::string odd = root_ + "/\xff\\x";
  const Trace seen = trace({LOCKSTEP_TRACE_STEPS, "r:" + odd});
  ASSERT_NE(find(seen, odd), nullptr);
  const Result<Trace> read = read_trace(dir_.write("t.json", to_json(seen, {"open " + odd})));
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_NE(find(*read, printable(odd)), nullptr);
  EXPECT_EQ(read->events.size(), seen.events.size());
  EXPECT_EQ(read->threads.size(), seen.threads.size());
  EXPECT_EQ(read->command.size(), seen.command.size());
  EXPECT_EQ(read->exit_code, seen.exit_code);
}

TEST_F(TraceTest, AFileThatIsNoTraceIsAnError) {
  for (const char* text :
       {"", "[]", "{\"schema\": \"lockstep.trace/1\"}",
        "{\"schema\":\"lockstep.trace/1\",\"kernel\":\"k\",\"machine\":\"m\",\"nvidia_driver\":\"\",\"command\":[],"
        "\"timed_out\":false,\"foreign_calls\":0,\"threads\":[],\"events\":[{\"thread\":1,\"call\":\"open\",\"path\":"
        "\"/\",\"result\":\"ok\"}]}"}) {
    const Result<Trace> read = read_trace(dir_.write("t.json", text));
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().exit_code(), 2);
  }
  EXPECT_FALSE(read_trace(root_ + "/missing").ok());
}

TEST(TraceFlags, HaveTheirNames) {
  EXPECT_EQ(open_flags(O_RDWR | O_CLOEXEC), "O_RDWR|O_CLOEXEC");
  EXPECT_EQ(open_flags(O_RDONLY), "O_RDONLY");
  EXPECT_EQ(open_flags(O_PATH | O_NOFOLLOW), "O_NOFOLLOW|O_PATH");
  EXPECT_EQ(open_flags(O_WRONLY | O_TMPFILE), "O_WRONLY|O_TMPFILE");
  EXPECT_EQ(open_flags(O_WRONLY | O_SYNC), "O_WRONLY|O_SYNC");
  EXPECT_EQ(open_flags(O_RDONLY | 0x80000000U), "O_RDONLY|0x80000000");
}

// The probe's own steps, done by a program that has loaded (the stand-in for) libcuda, on a private /dev: nothing of
// them is missing, and one more thing is. So the comparison can fail, and does not for another reason.
TEST_F(TraceTest, TheStepsOfTheProbeAreAllInItAndOneMoreIsNot) {
  if (::geteuid() != 0 || std::system("unshare -m true 2>/dev/null") != 0)
    GTEST_SKIP() << "needs root: a private /dev with device nodes";
  Host host;
  host.gpu = GpuKind::nvidia;
  host.gpu_nodes = {"/dev/nvidia0", "/dev/nvidia7"};
  const std::string nodes[] = {"null",           "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools",
                               "nvidia-modeset", "nvidia0",   "nvidia7"};
  std::string script = "mount -t tmpfs -o mode=755 tmpfs /dev\nmkdir /dev/shm /dev/nvidia-caps\n";
  for (const std::string& node : nodes) script += "mknod -m 666 /dev/" + node + " c 1 3\n";
  script += std::string(LOCKSTEP_CUDA_TRACE) + " --output \"$1\" -- " + LOCKSTEP_TRACE_STEPS +
            " l:" + LOCKSTEP_STAND_IN_LIBRARY;
  std::size_t steps = 0;
  for (const gpu::Step& step : gpu::steps_of(host)) {
    const Operation operation = step.operation;
    const char* how = operation == Operation::open_r    ? "r:"
                      : operation == Operation::opendir ? "d:"
                      : operation == Operation::ioctl   ? "i:"
                                                        : nullptr;
    if (how == nullptr) continue;
    script += " " + (how + step.path);
    ++steps;
  }
  EXPECT_GT(steps, 15U);
  script += " \"$2\" > /dev/null\n";
  dir_.write("script", script);
  const auto run = [&](const std::string& more) {
    const std::string command = "unshare -m sh -e " + root_ + "/script " + root_ + "/t.json " + more;
    EXPECT_EQ(std::system(command.c_str()), 0);
    const Result<Trace> seen = read_trace(root_ + "/t.json");
    EXPECT_TRUE(seen.ok());
    const auto missing =
        seen.ok() ? not_in_probe(*seen) : Result<std::vector<std::string>>(std::vector<std::string>{"error"});
    EXPECT_TRUE(missing.ok());
    return missing.ok() ? *missing : std::vector<std::string>{"error"};
  };
  EXPECT_EQ(run("r:/proc/devices"), std::vector<std::string>{});
  EXPECT_EQ(run("w:/dev/null"), std::vector<std::string>{"openat O_RDWR|O_CLOEXEC /dev/null"});
}

}  // namespace
}  // namespace lockstep::conformance::trace
