#include <array>

#include <lockstep/rights.h>

namespace lockstep {
namespace {

constexpr std::array<std::string_view, right_count> right_names = {
    "execute",   "write_file", "read_file", "read_dir",  "remove_dir",  "remove_file",
    "make_char", "make_dir",   "make_reg",  "make_sock", "make_fifo",   "make_block",
    "make_sym",  "refer",      "truncate",  "ioctl_dev", "resolve_unix"};
constexpr std::array<std::string_view, net_right_count> net_right_names = {"bind_tcp", "connect_tcp", "bind_udp",
                                                                           "connect_send_udp"};
constexpr std::array<std::string_view, scope_count> scope_names = {"abstract_unix_socket", "signal"};
constexpr std::array<std::string_view, restrict_flag_count> flag_names = {
    "log_same_exec_off", "log_new_exec_on", "log_subdomains_off", "tsync", "no_new_privs"};

template <typename Bit, std::size_t n>
std::optional<Bit> find(const std::array<std::string_view, n>& names, std::string_view wanted) {
  for (std::size_t bit = 0; bit < n; ++bit)
    if (names[bit] == wanted) return static_cast<Bit>(bit);
  return std::nullopt;
}

template <typename Bit, std::size_t n>
std::vector<std::string> pick(const std::array<std::string_view, n>& names, BitSet<Bit> set) {
  std::vector<std::string> out;
  for (std::size_t bit = 0; bit < n; ++bit)
    if (set.contains(static_cast<Bit>(bit))) out.emplace_back(names[bit]);
  return out;
}

}  // namespace

std::string_view name(Right right) {
  return right_names[static_cast<std::size_t>(right)];
}
std::string_view name(NetRight right) {
  return net_right_names[static_cast<std::size_t>(right)];
}
std::string_view name(Scope scope) {
  return scope_names[static_cast<std::size_t>(scope)];
}
std::string_view name(RestrictFlag flag) {
  return flag_names[static_cast<std::size_t>(flag)];
}

std::optional<Right> right_from_name(std::string_view name) {
  return find<Right>(right_names, name);
}
std::optional<NetRight> net_right_from_name(std::string_view name) {
  return find<NetRight>(net_right_names, name);
}
std::optional<Scope> scope_from_name(std::string_view name) {
  return find<Scope>(scope_names, name);
}

std::vector<std::string> names(AccessSet set) {
  return pick(right_names, set);
}
std::vector<std::string> names(NetSet set) {
  return pick(net_right_names, set);
}
std::vector<std::string> names(ScopeSet set) {
  return pick(scope_names, set);
}
std::vector<std::string> names(RestrictFlags set) {
  return pick(flag_names, set);
}

std::string join(const std::vector<std::string>& names, std::string_view separator) {
  if (names.empty()) return "none";
  std::string out;
  for (const std::string& each : names) {
    if (!out.empty()) out += separator;
    out += each;
  }
  return out;
}

}  // namespace lockstep
