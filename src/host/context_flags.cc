#include "host/context_flags.h"

#include <sys/stat.h>

#include "base/complain.h"

namespace lockstep {
namespace {

Result<Toggle> toggle(const Flag& flag) {
  if (flag.value == "auto") return Toggle::automatic;
  if (flag.value == "on") return Toggle::on;
  if (flag.value == "off") return Toggle::off;
  return usage_error(flag.name + " takes auto, on or off, not " + printable(flag.value));
}

}  // namespace

std::vector<std::string> context_flags() {
  return {"--host=", "--gpu=", "--proxy=", "--source=", "--workdir=", "--conflicts=", "--cdi=*", "--gpu-devices="};
}

Result<bool> take_context_flag(const Flag& flag, ContextFlags* out) {
  const std::string& value = flag.value;
  if (flag.name == "--host") {
    if (value.empty()) return usage_error("--host needs a value");
    out->host = value;
  } else if (flag.name == "--gpu") {
    LOCKSTEP_ASSIGN(out->gpu, toggle(flag));
  } else if (flag.name == "--proxy") {
    LOCKSTEP_ASSIGN(out->proxy, toggle(flag));
  } else if (flag.name == "--source") {
    const std::optional<Source> source = source_from_name(value);
    if (!source) return usage_error("--source takes default, gateway, image or user, not " + printable(value));
    out->source = *source;
  } else if (flag.name == "--workdir") {
    if (!value.starts_with('/'))
      return usage_error("--workdir takes an absolute path, not \"" + printable(value) + "\"");
    out->workdir = value;
  } else if (flag.name == "--conflicts") {
    if (value.empty()) return usage_error("--conflicts needs a value");
    out->conflicts = value;
  } else if (flag.name == "--cdi") {
    out->cdi.push_back(value);
  } else if (flag.name == "--gpu-devices") {
    if (value.empty()) return usage_error("--gpu-devices takes all, or names separated by commas");
    out->gpu_devices = value;
  } else {
    return false;
  }
  return true;
}

namespace {

bool is_this_machine(const ContextFlags& flags) {
  return flags.host.empty() || flags.host == "real";
}

// Whether enriching may ask the machine for anything, by a baseline, by a choice of devices or by the work directory.
// What brings the GPU baseline where nobody says it is a node of the driver.
bool asks_the_machine(const ContextFlags& flags, const Policy& policy) {
  if (!flags.cdi.empty() || !flags.gpu_devices.empty() || flags.workdir) return true;
  if (flags.proxy == Toggle::on || (flags.proxy == Toggle::automatic && policy.has_network_policies)) return true;
  if (flags.gpu != Toggle::automatic) return flags.gpu == Toggle::on;
  struct stat st;
  return ::stat("/dev/nvidiactl", &st) == 0 || ::stat("/dev/dxg", &st) == 0;
}

Result<Context> read_context(const ContextFlags& flags, bool reads_machine) {
  Context out;
  if (is_this_machine(flags)) {
    if (reads_machine) out.host = read_host();
    out.host.real = true;
  } else {
    LOCKSTEP_ASSIGN(out.host, load_host(flags.host));
  }
  out.gpu = flags.gpu;
  out.proxy = flags.proxy;
  out.source = flags.source;
  out.workdir = flags.workdir;
  if (!flags.conflicts.empty()) {
    LOCKSTEP_ASSIGN(out.administrator_conflicts, load_conflicts(flags.conflicts));
  }
  if (!flags.cdi.empty() || !flags.gpu_devices.empty())
    LOCKSTEP_CHECK(choose_devices(flags.cdi, flags.gpu_devices, &out));
  return out;
}

}  // namespace

Result<Context> make_context(const ContextFlags& flags) {
  return read_context(flags, true);
}

Result<Context> make_context(const ContextFlags& flags, const Policy& policy) {
  return read_context(flags, asks_the_machine(flags, policy));
}

}  // namespace lockstep
