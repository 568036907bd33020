// The exec actor: a static program, executed from a memfd inside the restriction, that runs the row's exec
// cells.
//
// With one argument, a descriptor: a process under the restriction that waits until the other end is closed.
// Else argv: request memfd, slot memfd, index of the first cell's walk (-1: do not capture; comm: from 0, and only what
// the cells of comm-open lead to), sibling's pid, scratch directory, and where there is one the descriptor of a keeper.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "conformance/probes/probe.h"
#include "conformance/probes/resolve.h"

int main(int argc, char** argv) {
  using namespace lockstep::conformance;
  using namespace lockstep::conformance::probes;
  if (argc == 2) {
    char byte;
    while (::read(std::atoi(argv[1]), &byte, 1) < 0 && errno == EINTR) {
    }
    return 0;
  }
  if (argc != 6 && argc != 7) return 2;
  const int request_fd = std::atoi(argv[1]), slot_fd = std::atoi(argv[2]);
  const bool comm_alone = std::strcmp(argv[3], "comm") == 0;
  const long first_walk = std::atol(argv[3]);
  const std::int32_t sibling = std::atoi(argv[4]);

  struct stat request_stat {
  }, slot_stat{};
  if (::fstat(request_fd, &request_stat) != 0 || ::fstat(slot_fd, &slot_stat) != 0) return 3;
  std::string bytes(static_cast<std::size_t>(request_stat.st_size), '\0');
  if (::pread(request_fd, bytes.data(), bytes.size(), 0) != request_stat.st_size) return 3;
  const std::optional<wire::RowRequest> request = wire::decode_row_request(bytes);
  if (!request) return 4;
  const auto size = static_cast<std::size_t>(slot_stat.st_size);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, slot_fd, 0);
  if (memory == MAP_FAILED || size < sizeof(wire::SlotHeader)) return 3;

  const auto cells = static_cast<std::uint32_t>(request->cells.size());
  const std::uint32_t walks = static_cast<const wire::SlotHeader*>(memory)->walks;
  if (size < wire::Slot::bytes(cells, walks)) return 3;
  std::vector<std::string> paths;
  paths.reserve(2 * cells);
  std::vector<Probe> probes;
  for (const wire::CellRequest& cell : request->cells) {
    paths.push_back(resolve_path(cell.path, argv[5], sibling));
    paths.push_back(resolve_path(cell.path2, argv[5], sibling));
    probes.push_back({cell.operation, cell.mode, cell.actor, cell.target, cell.survey, paths[paths.size() - 2].c_str(),
                      paths.back().c_str(), -1, cell.port});
  }
  ProbeRun run;
  run.probes = probes;
  run.slot = wire::Slot::at(memory, cells, walks);
  run.capture = first_walk >= 0;
  run.comm_alone = comm_alone;
  run.keeper = argc == 7 ? std::atoi(argv[6]) : -1;
  run.own_tree = request->simulated;
  run.first_walk = first_walk >= 0 ? static_cast<std::uint32_t>(first_walk) : 0;
  run_cells_of(run, lockstep::Actor::exec);
  ::_exit(42);
}
