// lockstep host: this machine as a host file.
#include "cli/cli.h"

namespace lockstep::cli {

int run_host(int argc, char** argv) {
  const Result<Arguments> arguments = parse_arguments(argc, argv, {"text", "json"}, false);
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help)
    return print(
        "usage: lockstep host [--format text|json]\n\nWhat this machine offers a policy: GPU, device nodes, baseline "
        "paths, Landlock.\n"
        "The JSON is a host file (lockstep.host/1): another machine can take it with --host.\n");
  if (!arguments->rest.empty()) return complain(usage_error("host takes no argument"));
  const Host& host = arguments->context.host;
  if (arguments->format == "json") return print(host_to_json(host));
  std::string out = "gpu       " + std::string(name(host.gpu)) + "\n";
  for (const std::string& node : host.gpu_nodes) out += "node      " + printable(node) + "\n";
  out += host.kernel
             ? "landlock  ABI " + std::to_string(host.kernel->abi) + ", errata " + std::to_string(host.kernel->errata) +
                   "\n"
             : "landlock  none: " +
                   (query_kernel().ok() ? std::string("not in the host file") : query_kernel().error().message) + "\n";
  if (host.kernel) out += errata_text(*host.kernel, "          ");
  for (const HostEntry& entry : host.present)
    out += "present   " + printable(entry.path) + " (" + std::string(name(entry.kind)) + ")\n";
  for (const std::string_view path : baseline_paths())
    if (!host.exists(path)) out += "absent    " + std::string(path) + "\n";
  return print(out);
}

}  // namespace lockstep::cli
