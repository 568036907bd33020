#include "landlock/access.h"

#include <array>

namespace lockstep {
namespace {

constexpr std::array<std::string_view, right_count> right_names = {
    "execute",   "write_file", "read_file",  "read_dir",   "remove_dir", "remove_file", "make_char", "make_dir",    "make_reg",
    "make_sock", "make_fifo",  "make_block", "make_sym",   "refer",      "truncate",    "ioctl_dev", "resolve_unix"};

}  // namespace

std::string_view name(Right right) { return right_names[static_cast<std::size_t>(right)]; }

std::optional<Right> right_from_name(std::string_view name) {
  for (std::size_t bit = 0; bit < right_names.size(); ++bit)
    if (right_names[bit] == name) return static_cast<Right>(bit);
  return std::nullopt;
}

std::vector<std::string> names(AccessSet set) {
  std::vector<std::string> out;
  for (std::size_t bit = 0; bit < right_names.size(); ++bit)
    if (set.contains(static_cast<Right>(bit))) out.emplace_back(right_names[bit]);
  return out;
}

std::string join_names(AccessSet set, std::string_view separator) {
  if (set.empty()) return "none";
  std::string out;
  for (const std::string& each : names(set)) {
    if (!out.empty()) out += separator;
    out += each;
  }
  return out;
}

}  // namespace lockstep
