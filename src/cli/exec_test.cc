// lockstep exec, through the real binary. What others answer in the kernel's place: exec_filter_test.cc; terminals:
// exec_terminal_test.cc.
#include <algorithm>

#include "cli/exec_testing.h"
#include "model/loaders.h"

namespace lockstep::cli {
namespace {

TEST_F(Exec, PassesTheCommandsCodeOn) {
  for (const char* writable : plain_and_pinned) {
    policy(writable);
    EXPECT_EQ(shell("exit 0").code, 0) << writable;
    EXPECT_EQ(shell("exit 3").code, 3) << writable;
    EXPECT_EQ(run({"/usr/no-such-command"}).code, 127) << writable;
    EXPECT_EQ(run({dir_.at("data")}).code, 126) << writable;
    EXPECT_EQ(shell("kill -TERM $$").signal, SIGTERM) << writable;
    EXPECT_EQ(shell("kill -KILL $$").signal, SIGKILL) << writable;
  }
}

TEST_F(Exec, OwnFailuresAre125) {
  policy("/dev/null");
  EXPECT_EQ(run({"true"}, {"--abi", "99"}).code, 125);
  EXPECT_EQ(run({"true"}, {"--no-such-flag", "x"}).code, 125);
  EXPECT_EQ(run({"true"}, {"--abi", "11", "--host", "/no-such-host"}).code, 125);
  policy("relative");
  const Ended bad = run({"true"});
  EXPECT_EQ(bad.code, 125);
  EXPECT_NE(bad.said.find("p.yaml:5:"), std::string::npos) << bad.said;
}

TEST_F(Exec, SaysByWayOfWhatACommandIsExecuted) {
  // The programs alone: their loader, or interpreter, is not granted.
  if (model::read_loaders("/usr/bin/env").paths.empty())
    GTEST_SKIP() << "there is no /usr/bin/env here that has a loader";
  dir_.write("rw/new", "#!/bin/sh\nexit 0\n");
  ASSERT_EQ(::chmod(dir_.at("rw/new").c_str(), 0755), 0);
  dir_.write("p.yaml", "version: 1\nfilesystem_policy:\n  include_workdir: false\n  read_only: [/usr/bin/env, " +
                           dir_.at("rw") + "]\n");
  const Ended program = run({"env"});
  EXPECT_EQ(program.code, 126) << program.said;
  EXPECT_NE(program.said.find("lockstep: /usr/bin/env: Permission denied: it is executed by way of /"),
            std::string::npos)
      << program.said;
  const Ended script = run({dir_.at("rw/new")});
  EXPECT_EQ(script.code, 126) << script.said;
  EXPECT_NE(script.said.find("it is executed by way of /bin/sh, on which"), std::string::npos) << script.said;
  EXPECT_EQ(run({"no-such-command"}).code, 127);
  // What the kernel does not know is given to a shell by execvp(3).
  for (const char* text : {"exit 0\n", "", "#!\n"}) {
    dir_.write("rw/new", text);
    const Ended plain = run({dir_.at("rw/new")});
    EXPECT_EQ(plain.code, 126) << plain.said;
    EXPECT_NE(plain.said.find(*text == '#' ? "begins with #! and names no interpreter, so it is given to /bin/sh"
                                           : "is neither an ELF program nor a script that begins with #!, so it is "
                                             "given to /bin/sh"),
              std::string::npos)
        << plain.said;
  }
}

TEST_F(Exec, WritesOnlyWhereGranted) {
  policy(dir_.at("rw"));
  const Ended got = shell("echo x > " + dir_.at("rw/new") + " && echo x > " + dir_.at("new"));
  EXPECT_NE(got.code, 0);
  EXPECT_EQ(::access(dir_.at("rw/new").c_str(), F_OK), 0);
  EXPECT_NE(::access(dir_.at("new").c_str(), F_OK), 0);
  EXPECT_NE(got.said.find("ermission denied"), std::string::npos) << got.said;
}

// With and without the process that keeps entries of procfs open, which stands outside.
TEST_F(Exec, AScopeKeepsTheCommandsSignalsInside) {
  const bool scopes = query_kernel()->abi >= 6;
  for (const char* writable : plain_and_pinned) {
    policy(writable, "landlock: {scopes: [signal]}\n");
    EXPECT_EQ(shell("kill -0 $PPID").code != 0, scopes) << writable;
    EXPECT_EQ(shell("sleep 30 & kill $! && wait $!; exit 5").code, 5) << writable;
    EXPECT_EQ(shell("kill -TERM $$").signal, SIGTERM) << writable;
  }
  policy("/dev/null");
  EXPECT_EQ(shell("kill -0 $PPID").code, 0) << "nothing is scoped unasked";
}

TEST_F(Exec, WhatTheAbiLacksIsSaidAndHardRequirementRefusesIt) {
  policy("/dev/null", "landlock: {ports: {connect_tcp: []}, log: {subdomains: false}}\n");
  const Ended dropped = run({"true"}, {"--abi", "1"});
  EXPECT_EQ(dropped.code, 0) << dropped.said;
  EXPECT_NE(dropped.said.find("connect_tcp is not enforced (from ABI 4): any TCP port can be connected to"),
            std::string::npos)
      << dropped.said;
  EXPECT_NE(dropped.said.find("log is not enforced (from ABI 7)"), std::string::npos) << dropped.said;
  policy("/dev/null", "landlock: {compatibility: hard_requirement, ports: {connect_tcp: []}}\n", "/proc");
  EXPECT_EQ(run({"true"}, {"--abi", "1"}).code, 125);
}

TEST_F(Exec, AWriteGrantOnTheRootIsRefusedHoweverItIsSpelt) {
  for (const std::string& path : {dir_.at("to-root"), std::string("/proc/self/root")}) {
    policy(path);
    const Ended got = shell("exit 0");
    EXPECT_EQ(got.code, 125) << path;
    EXPECT_NE(got.said.find("p.yaml:5:"), std::string::npos) << got.said;
    EXPECT_NE(got.said.find("root directory"), std::string::npos) << got.said;
  }
  policy("/dev/null");
  EXPECT_EQ(run({"true"}, {"--workdir", "/"}).code == 0,
            true);  // include_workdir is false: it grants nothing
  dir_.write("p.yaml", "version: 1\nfilesystem_policy:\n  include_workdir: true\n  read_only: [/usr]\n");
  EXPECT_EQ(run({"true"}, {"--workdir", "/"}).code, 125);
  EXPECT_EQ(run({"true"}, {"--workdir", dir_.at("to-root")}).code, 125);
}

TEST_F(Exec, SkippedPathsAreSaidAndHardRequirementRefusesThem) {
  policy(dir_.at("missing") + ", /dev/null");
  const Ended soft = shell("exit 0");
  EXPECT_EQ(soft.code, 0);
  EXPECT_NE(soft.said.find("lockstep: warning: " + dir_.at("missing")), std::string::npos) << soft.said;
  policy(dir_.at("missing") + ", /dev/null", "landlock: {compatibility: hard_requirement}\n");
  const Ended hard = shell("exit 0");
  EXPECT_EQ(hard.code, 125);
  EXPECT_NE(hard.said.find("p.yaml:5:"), std::string::npos) << hard.said;
}

TEST_F(Exec, ARuleBelowProcIsTheCommandsOwnAndIsSaid) {
  policy(pinned);
  const Ended own = shell("echo name > /proc/self/task/$$/comm && cat /proc/$$/comm && echo x > /proc/1/comm");
  EXPECT_NE(own.code, 0);  // the last one is another process
  EXPECT_NE(own.said.find("lockstep: notice: /proc/self/task"), std::string::npos) << own.said;
  EXPECT_NE(own.said.find("\nname\n"), std::string::npos) << own.said;
}

// Every signal that can be caught, through the pid that the caller knows: it is the command's own.
TEST_F(Exec, SignalsReachTheCommandBesideItsHolder) {
  for (const char* writable : plain_and_pinned) {
    policy(writable);
    std::vector<int> numbers;
    std::string traps;
    for (int number = 1; number <= SIGRTMAX; ++number) {
      if (number == SIGKILL || number == SIGSTOP || number == SIGCHLD || number == SIGSEGV) continue;
      if (number > SIGSYS && number < SIGRTMIN) continue;  // the C library's own
      numbers.push_back(number);
      traps += "trap 'echo got-" + std::to_string(number) + "-' " + std::to_string(number) + "; ";
    }
    const Running running = start({"/bin/sh", "-c", traps + "echo ready-$$-; while :; do sleep 0.01; done"});
    const std::string ready = "ready-" + std::to_string(running.pid) + "-";
    EXPECT_NE(read_until(running.out.get(), ready).find(ready), std::string::npos) << writable;
    for (int number : numbers) {
      ::kill(running.pid, number);
      const std::string got = "got-" + std::to_string(number) + "-";
      const std::string said = read_until(running.out.get(), got);
      ASSERT_NE(said.find(got), std::string::npos) << writable << ": " << said;
    }
    ::kill(running.pid, SIGKILL);
    EXPECT_EQ(finish(running).signal, SIGKILL) << writable;
  }
}

// What is ignored and blocked is the command's as it was the caller's.
TEST_F(Exec, DispositionsAndMaskAreTheCallers) {
  const auto line = [](const std::string& said, const std::string& name) {
    return said.substr(std::min(said.size(), said.find(name)), 25);
  };
  for (const char* writable : plain_and_pinned) {
    policy(writable);
    for (bool changed : {false, true}) {
      const auto before = [&] {
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, SIGUSR1);
        return !changed || (::signal(SIGPIPE, SIG_IGN) != SIG_ERR && ::signal(SIGHUP, SIG_IGN) != SIG_ERR &&
                            ::sigprocmask(SIG_BLOCK, &one, nullptr) == 0);
      };
      const Ended got = finish(start({"/bin/cat", "/proc/self/status"}, {}, before));
      EXPECT_EQ(line(got.said, "SigIgn:"), changed ? "SigIgn:\t0000000000001001\n" : "SigIgn:\t0000000000000000\n")
          << writable;
      EXPECT_EQ(line(got.said, "SigBlk:"), changed ? "SigBlk:\t0000000000000200\n" : "SigBlk:\t0000000000000000\n")
          << writable;
      EXPECT_EQ(line(got.said, "SigPnd:"), "SigPnd:\t0000000000000000\n") << writable;
    }
  }
}

TEST_F(Exec, StopsAndGoesOnAsOneProcess) {
  for (const char* writable : plain_and_pinned) {
    policy(writable);
    for (int number : {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU}) {
      const Running running = start({"/bin/sh", "-c", "echo ready; exec sleep 600"});
      read_until(running.out.get(), "ready");
      ::kill(running.pid, number);
      int status = 0;
      ASSERT_EQ(::waitpid(running.pid, &status, WUNTRACED), running.pid);
      EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == number) << writable;
      ::kill(running.pid, SIGCONT);
      ASSERT_EQ(::waitpid(running.pid, &status, WCONTINUED), running.pid);
      EXPECT_TRUE(WIFCONTINUED(status)) << writable;
      ::kill(running.pid, SIGTERM);
      EXPECT_EQ(finish(running).signal, SIGTERM) << writable;
    }
  }
}

// A file, a pipe, a socket or nothing: the policy that names it runs, and what it leads to can be written where it is
// there.
TEST_F(Exec, ALinkToStandardOutputIsWhatItLeadsTo) {
  for (const char* link : {"/dev/stdout", "/dev/fd"})
    if (::access(link, F_OK) != 0) GTEST_SKIP() << "there is no " << link << " here";
  const std::string file = dir_.at("data");
  for (const char* link : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    policy(std::string(link) + ", /dev/null");
    const Ended pipe = shell("echo x > /dev/stdout && exit 7");
    EXPECT_EQ(pipe.code, 7) << link << ": " << pipe.said;
    const auto to_file = [&] { return ::dup2(::open(file.c_str(), O_WRONLY | O_CLOEXEC), 1) == 1; };
    const Ended to = shell("echo written > /dev/stdout && exit 7", to_file);
    EXPECT_EQ(to.code, 7) << link << ": " << to.said;
    EXPECT_NE(to.said.find(std::string("notice: ") + link + " leads through a link of a process"), std::string::npos)
        << to.said;
    EXPECT_NE(to.said.find(file), std::string::npos) << to.said;
    std::ifstream in(file);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "written\n") << link;
    EXPECT_EQ(shell("exit 7", [] { return ::close(1) == 0; }).code, 7) << link;
  }
}

TEST_F(Exec, BecomesTheUserOfThePolicy) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: only root can become another user";
  for (const char* writable : plain_and_pinned) {
    policy(writable, "process: {run_as_user: \"64000\", run_as_group: \"64001\"}\n");
    const Ended got = shell("id -u; id -g; id -G; grep CapEff /proc/self/status");
    EXPECT_NE(got.said.find("64000\n64001\n64001\nCapEff:\t0000000000000000"), std::string::npos) << got.said;
    EXPECT_EQ(got.code, 0);
  }
  policy("/dev/null", "process: {run_as_user: no-such-user-here}\n");
  EXPECT_EQ(shell("exit 0").code, 125);
}

}  // namespace
}  // namespace lockstep::cli
