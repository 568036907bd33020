#include <sys/mman.h>

#include <cstdlib>

#include "conformance/fuzz/execute.h"

namespace lockstep::conformance::fuzz {

Board::Board(std::size_t count) : size(count), bytes_(2 * sizeof(Side) + count * sizeof(Cell)) {
  void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  sides = static_cast<Side*>(memory);
  cells = reinterpret_cast<Cell*>(sides + 2);
}

Board::~Board() {
  ::munmap(sides, bytes_);
}

}  // namespace lockstep::conformance::fuzz
