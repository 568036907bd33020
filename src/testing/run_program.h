// For tests of the binaries: a program run to its end within a time.
//
//   TemporaryDirectory dir;
//   Ended ended = run_program({LOCKSTEP_CLI, "show", dir.write("p.yaml", "version: 1\n")}, {});
//   EXPECT_EQ(ended.code, 0) << ended.err;
#ifndef LOCKSTEP_TESTING_RUN_PROGRAM_H_
#define LOCKSTEP_TESTING_RUN_PROGRAM_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "testing/temporary_directory.h"

extern char** environ;

namespace lockstep::testing {

struct Ended {
  int code = -1;  // minus the signal that ended it; -SIGALRM where it was too slow
  std::string out;
  std::string err;
};

struct RunOptions {
  std::vector<std::string> environment;  // "NAME=value", in front of this process's own
  int seconds = 30;                      // generous: what is meant is that nothing hangs
};

// Standard input is empty.
inline Ended run_program(const std::vector<std::string>& words, const RunOptions& options) {
  const TemporaryDirectory outputs;
  std::vector<char*> argv, environment;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& each : options.environment) environment.push_back(const_cast<char*>(each.c_str()));
  for (char** each = environ; *each != nullptr; ++each) environment.push_back(*each);
  argv.push_back(nullptr);
  environment.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, outputs.at("out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, outputs.at("err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = -1;
  const int err = ::posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  Ended ended;
  EXPECT_EQ(err, 0) << words[0];
  if (err != 0) return ended;
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  pollfd wait{pidfd, POLLIN, 0};
  const bool in_time = ::poll(&wait, 1, options.seconds * 1000) == 1;
  if (!in_time) ::kill(child, SIGKILL);
  ::close(pidfd);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ended.code = !in_time ? -SIGALRM : WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  ended.out = outputs.read("out");
  ended.err = outputs.read("err");
  return ended;
}

// Refused as bad input is: the code, and one line on stderr that starts with the program's name, and with `where` after
// it.
inline void expect_refused(const Ended& ended, int code, const std::string& program, const std::string& where = {}) {
  EXPECT_EQ(ended.code, code) << ended.err;
  EXPECT_EQ(ended.out, "");
  const std::string start = program + ": " + where;
  EXPECT_EQ(ended.err.substr(0, start.size()), start) << ended.err;
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  EXPECT_TRUE(ended.err.ends_with('\n')) << ended.err;
  EXPECT_LT(ended.err.size(), 1200U);
  for (const char c : ended.err)
    EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << "a control character: " << int{c};
}

}  // namespace lockstep::testing

#endif  // LOCKSTEP_TESTING_RUN_PROGRAM_H_
