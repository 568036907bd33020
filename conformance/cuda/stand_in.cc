// A stand-in for libcuda.so.1, for tests alone: nothing of NVIDIA's, and never installed.
//
// Its cuInit does one thing that the real one does: it starts a thread and names it as glibc's pthread_setname_np()
// does. EACCES is 304. Behind that is a device that executes the program's own kernel (stand_in_device.h).
//
// LOCKSTEP_STAND_IN asks for another end, of cuInit or, as "FUNCTION:END", of another function ("load:END" of dlopen()
// itself): a number is what it returns; "crash", "hang", "exit"; "nothing" is a success without anything done; a path
// is a file that the function needs to read, else 999. LOCKSTEP_STAND_IN_NODE names a node that cuInit makes before all
// else, as the real one makes /dev/nvidiactl as root.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "conformance/cuda/stand_in_device.h"

namespace {

using lockstep::conformance::cuda::Launch;
using lockstep::conformance::cuda::PtxKernel;
using lockstep::conformance::cuda::StandInDevice;

constexpr int invalid_value = 1, not_initialized = 3, invalid_device = 101, invalid_context = 201,
              operating_system = 304, not_found = 500, unknown = 999;

// What is asked of this function: "" where nothing is.
std::string wish_for(const std::string& function) {
  const char* text = std::getenv("LOCKSTEP_STAND_IN");
  const std::string wish = text == nullptr ? "" : text;
  const std::size_t colon = wish.find(':');
  if (colon == std::string::npos) return function == "cuInit" ? wish : "";
  return wish.substr(0, colon) == function ? wish.substr(colon + 1) : "";
}

// Ends here, or says what the function is to return instead of doing its work.
std::optional<int> other_end(const char* function) {
  const std::string wish = wish_for(function);
  if (wish == "crash") ::raise(SIGSEGV);
  if (wish == "exit") std::exit(42);  // as the helper ends itself: it must not pass for an answer
  while (wish == "hang") ::pause();
  if (wish == "nothing") return 0;
  if (wish.starts_with('/')) return ::open(wish.c_str(), O_RDONLY) >= 0 ? std::nullopt : std::optional(unknown);
  return wish.empty() ? std::nullopt : std::optional(std::atoi(wish.c_str()));
}

struct State {
  bool initialized = false, retained = false, current = false;
  StandInDevice device;
};
State& state() {
  static State instance;
  return instance;
}

// Before anything that needs a context. 0, or why not.
int ready() {
  return !state().initialized ? not_initialized : !state().current ? invalid_context : 0;
}

[[gnu::constructor]] void loaded() {
  other_end("load");
}

struct Started {
  int ready[2];
  int release[2];
  pid_t tid;
};

void* wait_to_be_named(void* argument) {
  auto* started = static_cast<Started*>(argument);
  started->tid = static_cast<pid_t>(::syscall(SYS_gettid));
  char byte = 0;
  if (::write(started->ready[1], &byte, 1) == 1)
    while (::read(started->release[0], &byte, 1) < 0 && errno == EINTR) {
    }
  return nullptr;
}

int name_a_thread() {
  Started started{};
  pthread_t thread;
  if (::pipe(started.ready) != 0 || ::pipe(started.release) != 0 ||
      ::pthread_create(&thread, nullptr, wait_to_be_named, &started) != 0)
    return unknown;
  char byte = 0;
  const bool is_ready = ::read(started.ready[0], &byte, 1) == 1;
  const std::string path = "/proc/" + std::to_string(::getpid()) + "/task/" + std::to_string(started.tid) + "/comm";
  const int fd = ::open(path.c_str(), O_RDWR);
  const int err = fd < 0 ? errno : ::write(fd, "cuda-EvtHandlr", 14) == 14 ? 0 : errno;
  if (fd >= 0) ::close(fd);
  if (::write(started.release[1], &byte, 1) != 1) return unknown;
  ::pthread_join(thread, nullptr);
  for (int end : {started.ready[0], started.ready[1], started.release[0], started.release[1]}) ::close(end);
  return !is_ready ? unknown : err == 0 ? 0 : err == EACCES ? operating_system : unknown;
}

}  // namespace

// Each of CUDA's functions first does what the environment asks of it.
#define OTHER_END                                                           \
  do {                                                                      \
    if (const auto end = other_end(__func__); end.has_value()) return *end; \
  } while (false)
#define READY                                          \
  do {                                                 \
    OTHER_END;                                         \
    if (const int why = ready(); why != 0) return why; \
  } while (false)

extern "C" {

int cuDriverGetVersion(int* version) {
  OTHER_END;
  *version = 12080;
  return 0;
}

int cuInit(unsigned flags) {
  if (const char* node = std::getenv("LOCKSTEP_STAND_IN_NODE")) ::mknod(node, S_IFCHR | 0666, makedev(195, 255));
  OTHER_END;
  const int result = flags != 0 ? invalid_value : name_a_thread();
  state().initialized = result == 0;
  return result;
}

int cuDeviceGetCount(int* count) {
  OTHER_END;
  *count = 2;
  return 0;
}

int cuDeviceGet(int* device, int ordinal) {
  OTHER_END;
  if (!state().initialized) return not_initialized;
  *device = ordinal;
  return ordinal == 0 || ordinal == 1 ? 0 : invalid_device;
}

int cuDevicePrimaryCtxRetain(void** context, int device) {
  OTHER_END;
  if (!state().initialized) return not_initialized;
  if (device != 0) return invalid_device;
  state().retained = true;
  *context = &state();
  return 0;
}

int cuCtxSetCurrent(void* context) {
  OTHER_END;
  if (!state().retained || context != &state()) return invalid_context;
  state().current = true;
  return 0;
}

int cuMemAlloc_v2(unsigned long long* address, std::size_t bytes) {
  READY;
  std::uint64_t made = 0;
  const int result = state().device.allocate(&made, bytes);
  *address = made;
  return result;
}

int cuMemFree_v2(unsigned long long address) {
  READY;
  return state().device.release(address);
}

int cuMemcpyHtoD_v2(unsigned long long to, const void* from, std::size_t bytes) {
  READY;
  return state().device.write(to, from, bytes);
}

int cuMemcpyDtoH_v2(void* to, unsigned long long from, std::size_t bytes) {
  READY;
  return state().device.read(from, to, bytes);
}

int cuModuleLoadData(void** module, const void* image) {
  READY;
  PtxKernel* kernel = nullptr;
  const int result = state().device.load(static_cast<const char*>(image), &kernel);
  *module = kernel;
  return result;
}

int cuModuleGetFunction(void** function, void* module, const char* name) {
  READY;
  auto* kernel = static_cast<PtxKernel*>(module);
  if (!state().device.has(kernel)) return invalid_value;
  *function = kernel;
  return kernel->name == name ? 0 : not_found;
}

int cuModuleUnload(void* module) {
  READY;
  return state().device.unload(static_cast<PtxKernel*>(module));
}

int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned /*shared*/, void* stream, void** parameters,
                   void** extra) {
  READY;
  const auto* kernel = static_cast<PtxKernel*>(function);
  if (!state().device.has(kernel) || grid_y * grid_z * block_y * block_z != 1 || stream != nullptr || extra != nullptr)
    return invalid_value;
  Launch launch{kernel, grid_x, block_x, {}};
  for (std::size_t i = 0; i < kernel->parameters.size(); ++i) {
    std::uint64_t value = 0;
    std::memcpy(&value, parameters[i], kernel->parameters[i].bytes);
    launch.parameters.push_back(value);
  }
  return state().device.launch(launch);
}

int cuCtxSynchronize() {
  READY;
  return state().device.wait();
}

// What was not given back by then is an error here, so that a program that forgets is told.
int cuDevicePrimaryCtxRelease_v2(int device) {
  READY;
  if (device != 0 || !state().device.empty()) return invalid_value;
  state().retained = state().current = false;
  return 0;
}

}  // extern "C"
