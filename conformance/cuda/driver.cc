#include "conformance/cuda/driver.h"

#include <cstdarg>
#include <cstdio>

namespace lockstep::conformance::cuda {

const char work_entry[] = "lockstep_work";
const char work_ptx[] = R"(.version 6.0
.target sm_50
.address_size 64

.visible .entry lockstep_work(.param .u64 input, .param .u64 output, .param .u32 count)
{
  .reg .pred %p1;
  .reg .b32 %r<7>;
  .reg .b64 %rd<4>;

  ld.param.u64 %rd1, [input];
  ld.param.u64 %rd2, [output];
  ld.param.u32 %r1, [count];
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.u32 %r5, %r2, %r3, %r4;
  setp.ge.u32 %p1, %r5, %r1;
  @%p1 bra end;
  cvta.to.global.u64 %rd1, %rd1;
  cvta.to.global.u64 %rd2, %rd2;
  mul.wide.u32 %rd3, %r5, 4;
  add.u64 %rd1, %rd1, %rd3;
  add.u64 %rd2, %rd2, %rd3;
  ld.global.u32 %r6, [%rd1];
  mad.lo.u32 %r6, %r6, 3, %r5;
  st.global.u32 [%rd2], %r6;
end:
  ret;
}
)";

namespace {

constexpr std::uint32_t count = 1000, block = 128;  // the last block is not full: the kernel must look at its bound
constexpr std::uint32_t grid = (count + block - 1) / block;

std::uint32_t input_at(std::uint32_t salt, std::uint32_t i) {
  return salt * 2654435761U + i * 40503U;
}

}  // namespace

void Report::say(const char* format, ...) const {
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, size, format, arguments);
  va_end(arguments);
}

void Driver::at(wire::CuStage stage) {
  result_.stage = stage;
  report_.show(result_);
}

bool Driver::fail(wire::CuOutcome outcome, int value) {
  result_.outcome = outcome;
  result_.result = value;
  failed_ = true;
  return false;
}

void Driver::forgive() {
  report_.say("%s", "");
  result_.outcome = wire::CuOutcome::proved, result_.result = 0, failed_ = false;
}

const wire::CuResult& Driver::finish() {
  if (!failed_) result_.outcome = wire::CuOutcome::returned, result_.result = 0;
  report_.show(result_);
  return result_;
}

bool Driver::load() {
  at(wire::CuStage::load);
  library_ = ::dlopen("libcuda.so.1", RTLD_NOW);
  if (library_ != nullptr && ::dlsym(library_, "cuInit") != nullptr) return true;
  const char* why = ::dlerror();
  report_.say("%s", why != nullptr ? why : "no cuInit in it");
  return fail(wire::CuOutcome::not_loaded, 0);
}

bool Driver::init() {
  if (!call(wire::CuStage::version, "cuDriverGetVersion", &result_.driver_version)) {
    result_.driver_version = 0;
    forgive();
  }
  return call(wire::CuStage::init, "cuInit", 0U);
}

void Driver::count_devices() {
  if (!call(wire::CuStage::count, "cuDeviceGetCount", &result_.devices)) {
    result_.devices = 0;
    forgive();
  }
  at(wire::CuStage::init);
}

bool Driver::work(std::uint32_t salt) {
  // Static: a page or two of stack is all that may be left under a small RLIMIT_STACK.
  static std::uint32_t values[count];
  const std::size_t bytes = sizeof(values);
  int device = 0;
  void *context = nullptr, *module = nullptr, *function = nullptr, *const no_stream = nullptr;
  void** const no_extra = nullptr;
  unsigned long long input = 0, output = 0;
  std::uint32_t number = count;
  void* parameters[] = {&input, &output, &number};

  if (!call(wire::CuStage::count, "cuDeviceGetCount", &result_.devices)) return false;
  const bool ready = call(wire::CuStage::device, "cuDeviceGet", &device, 0) &&
                     call(wire::CuStage::context, "cuDevicePrimaryCtxRetain", &context, device) &&
                     call(wire::CuStage::context, "cuCtxSetCurrent", context) &&
                     call(wire::CuStage::allocate, "cuMemAlloc_v2", &input, bytes) &&
                     call(wire::CuStage::allocate, "cuMemAlloc_v2", &output, bytes);
  if (!ready) return false;
  // Neither buffer holds, before the launch, what is expected after it.
  for (std::uint32_t i = 0; i < count; ++i) values[i] = input_at(salt, i) * 3 + i + 1;
  if (!call(wire::CuStage::copy_in, "cuMemcpyHtoD_v2", output, static_cast<const void*>(values), bytes)) return false;
  for (std::uint32_t i = 0; i < count; ++i) values[i] = input_at(salt, i);
  if (!call(wire::CuStage::copy_in, "cuMemcpyHtoD_v2", input, static_cast<const void*>(values), bytes)) return false;
  const bool launched = call(wire::CuStage::module, "cuModuleLoadData", &module, static_cast<const void*>(work_ptx)) &&
                        call(wire::CuStage::module, "cuModuleGetFunction", &function, module, work_entry) &&
                        call(wire::CuStage::launch, "cuLaunchKernel", function, grid, 1U, 1U, block, 1U, 1U, 0U,
                             no_stream, static_cast<void**>(parameters), no_extra) &&
                        call(wire::CuStage::wait, "cuCtxSynchronize") &&
                        call(wire::CuStage::copy_out, "cuMemcpyDtoH_v2", static_cast<void*>(values), output, bytes);
  if (!launched || !compare(salt, values, count)) return false;
  return call(wire::CuStage::tear_down, "cuModuleUnload", module) &&
         call(wire::CuStage::tear_down, "cuMemFree_v2", input) &&
         call(wire::CuStage::tear_down, "cuMemFree_v2", output) &&
         call(wire::CuStage::tear_down, "cuDevicePrimaryCtxRelease_v2", device);
}

bool Driver::compare(std::uint32_t salt, const std::uint32_t* values, std::size_t number) {
  at(wire::CuStage::compare);
  for (std::uint32_t i = 0; i < number; ++i) {
    const std::uint32_t wanted = input_at(salt, i) * 3 + i;
    if (values[i] == wanted) continue;
    report_.say("out[%u] is %u, not %u", i, values[i], wanted);
    return fail(wire::CuOutcome::wrong_value, static_cast<int>(i));
  }
  return true;
}

}  // namespace lockstep::conformance::cuda
