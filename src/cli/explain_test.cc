// lockstep explain, as the real binary: which rules decide, what is executed beside a program, what it cannot know.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <lockstep/kernel.h>

#include "testing/run_program.h"

namespace lockstep::cli {
namespace {

using testing::Ended;
using testing::run_program;

class Explain : public ::testing::Test {
 protected:
  Ended run(std::vector<std::string> words) const {
    words.insert(words.begin(), {LOCKSTEP_CLI, "explain"});
    return testing::run_program(words, {});
  }
  // On the simulated host of the fixture; the first word of the answer, as its exit code has it too.
  Ended there(std::vector<std::string> rest, const std::string& abi = "7") const {
    rest.insert(rest.begin(), {policy_, "--host", host_, "--abi", abi});
    return run(rest);
  }
  Ended here(const std::string& policy, std::vector<std::string> rest) const {
    rest.insert(rest.begin(), {policy, "--gpu", "off", "--abi", "7"});
    return run(rest);
  }
  std::string policy_of(const std::string& name, const std::string& lists) const {
    return dir_.write(name, "version: 1\nfilesystem_policy:\n" + lists);
  }

  testing::TemporaryDirectory dir_;
  std::string policy_ = dir_.write("p.yaml",
                                   "version: 1\nfilesystem_policy:\n  include_workdir: true\n  read_only: "
                                   "[/usr, /proc]\n  read_write: [/tmp]\n");
  std::string host_ = dir_.write("h.json",
                                 R"({"schema":"lockstep.host/1","gpu":"nvidia","gpu_nodes":["/dev/nvidia0"],
 "present":["/usr","/tmp","/proc","/dev/nvidiactl","/dev/nvidia0",{"path":"/lib","kind":"link","target":"usr/lib"},"/usr/lib"],
 "kernel":{"abi":7,"errata":7}})");
};

void expect_answer(const Ended& ended, const std::string& start, int code) {
  EXPECT_EQ(ended.out.rfind(start, 0), 0U) << ended.out << ended.err;
  EXPECT_EQ(ended.code, code) << ended.out << ended.err;
}

void expect_says(const Ended& ended, const std::string& words) {
  EXPECT_NE(ended.out.find(words), std::string::npos) << ended.out << ended.err;
}

TEST_F(Explain, SaysWhichRuleDecides) {
  const Ended promoted = there({"comm-open", "/proc/self/task/1/comm"});
  expect_answer(promoted, "allow", 0);
  expect_says(promoted, "granted by /proc (read_write");
  const Ended kept = there({"--gpu", "off", "open-w", "/proc/self/comm"});
  expect_answer(kept, "deny EACCES", 1);
  expect_says(kept, "write_file");
  expect_says(kept, "simulated");
}

TEST_F(Explain, NamesTheLineThatGrantsAndSeveralWhereSeveralDo) {
  const std::string file = dir_.write("rw/ro", "x");
  const std::string policy =
      policy_of("below.yaml", "  read_only: [" + file + "]\n  read_write:\n    - " + dir_.at("rw") + "\n");
  const Ended writes = here(policy, {"open-w", file});
  expect_answer(writes, "allow", 0);
  expect_says(writes, "allowed: write_file granted by " + dir_.at("rw") + " (read_write, line 5)\n");
  expect_says(here(policy, {"open-r", file}), "allowed: read_file granted by " + file + " (read_only, line 3) and " +
                                                  dir_.at("rw") + " (read_write, line 5)\n");
  // Of one object under two rules, the one that has the right.
  const std::string both = policy_of(
      "both.yaml", "  read_only: [" + file + "]\n  grants:\n    - {path: " + file + ", access: [write_file]}\n");
  expect_says(here(both, {"open-w", file}), "write_file granted by " + file + " (grant, line 5)\n");
  expect_says(
      here(both, {"open-rw", file}),
      "write_file granted by " + file + " (grant, line 5); read_file granted by " + file + " (read_only, line 3)\n");
}

TEST_F(Explain, AnswersForPortsScopesAndSockets) {
  policy_ = dir_.write("ports.yaml",
                       "version: 1\nfilesystem_policy: {read_only: [/usr]}\nlandlock:\n  scopes: [signal]\n"
                       "  ports: {bind_tcp: [8080], connect_send_udp: [53]}\n");
  expect_answer(there({"bind-tcp", "8080"}), "allow ", 0);
  expect_answer(there({"bind-tcp", "8081"}), "deny EACCES ", 1);
  expect_answer(there({"bind-tcp", "8081"}, "3"), "allow ", 0);
  expect_answer(there({"connect-tcp", "1"}), "allow ", 0);
  expect_answer(there({"send-udp", "54"}, "10"), "deny EACCES ", 1);
  expect_answer(there({"signal"}, "6"), "deny EPERM ", 1);
  expect_answer(there({"connect-abstract"}, "6"), "allow ", 0);
  expect_answer(there({"connect-unix", "/usr/socket"}, "8"), "allow ", 0);
  expect_answer(there({"connect-unix", "/usr/socket"}, "9"), "deny EACCES ", 1);
}

TEST_F(Explain, NeverAllowsWhatIsOnlyMissing) {
  // On this machine a missing file is not Landlock's business; on a simulated host it is taken to exist, and that is
  // said.
  expect_answer(here(policy_, {"open-r", "/usr/no-such-file"}), "undecided", 1);
  expect_answer(here(policy_, {"rename", "/usr/bin", "/no/such/place"}), "undecided", 1);
  const Ended shadow = there({"open-r", "/etc/shadow"});
  expect_answer(shadow, "deny EACCES", 1);
  expect_says(shadow, "not in the host file");
  expect_answer(there({"open-r", "/usr/bin/x"}), "allow", 0);
  expect_answer(there({"create", "/usr/x"}), "deny EACCES", 1);
  expect_answer(there({"create", "/tmp/x"}), "allow", 0);
}

TEST_F(Explain, AnswersEveryOperationOnBothKindsOfHost) {
  const auto answered = [](const Ended& ended) {
    const std::string word = ended.out.substr(0, ended.out.find_first_of(" :"));
    EXPECT_EQ(ended.code, word == "allow" ? 0 : 1) << ended.out << ended.err;
    EXPECT_TRUE(word == "allow" || word == "deny" || word == "undecided") << ended.out << ended.err;
  };
  for (const char* operation :
       {"open-r",  "open-w",   "open-rw",   "open-path", "open-trunc", "opendir",   "create",
        "tmpfile", "truncate", "ftruncate", "mkdir",     "mkfifo",     "mknod-chr", "mknod-blk",
        "mksock",  "symlink",  "unlink",    "rmdir",     "exec",       "ioctl",     "connect-unix",
        "stat",    "chmod",    "readlink",  "reopen-fd", "comm-open"})
    for (const char* path : {"/", "/usr", "/tmp/x", "/proc/self/comm", "/no/such/place", "/dev/nvidia0"}) {
      SCOPED_TRACE(std::string(operation) + " " + path);
      answered(there({operation, path}));
      // A plan ABI of its own: without one this is a question about the kernel, which may have no Landlock.
      answered(here(policy_, {operation, path}));
    }
  for (const char* operation : {"rename", "exchange", "link"})
    for (const char* path : {"/", "/tmp/x", "/no/such/place"}) {
      SCOPED_TRACE(std::string(operation) + " " + path);
      answered(there({operation, path, "/tmp/y"}));
      answered(here(policy_, {operation, "/usr", path}));
    }
}

TEST_F(Explain, FollowsLinksAndNamesThem) {
  const std::string file = dir_.write("file", "x"), link = dir_.at("link");
  ASSERT_EQ(::symlink(file.c_str(), link.c_str()), 0);
  const std::string only = policy_of("only.yaml", "  read_only: [\"" + file + "\"]\n");
  const Ended read = here(only, {"open-r", link});
  expect_answer(read, "allow", 0);
  expect_says(read, link + " leads to " + file + " by " + link + " -> " + file);
  EXPECT_EQ(here(only, {"open-r", file}).out.find(" leads to "), std::string::npos);
  // What does not follow the last link is about the link itself.
  EXPECT_EQ(here(only, {"readlink", link}).out.find(" leads to "), std::string::npos);
  expect_answer(here(only, {"open-w", link}), "deny EACCES", 1);
  expect_answer(here(only, {"stat", "/etc"}), "allow", 0);
  const Ended simulated = there({"open-r", "/lib/x"});
  expect_answer(simulated, "allow", 0);
  expect_says(simulated, "/lib/x leads to /usr/lib/x by /lib -> usr/lib");
}

TEST_F(Explain, ALinkOfProcfsIsAnotherProcesssThanOurs) {
  const std::string policy = policy_of("proc.yaml", "  read_only: [/proc]\n");
  for (const char* path : {"/proc/self/exe", "/proc/self/cwd", "/proc/self/cwd/x", "/proc/thread-self/fd/0",
                           "/proc/1/exe", "/dev/stdin", "/proc/self/root/proc/self/cwd"}) {
    SCOPED_TRACE(path);
    const Ended real = here(policy, {"open-r", path});
    expect_answer(real, "undecided: ", 1);
    expect_says(real, "not the workload");
    expect_answer(there({"open-r", path}), "undecided: ", 1);
  }
  expect_answer(here(policy, {"readlink", "/proc/self/exe"}), "allow", 0);
  expect_answer(here(policy, {"open-r", "/proc/self/status"}), "allow", 0);
}

// The program, its loader, a script and its interpreter: the model against the kernel, by `lockstep exec`.
TEST_F(Explain, AProgramsLoaderAndAScriptsInterpreterArePartOfTheAnswer) {
  if (!query_kernel().ok()) GTEST_SKIP() << "no-landlock";
  std::string program = std::filesystem::canonical("/bin/true").string(),
              shell = std::filesystem::canonical("/bin/sh").string();
  const std::string script = dir_.write("script", "#!" + shell + " -e\nexit 0\n");
  const std::string outer = dir_.write("outer", "#! \t" + script + "\n");
  ASSERT_EQ(::chmod(script.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(outer.c_str(), 0755), 0);
  struct Try {
    std::string granted, runs, denied;
  };
  const std::string loaders = "/lib64, /usr/lib, /lib";
  for (const Try& each :
       {Try{program, program, "ld-linux"}, Try{program + ", " + loaders, program, ""}, Try{script, script, shell},
        Try{script + ", " + shell, script, "ld-linux"}, Try{script + ", " + shell + ", " + loaders, script, ""},
        Try{outer, outer, script}, Try{outer + ", " + shell + ", " + loaders, outer, script},
        Try{outer + ", " + script + ", " + shell + ", " + loaders, outer, ""}}) {
    SCOPED_TRACE("[" + each.granted + "] " + each.runs);
    const std::string policy = policy_of("run.yaml", "  read_only: [" + each.granted + "]\n");
    const Ended answer = here(policy, {"exec", each.runs});
    const Ended run = testing::run_program({LOCKSTEP_CLI, "exec", "--gpu", "off", policy, "--", each.runs}, {});
    ASSERT_TRUE(run.code == 0 || run.code == 126) << run.err;
    expect_answer(answer, run.code == 0 ? "allow" : "deny EACCES", run.code == 0 ? 0 : 1);
    EXPECT_EQ(run.code, each.denied.empty() ? 0 : 126);
    if (!each.denied.empty()) {
      expect_says(answer, each.denied);
      expect_says(answer, "which is executed with it");
    }
  }
}

TEST_F(Explain, WhatCannotBeKnownOfALoaderIsSaid) {
  const std::string policy = policy_of("all.yaml", "  read_only: [/usr, " + dir_.path() + "]\n");
  expect_says(here(policy, {"exec", dir_.write("relative", "#!bin/x\n")}), "is looked up from the work directory");
  expect_says(here(policy, {"exec", dir_.write("gone", "#!/no/such/interpreter\n")}),
              "ENOENT): execve(2) fails whatever the policy");
  expect_says(here(policy, {"exec", dir_.write("self", "#!" + dir_.at("self") + "\n")}), "ELOOP");
  expect_says(here(policy, {"exec", dir_.write("crlf", "#!/bin/sh\r\n")}), "ENOENT): execve(2) fails");
  for (const char* text : {"exit 0\n", "", "#!", "#! \n"})
    expect_says(here(policy, {"exec", dir_.write("plain", text)}),
                "(ENOEXEC): execve(2) fails whatever the policy, and a");
  for (const char* name : {"relative", "gone", "self", "crlf", "plain"})
    expect_answer(here(policy, {"exec", dir_.at(name)}), "undecided: ", 1);
  // What is denied before is denied all the same.
  expect_answer(here(policy_of("none.yaml", "  read_only: [/usr]\n"), {"exec", dir_.at("gone")}), "deny EACCES", 1);
  expect_says(there({"exec", "/usr/bin/true"}), "a host file says nothing");
  // Nothing that is no regular file is read, and damaged programs do no harm.
  ASSERT_EQ(::mkfifo(dir_.at("fifo").c_str(), 0600), 0);
  EXPECT_GE(here(policy, {"exec", dir_.at("fifo")}).code, 0);
  std::ifstream in("/bin/true", std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (std::size_t size = 0; size < 800; size += 37)
    EXPECT_GE(here(policy, {"exec", dir_.write("cut", whole.substr(0, size))}).code, 0);
  for (std::size_t at = 4; at < 300; at += 13) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(0xff);
    EXPECT_GE(here(policy, {"exec", dir_.write("damaged", damaged)}).code, 0) << at;
  }
}

TEST_F(Explain, LayersAroundAreNamed) {
  if (!query_kernel().ok()) GTEST_SKIP() << "no-landlock";
  const std::string policy = policy_of("outer.yaml", "  read_only: [/]\n");
  const Ended inside = testing::run_program({LOCKSTEP_CLI, "exec", "--gpu", "off", policy, "--", LOCKSTEP_CLI,
                                             "explain", policy, "--gpu", "off", "--abi", "7", "open-r", "/usr"},
                                            {});
  expect_answer(inside, "allow", 0);
  expect_says(inside, "is around this process already: what they deny stays denied");
}

}  // namespace
}  // namespace lockstep::cli
