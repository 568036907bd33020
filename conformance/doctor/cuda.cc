#include "conformance/doctor/cuda.h"

#include <signal.h>

#include <algorithm>
#include <cstring>

#include <lockstep/error.h>
#include <lockstep/rights.h>

#include "conformance/wire/cu_result.h"

namespace lockstep::conformance::doctor {
namespace {

// Results that tell one cause from another, and what is to be done where the driver itself answers so.
struct Known {
  int result;
  const char* name;
  const char* remedy;
};
constexpr Known known[] = {
    {0, "CUDA_SUCCESS", ""},
    {1, "CUDA_ERROR_INVALID_VALUE", ""},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "nvidia-smi shows who holds the memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", ""},
    {34, "CUDA_ERROR_STUB_LIBRARY", "libcuda.so.1 is the toolkit's stub: take its directory out of LD_LIBRARY_PATH"},
    {100, "CUDA_ERROR_NO_DEVICE", "nvidia-smi -L; CUDA_VISIBLE_DEVICES may hide every device"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "CUDA_VISIBLE_DEVICES names a device that is not here"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", ""},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", ""},
    {218, "CUDA_ERROR_INVALID_PTX", ""},
    {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "install libnvidia-ptxjitcompiler.so.1 of the driver's own version"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the driver is older than the program's PTX: update the driver"},
    {304, "CUDA_ERROR_OPERATING_SYSTEM", "strace -f -e trace=%file,ioctl PROGRAM shows the call that failed"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "dmesg | grep -i xid"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "on a Jetson board: /sys must be readable"},
    {802, "CUDA_ERROR_SYSTEM_NOT_READY", "sudo systemctl start nvidia-fabricmanager"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
     "libcuda and the kernel's module are of different versions: install both from one release, then reboot"},
    {804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
     "this GPU takes no forward-compatible libcuda: use the driver's own"},
    {805, "CUDA_ERROR_MPS_CONNECTION_FAILED",
     "an MPS control daemon answers, and has no device for it: echo quit | nvidia-cuda-mps-control, and start it again "
     "where the GPU "
     "is; or point CUDA_MPS_PIPE_DIRECTORY at another directory"},
    {806, "CUDA_ERROR_MPS_RPC_FAILURE", "echo quit | nvidia-cuda-mps-control, and start the daemon again"},
    {807, "CUDA_ERROR_MPS_SERVER_NOT_READY", "wait for the MPS server, or look at its log: /var/log/nvidia-mps"},
    {808, "CUDA_ERROR_MPS_MAX_CLIENTS_REACHED", "the MPS server has all the clients it takes: end one"},
    {809, "CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED", "the MPS server has all the connections it takes: end a client"},
    {999, "CUDA_ERROR_UNKNOWN", "sudo nvidia-modprobe -u -c 0; dmesg | grep -i nvrm"},
};

const Known* find(int result) {
  for (const Known& each : known)
    if (each.result == result) return &each;
  return nullptr;
}

Finding found(Layer layer, std::string sentence, std::string remedy, std::string by) {
  return {{layer}, std::move(sentence), std::move(remedy), std::move(by)};
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

AccessSet rights_of(const std::string& blockers) {
  AccessSet out;
  for (std::size_t start = 0; start < blockers.size();) {
    const std::size_t comma = std::min(blockers.find(',', start), blockers.size());
    const std::string word = blockers.substr(start, comma - start);
    if (const auto right = word.starts_with("fs.") ? right_from_name(word.substr(3)) : std::nullopt) out |= *right;
    start = comma + 1;
  }
  return out;
}

bool is_landlock(const Finding& finding) {
  return std::count(finding.layers.begin(), finding.layers.end(), Layer::landlock) > 0;
}

// CUDA fails before any policy.
Finding without_policy(const CudaEvidence& seen) {
  const CudaAnswer& said = seen.without;
  const std::string what = "without the policy CUDA says " + said.text;
  if (said.signal == SIGSYS)
    return found(Layer::seccomp, what + ": a seccomp filter ended it",
                 "allow CUDA's calls in the filter: docker run --security-opt seccomp=PROFILE.json", "signal");
  if (!said.loaded)
    return found(Layer::missing_path, what,
                 "install the driver's user-space library, or name its directory in LD_LIBRARY_PATH", "dlerror");
  for (const Finding& step : seen.failing)
    if (!is_landlock(step))
      return {step.layers, what + ", and a step of its start-up fails as well: " + step.sentence, step.remedy, step.by};
  const Known* entry = find(said.result);
  return found(Layer::driver, what + ", and every step of its start-up passes: the driver itself",
               entry != nullptr ? entry->remedy : "dmesg | grep -i nvrm", "CUDA");
}

std::string records_text(const std::vector<DenialRecord>& records) {
  std::string out;
  for (const DenialRecord& record : records) out += (out.empty() ? "" : ", ") + record.blockers + " on " + record.path;
  return out;
}

Finding under_policy(const CudaEvidence& seen) {
  const std::string what = "under the policy CUDA says " + seen.under.text;
  if (!seen.records.empty()) {
    std::string remedy;
    for (const DenialRecord& record : seen.records) {
      const std::string line = policy_line(record.path, rights_of(record.blockers), record.path.starts_with("/dev/"));
      if (!line.empty() && remedy.find(line) == std::string::npos) remedy += (remedy.empty() ? "" : "; ") + line;
    }
    return found(Layer::landlock, what + "; the kernel's audit records of it: " + records_text(seen.records), remedy,
                 "audit");
  }
  if (!seen.under.loaded)
    return found(Layer::landlock, what,
                 seen.libcuda.empty() ? "" : policy_line(folder_of(seen.libcuda), access_read_only, false), "dlerror");
  for (const Finding& step : seen.failing)
    if (is_landlock(step))
      return {
          {Layer::landlock}, what + ", and a step of its start-up is denied: " + step.sentence, step.remedy, "model"};
  return found(Layer::landlock, what + ", though no fatal step is denied: it touches a path that the steps do not know",
               "boot with audit=1, and the kernel names it; or: lockstep exec POLICY -- strace -f -e "
               "trace=%file,ioctl PROGRAM",
               "control");
}

}  // namespace

CudaAnswer cuda_answer(const wire::CellReply& cell, const std::string& message) {
  const wire::CuResult end = wire::cu_result(cell);
  CudaAnswer out;
  out.loaded = end.outcome != wire::CuOutcome::not_loaded;
  out.succeeded = end.succeeded();
  out.stage = wire::name(end.stage);
  switch (end.outcome) {
    case wire::CuOutcome::returned:
      out.result = end.result;
      out.text = cuda_result_name(end.result);
      break;
    case wire::CuOutcome::not_loaded:
      out.text = "libcuda.so.1 could not be loaded (" + printable(message) + ")";
      break;
    case wire::CuOutcome::signalled: {
      const char* abbreviation = ::sigabbrev_np(end.result);
      out.signal = end.result;
      out.text = "killed by signal " + std::to_string(end.result) +
                 (abbreviation != nullptr ? std::string(" (SIG") + abbreviation + ")" : "");
      break;
    }
    case wire::CuOutcome::exited:
      out.text = "the process exited with " + std::to_string(end.result);
      break;
    case wire::CuOutcome::timed_out:
      out.timed_out = true;
      out.text = "timed out";
      break;
    case wire::CuOutcome::missing_symbol:
    case wire::CuOutcome::wrong_value:
      out.text = printable(message);
      break;
    default:
      out.text = "nothing";
      break;
  }
  if (!out.succeeded && out.loaded && end.stage > wire::CuStage::init) out.text += " at " + out.stage;
  if (end.outcome == wire::CuOutcome::returned) {
    out.driver_version = end.driver_version;
    out.devices = end.devices;
  }
  return out;
}

std::string cuda_result_name(int result) {
  const Known* entry = find(result);
  if (entry == nullptr) return "CUDA error " + std::to_string(result);
  return std::string(entry->name) + (result == 0 ? "" : " (" + std::to_string(result) + ")");
}

Finding attribute_cuda(const CudaEvidence& evidence) {
  return evidence.without.succeeded ? under_policy(evidence) : without_policy(evidence);
}

}  // namespace lockstep::conformance::doctor
