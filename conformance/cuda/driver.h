// Driver: the calls of libcuda that our program makes, each at its stage. Each function is looked up with dlsym() when
// it is needed. Where a driver lacks one, the report names the stage that wanted it. No header of CUDA's is needed.
//
// C-like on purpose: see helper.cc. Nothing here allocates, throws or goes on after an error.
#ifndef LOCKSTEP_CONFORMANCE_CUDA_DRIVER_H_
#define LOCKSTEP_CONFORMANCE_CUDA_DRIVER_H_

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>

#include "conformance/wire/cu_result.h"
#include "conformance/wire/slot.h"

namespace lockstep::conformance::cuda {

// Where each stage is noted before it is tried: shared memory, which another process can read once this one is gone.
struct Report {
  wire::SlotCell* cell;
  char* message;
  std::size_t size;  // of message, its NUL included

  void show(const wire::CuResult& result) const { wire::put(result, cell); }
  [[gnu::format(printf, 2, 3)]] void say(const char* format, ...) const;
};

class Driver {
 public:
  explicit Driver(const Report& report) : report_(report) {}

  bool load();
  // cuInit(0). The driver's version is asked before; where it cannot be asked it stays unknown.
  bool init();
  // How many devices there are, for the report alone: a failure here counts as none.
  void count_devices();
  // Everything of Mode::work behind init(). `salt` goes into what is computed, so that what an earlier run left in the
  // device's memory is not taken for a result.
  bool work(std::uint32_t salt);

  // Call last, whichever of these failed: shows how it ended.
  const wire::CuResult& finish();

 private:
  void at(wire::CuStage stage);
  bool fail(wire::CuOutcome outcome, int value);
  void forgive();
  bool compare(std::uint32_t salt, const std::uint32_t* values, std::size_t count);

  template <typename... Arguments>
  bool call(wire::CuStage stage, const char* symbol, Arguments... arguments) {
    at(stage);
    const auto function = reinterpret_cast<int (*)(Arguments...)>(::dlsym(library_, symbol));
    if (function == nullptr) {
      report_.say("no %s in libcuda.so.1", symbol);
      return fail(wire::CuOutcome::missing_symbol, 0);
    }
    const int got = function(arguments...);
    return got == 0 || fail(wire::CuOutcome::returned, got);
  }

  const Report& report_;
  void* library_ = nullptr;
  wire::CuResult result_{wire::CuOutcome::proved, wire::CuStage::none, 0, 0, 0};
  bool failed_ = false;
};

// The kernel, as PTX of the oldest kind that drivers of today still take: out[i] = in[i] * 3 + i, for i below count.
extern const char work_ptx[];
extern const char work_entry[];

}  // namespace lockstep::conformance::cuda

#endif  // LOCKSTEP_CONFORMANCE_CUDA_DRIVER_H_
