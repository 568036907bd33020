#include <lockstep/restrictions.h>
#include <lockstep/rights.h>

namespace lockstep {

RestrictFlags LogSettings::flags() const {
  RestrictFlags out;
  if (!same_exec) out |= RestrictFlag::log_same_exec_off;
  if (new_exec) out |= RestrictFlag::log_new_exec_on;
  if (!subdomains) out |= RestrictFlag::log_subdomains_off;
  return out;
}

std::string Restrictions::ports_of(NetRight right, std::string_view separator) const {
  if (!net.contains(right)) return "any";
  std::vector<std::string> out;
  for (const PortRule& rule : ports)
    if (rule.right == right) out.push_back(std::to_string(rule.port));
  return join(out, separator);
}

std::string to_yaml(const Restrictions& restrictions) {
  std::string out;
  if (!restrictions.scopes.empty()) out += "  scopes: [" + join(names(restrictions.scopes), ", ") + "]\n";
  if (!restrictions.net.empty()) out += "  ports:\n";
  for (int bit = 0; bit < net_right_count; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    if (!restrictions.net.contains(right)) continue;
    const std::string ports = restrictions.ports_of(right, ", ");
    out += "    " + std::string(name(right)) + ": [" + (ports == "none" ? "" : ports) + "]\n";
  }
  const auto word = [](bool value) { return value ? std::string("true") : std::string("false"); };
  const LogSettings& log = restrictions.log;
  if (log != LogSettings{})
    out += "  log: {same_exec: " + word(log.same_exec) + ", new_exec: " + word(log.new_exec) +
           ", subdomains: " + word(log.subdomains) + "}\n";
  if (restrictions.all_threads) out += "  threads: all\n";
  return out;
}

}  // namespace lockstep
