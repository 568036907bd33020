#include "conformance/fuzz/executed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/fork.h"
#include "base/unique_fd.h"
#include "conformance/harness/helpers.h"
#include "conformance/harness/memory_file.h"
#include "conformance/probes/spawn.h"
#include "conformance/probes/verbs.h"

namespace lockstep::conformance::fuzz {
namespace {

// Made before a child borrows this memory: what is allocated there nobody frees.
class Program {
 public:
  Program(int helper, std::vector<std::string> words) : helper_(helper), words_(std::move(words)) {
    for (std::string& word : words_) argv_.push_back(word.data());
    argv_.push_back(nullptr);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  void execute() const {
    char* envp[] = {nullptr};
    probes::execute_descriptor(helper_, argv_.data(), envp);
  }

 private:
  int helper_;
  std::vector<std::string> words_;
  std::vector<char*> argv_;
};

// A held descriptor that a path names stays open in the program.
void keep_open(const std::string& path) {
  constexpr std::string_view prefix = "/proc/self/fd/";
  if (path.starts_with(prefix)) ::fcntl(std::atoi(path.c_str() + prefix.size()), F_SETFD, 0);
}

struct Child {
  const ExecutedRun& run;
  const Program& program;
  int request, slot;
};

void live(void* it) {
  const auto& [run, program, request, slot] = *static_cast<const Child*>(it);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (run.directory >= 0 && ::fchdir(run.directory) != 0) ::_exit(1);
  for (const wire::CellRequest& cell : run.cells) keep_open(cell.path), keep_open(cell.path2);
  for (const int fd : {request, slot, run.keeper})
    if (fd >= 0) ::fcntl(fd, F_SETFD, 0);
  program.execute();
  ::_exit(1);
}

}  // namespace

bool came_to_its_end(pid_t pid) {
  int status = 0;
  return pid > 0 && wait_for(pid, &status) && WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

bool run_executed(ExecutedRun& run) {
  wire::RowRequest request;
  request.cells = run.cells;
  const std::string bytes = wire::encode(request);
  const auto cells = static_cast<std::uint32_t>(run.cells.size()), walks = run.walks ? 2 * cells : 0;
  const std::size_t size = wire::Slot::bytes(cells, walks);
  const Result<UniqueFd> question = harness::memory_file("lockstep-fuzz", 0),
                         answer = harness::memory_file("lockstep-fuzz", size);
  if (!question.ok() || !answer.ok()) return false;
  const UniqueFd &asked = *question, &answered = *answer;
  if (::write(asked.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return false;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, answered.get(), 0);
  if (memory == MAP_FAILED) return false;
  const wire::Slot slot = wire::Slot::at(memory, cells, walks);
  slot.header->walks = walks;
  const Program program(run.helper, {harness::probe_helper, std::to_string(asked.get()), std::to_string(answered.get()),
                                     run.walks ? "comm" : "-1", "0", "", std::to_string(run.keeper)});
  Child child{run, program, asked.get(), answered.get()};
  const pid_t pid = probes::lend_to_child(live, &child);
  const bool ended = came_to_its_end(pid);
  if (ended) {
    run.replies.assign(slot.cells, slot.cells + cells);
    for (std::uint32_t i = 0; i < walks; i += 2) run.walked.push_back(slot.walk(i));
  } else if (pid > 0) {
    errno = ECHILD;
  }
  ::munmap(memory, size);
  return ended;
}

pid_t execute_and_wait(int helper, int alive) {
  struct Waiting {
    const Program& program;
    int alive;
  };
  const Program program(helper, {harness::probe_helper, std::to_string(alive)});
  Waiting waiting{program, alive};
  const auto execute = [](void* it) {
    const auto& [what, end] = *static_cast<const Waiting*>(it);
    ::fcntl(end, F_SETFD, 0);
    what.execute();
    ::_exit(1);
  };
  return probes::lend_to_child(execute, &waiting);
}

}  // namespace lockstep::conformance::fuzz
