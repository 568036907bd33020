// What became of one run of libcuda: how it ended, at which stage, with which CUresult. Plain values, and nothing that
// needs the standard library's code: the program that calls libcuda (conformance/cuda/helper.cc) is linked without it.
//
//   CuResult result = cu_result(reply.restricted.cells[i]);   // of a cell of Operation::cu_init
//   if (!result.succeeded()) ... result.stage, result.outcome, result.result ...
//
// Mode::plain is cuInit(0) alone; Mode::work goes on: a context, an allocation, a kernel of our own, its result read
// back and compared, everything given back. Stages are in the order they are tried.
#ifndef LOCKSTEP_CONFORMANCE_WIRE_CU_RESULT_H_
#define LOCKSTEP_CONFORMANCE_WIRE_CU_RESULT_H_

#include <cstdint>

namespace lockstep::conformance::wire {

// Up to `proved` nothing of libcuda has run.
enum class CuOutcome : std::uint8_t {
  unset,
  proved,      // restricted (or not, as the control), and proved so
  not_loaded,  // dlopen() failed, or there is no cuInit in it: the slot's message has dlerror()
  returned,    // result: the CUresult; 0 where every stage came to its end
  signalled,   // result: the signal
  exited,      // the library ended the process. result: its exit code
  timed_out,
  missing_symbol,  // the stage's function is not in the library: the slot's message names it
  wrong_value,     // the kernel ran and what was read back is not what it computes: the slot's message has both
};

enum class CuStage : std::uint8_t {
  none,
  load,      // dlopen()
  version,   // cuDriverGetVersion()
  init,      // cuInit(0)
  count,     // cuDeviceGetCount(); in Mode::plain its failure does not count
  device,    // from here on Mode::work alone. The first of the devices
  context,   // the primary context, made current
  allocate,  // two buffers of a few KiB
  copy_in,
  module,  // from PTX: the driver's own compiler
  launch,
  wait,
  copy_out,
  compare,  // ours: no function of CUDA's
  tear_down,
};
inline constexpr int cu_stage_count = static_cast<int>(CuStage::tear_down) + 1;

struct CuResult {
  CuOutcome outcome = CuOutcome::unset;
  CuStage stage = CuStage::none;  // the last one tried; of a cuInit(0) that returned, `init`
  int result = 0;                 // see CuOutcome; of wrong_value the index
  int driver_version = 0;         // 12080: 12.8. 0: not known
  int devices = 0;

  bool succeeded() const { return outcome == CuOutcome::returned && result == 0; }
};

// "load", "copy-in", ...: for reports.
constexpr const char* name(CuStage stage) {
  constexpr const char* names[cu_stage_count] = {"none",   "load",    "version",  "init",    "count",
                                                 "device", "context", "allocate", "copy-in", "module",
                                                 "launch", "wait",    "copy-out", "compare", "tear-down"};
  return static_cast<int>(stage) < cu_stage_count ? names[static_cast<int>(stage)] : "none";
}

// A result as the four numbers of a cell: in the slot that the program writes, and in the reply.
template <typename Cell>
CuResult cu_result(const Cell& cell) {
  CuResult out;
  const auto number = [](std::uint64_t bits) { return static_cast<int>(static_cast<std::uint32_t>(bits)); };
  out.outcome = static_cast<CuOutcome>(cell.aux & 0xffU);
  out.stage = static_cast<CuStage>(cell.aux >> 8 & 0xffU);
  out.result = static_cast<int>(cell.ret);
  out.driver_version = number(cell.after);
  out.devices = number(cell.after >> 32);
  return out;
}

template <typename Cell>
void put(const CuResult& result, Cell* cell) {
  cell->ret = result.result;
  cell->aux = static_cast<std::uint64_t>(result.outcome) | static_cast<std::uint64_t>(result.stage) << 8;
  cell->after = static_cast<std::uint32_t>(result.driver_version) |
                static_cast<std::uint64_t>(static_cast<std::uint32_t>(result.devices)) << 32;
}

}  // namespace lockstep::conformance::wire

#endif  // LOCKSTEP_CONFORMANCE_WIRE_CU_RESULT_H_
