// The memory that a worker shares with the children of its rows: the slot they report into, the request that programs
// executed later read, and what they print.
//
//   SharedFiles files;
//   LOCKSTEP_ASSIGN(const wire::Slot slot, files.slot(cells, walks));   // cleared
//   ... fork, wait, end every descendant, read ...
//   if (something_is_odd) files.discard();
//
// They are made once and serve one child after another. So whoever cannot say that every descendant of a child has
// ended, or does not like how one ended, discards them: what is left of that child writes where nobody reads.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_SHARED_FILES_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_SHARED_FILES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <lockstep/error.h>

#include "base/unique_fd.h"
#include "conformance/wire/slot.h"

namespace lockstep::conformance::harness {

class SharedFiles {
 public:
  SharedFiles() = default;
  SharedFiles(const SharedFiles&) = delete;
  SharedFiles& operator=(const SharedFiles&) = delete;
  ~SharedFiles() { discard(); }

  // Of the cells and walks of the child before nothing is left.
  Result<wire::Slot> slot(std::uint32_t cells, std::uint32_t walks);
  int slot_fd() const { return slot_.get(); }
  Result<int> output();                           // empty
  Result<int> request(std::string_view encoded);  // with these bytes and no more
  void discard();

 private:
  UniqueFd slot_;
  void* memory_ = nullptr;
  std::size_t size_ = 0;
  UniqueFd output_;
  UniqueFd request_;
};

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_SHARED_FILES_H_
