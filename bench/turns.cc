// turns [--rounds N] [--limit RATIO] [--calls] NAME=COMMAND...: whole processes, run in turn, so that what the machine does
// beside them falls on all alike. One line each, and its ratios to the first:
//
//   wall       from start to end, in ms, the median of the rounds
//   cpu        user and system, with the children that were waited for, in ms, the median
//   faults     pages that were mapped, copied or read, the median; hardly varies, and follows the work of the kernel
//   peak       most memory of one of the processes, in MiB
//   calls      system calls of the process and all its children, by ptrace(2), in a round of their own (--calls)
//
// A COMMAND is split at blanks; what it prints is dropped. --limit says how much of the first's faults and calls each
// other may have.
//
// Exit: 0; 1 one is over the limit; 2 usage; 4 a command failed.
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Figures {
  double wall_ms = 0, cpu_ms = 0, faults = 0, peak_mib = 0, calls = 0;
};

struct Command {
  std::string name;
  std::vector<std::string> words;
  std::vector<Figures> rounds;
  Figures median;
};

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

[[noreturn]] void become(const Command& command) {
  std::vector<char*> argv;
  for (const std::string& word : command.words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {0, 1, 2})
    if (::dup2(null, fd) < 0) ::_exit(126);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

bool run(Command& command) {
  const auto start = std::chrono::steady_clock::now();
  const pid_t pid = ::fork();
  if (pid == 0) become(command);
  int status = 0;
  rusage used{};
  while (pid > 0 && ::wait4(pid, &status, 0, &used) < 0)
    if (errno != EINTR) return false;
  Figures out;
  out.wall_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  out.cpu_ms = milliseconds(used.ru_utime) + milliseconds(used.ru_stime);
  out.faults = static_cast<double>(used.ru_minflt + used.ru_majflt);
  out.peak_mib = static_cast<double>(used.ru_maxrss) / 1024;
  command.rounds.push_back(out);
  return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Every process and thread that comes of it is followed. Two stops a call, the last one of a process has but the first.
bool count_calls(Command& command) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::raise(SIGSTOP);
    become(command);
  }
  int status = 0;
  if (pid < 0 || ::ptrace(PTRACE_SEIZE, pid, nullptr,
                          PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                              PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) != 0)
    return false;
  ::kill(pid, SIGCONT);
  double stops = 0;
  int code = -1;
  for (pid_t each; (each = ::waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
    if (each < 0) continue;
    if (each == pid && WIFEXITED(status)) code = WEXITSTATUS(status);
    if (!WIFSTOPPED(status)) continue;
    int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      ++stops;
      signal = 0;
    } else if (status >> 16 != 0 || signal == SIGSTOP || signal == SIGCONT || signal == SIGTRAP) {
      signal = 0;  // an event, or the start of a child
    }
    ::ptrace(PTRACE_SYSCALL, each, nullptr, signal);
  }
  command.median.calls = stops / 2;
  return code == 0;
}

double median_of(const std::vector<Figures>& rounds, double Figures::*figure) {
  std::vector<double> all;
  for (const Figures& each : rounds) all.push_back(each.*figure);
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

int usage() {
  std::fprintf(stderr, "usage: turns [--rounds N] [--limit RATIO] [--calls] NAME=COMMAND...\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 20;
  double limit = 0;
  bool calls = false;
  std::vector<Command> commands;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--rounds" && i + 1 < argc) {
      rounds = std::atoi(argv[++i]);
    } else if (word == "--limit" && i + 1 < argc) {
      limit = std::atof(argv[++i]);
    } else if (word == "--calls") {
      calls = true;
    } else if (const std::size_t at = word.find('='); at != std::string::npos && word[0] != '-') {
      Command& command = commands.emplace_back();
      command.name = word.substr(0, at);
      std::istringstream words(word.substr(at + 1));
      for (std::string each; words >> each;) command.words.push_back(each);
      if (command.words.empty()) return usage();
    } else {
      return usage();
    }
  }
  if (commands.empty() || rounds < 1) return usage();
  const auto fails = [](const Command& command) {
    std::fprintf(stderr, "turns: %s: %s failed\n", command.name.c_str(), command.words[0].c_str());
    return 4;
  };
  for (Command& each : commands) {
    if (!run(each)) return fails(each);  // once unmeasured: what is read from disk then is in memory after
    each.rounds.clear();
  }
  for (int round = 0; round < rounds; ++round)
    for (Command& each : commands)
      if (!run(each)) return fails(each);
  for (Command& each : commands) {
    for (const auto figure : {&Figures::wall_ms, &Figures::cpu_ms, &Figures::faults, &Figures::peak_mib})
      each.median.*figure = median_of(each.rounds, figure);
    if (!calls || count_calls(each)) continue;
    if (limit > 0) return fails(each);
    std::fprintf(stderr, "turns: %s: it does not run under ptrace(2), and its calls are not counted\n",
                 each.name.c_str());
    each.median.calls = 0;
  }

  bool over = false;
  const Figures& first = commands[0].median;
  std::printf("%-24s %10s %6s %10s %6s %9s %6s %7s %8s %6s\n", "", "wall ms", "x", "cpu ms", "x", "faults", "x", "MiB",
              "calls", "x");
  for (const Command& each : commands) {
    const Figures& own = each.median;
    const auto ratio = [](double a, double b) { return b > 0 ? a / b : 0; };
    const double faults = ratio(own.faults, first.faults), made = ratio(own.calls, first.calls);
    const bool is_over = limit > 0 && &own != &first && (faults > limit || made > limit);
    std::printf("%-24s %10.2f %6.2f %10.2f %6.2f %9.0f %6.2f %7.1f %8.0f %6.2f%s\n", each.name.c_str(), own.wall_ms,
                ratio(own.wall_ms, first.wall_ms), own.cpu_ms, ratio(own.cpu_ms, first.cpu_ms), own.faults, faults,
                own.peak_mib, own.calls, made, is_over ? "  OVER" : "");
    over = over || is_over;
  }
  return over ? 1 : 0;
}
