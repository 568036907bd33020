// lockstep abi: the table of Landlock's ABIs, and where the running kernel stands in it.

#include <lockstep/abi.h>
#include <lockstep/kernel.h>

#include "cli/cli.h"
#include "landlock/errata.h"
#include "syntax/json.h"

namespace lockstep::cli {
namespace {

bool has_erratum(const ErratumInfo& erratum, const KernelLandlock& kernel) {
  return (kernel.errata >> (erratum.number - 1) & 1) != 0;
}

std::string abi_json(const Result<KernelLandlock>& kernel) {
  Json out = {{"schema", "lockstep.abi/1"}, {"kernel", nullptr}, {"abis", Json::array()}, {"errata", Json::array()}};
  if (kernel.ok()) out["kernel"] = {{"abi", kernel->abi}, {"errata", kernel->errata}};
  for (const AbiInfo& info : abi_table())
    out["abis"].push_back({{"abi", info.abi},
                           {"kernel", info.kernel},
                           {"new", info.added},
                           {"on_gpu_hosts", info.on_gpu_hosts},
                           {"rights", names(info.fs)},
                           {"ports", names(info.net)},
                           {"scopes", names(info.scope)},
                           {"flags", names(info.flags)},
                           {"quiet", info.quiet}});
  for (const ErratumInfo& each : errata_table()) {
    out["errata"].push_back(
        {{"erratum", each.number}, {"abi", each.abi}, {"where_fixed", each.fixed}, {"fixed", nullptr}});
    if (kernel.ok()) out["errata"].back()["fixed"] = has_erratum(each, *kernel);
  }
  return out.dump(2) + "\n";
}

std::string pad(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string abi_text(const Result<KernelLandlock>& kernel) {
  std::string out = "  ABI  Linux  what is new, and what it means for a GPU policy\n";
  for (const AbiInfo& info : abi_table()) {
    const bool running =
        kernel.ok() && (info.abi == kernel->abi || (info.abi == newest_abi && kernel->abi > newest_abi));
    out += (running ? "> " : "  ") + pad(std::to_string(info.abi), 5) + pad(std::string(info.kernel), 7) +
           std::string(info.added) + "\n" + std::string(14, ' ') + std::string(info.on_gpu_hosts) + "\n";
  }
  if (!kernel.ok()) return out + "\nThis kernel: " + kernel.error().message + "\n";
  return out + "\n> This kernel has ABI " + std::to_string(kernel->abi) +
         (kernel->abi > newest_abi ? ", newer than this table" : "") + ".\n" + errata_text(*kernel, "");
}

}  // namespace

// Errata of ABIs newer than the kernel's are not its own.
std::string errata_text(const KernelLandlock& kernel, const std::string& indent) {
  std::string out;
  for (const ErratumInfo& each : errata_table())
    if (each.abi <= kernel.abi)
      out += indent + "erratum " + std::to_string(each.number) +
             (has_erratum(each, kernel) ? " is fixed: " : " is not known to be fixed: ") + std::string(each.fixed) +
             "\n";
  return out;
}

int run_abi(int argc, char** argv) {
  const Result<Arguments> arguments = parse_arguments(argc, argv, {"text", "json"}, false);
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help)
    return print(
        "usage: lockstep abi [--format text|json]\n\nEvery version of Landlock: the kernel that brought it, what is "
        "new, and what that means for a GPU policy.\n"
        "The running kernel's row is marked; its errata follow.\n");
  if (!arguments->rest.empty()) return complain(usage_error("abi takes no argument"));
  const Result<KernelLandlock> kernel = query_kernel();
  return print(arguments->format == "json" ? abi_json(kernel) : abi_text(kernel));
}

}  // namespace lockstep::cli
