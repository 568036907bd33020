// StandInDevice: as much of a GPU as our cuda program uses, for its tests. It has memory that the host cannot reach,
// and it really executes the few PTX instructions of the program's kernel. A caller that leaves out a step of the
// protocol gets CUDA's error for it, or wrong data. A caller that launches nothing reads back what was in the memory
// before.
//
// Every function returns a CUresult. It models no more of CUDA than that: one device, one context, no streams, no
// limits.
#ifndef LOCKSTEP_CONFORMANCE_CUDA_STAND_IN_DEVICE_H_
#define LOCKSTEP_CONFORMANCE_CUDA_STAND_IN_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lockstep::conformance::cuda {

struct PtxInstruction {
  std::string guard;  // the predicate of "@%p1"
  std::string name;   // "mad.lo.u32"
  std::vector<std::string> operands;
};

struct PtxKernel {
  struct Parameter {
    std::string name;
    std::size_t bytes = 0;
  };
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<PtxInstruction> code;
  std::map<std::string, std::size_t> labels;  // index in `code`
};

// Reads a module of one kernel. False for anything that it does not know.
bool parse_ptx(const std::string& text, PtxKernel* out);

struct Launch {
  const PtxKernel* kernel = nullptr;
  std::uint32_t blocks = 0, threads = 0;
  std::vector<std::uint64_t> parameters;
};

class StandInDevice {
 public:
  int allocate(std::uint64_t* address, std::size_t bytes);
  int release(std::uint64_t address);
  int write(std::uint64_t address, const void* data, std::size_t bytes);
  int read(std::uint64_t address, void* data, std::size_t bytes);
  int load(const char* ptx, PtxKernel** kernel);
  int unload(const PtxKernel* kernel);
  bool has(const PtxKernel* kernel) const;
  int launch(Launch launch);  // nothing happens yet
  int wait();                 // runs what was launched
  bool empty() const { return memory_.empty() && kernels_.empty() && launched_.empty(); }

 private:
  unsigned char* at(std::uint64_t address, std::size_t bytes);
  int run(const Launch& launch, std::uint32_t block, std::uint32_t thread);

  std::map<std::uint64_t, std::vector<unsigned char>> memory_;
  std::vector<std::unique_ptr<PtxKernel>> kernels_;
  std::vector<Launch> launched_;
  std::uint64_t next_ = 0x10000000000;
};

}  // namespace lockstep::conformance::cuda

#endif  // LOCKSTEP_CONFORMANCE_CUDA_STAND_IN_DEVICE_H_
