#include "host/cdi_names.h"

#include <algorithm>
#include <array>

#include <lockstep/error.h>

namespace lockstep {
namespace {

constexpr std::array<std::string_view, 8> version_names = {"0.3.0", "0.4.0", "0.5.0", "0.6.0",
                                                           "0.7.0", "0.8.0", "1.0.0", "1.1.0"};
constexpr std::size_t longest_label = 63, longest_vendor = 253;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_alphanumeric(char c) {
  return is_letter(c) || (c >= '0' && c <= '9');
}

bool has_only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
}

bool is_dns_label(std::string_view label) {
  return !label.empty() && label.size() <= longest_label && has_only(label, "-") && is_alphanumeric(label.front()) &&
         is_alphanumeric(label.back());
}

bool is_vendor(std::string_view vendor) {
  if (vendor.empty() || vendor.size() > longest_vendor || !is_letter(vendor.front())) return false;
  for (std::size_t at = 0; at <= vendor.size();) {
    const std::size_t end = std::min(vendor.find('.', at), vendor.size());
    if (!is_dns_label(vendor.substr(at, end - at))) return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

std::string fault_of_kind(std::string_view kind) {
  const std::size_t slash = kind.find('/');
  const std::string example = ": write vendor/class, as nvidia.com/gpu";
  if (slash == std::string_view::npos) return "\"" + printable(kind.substr(0, 80)) + "\" has no vendor" + example;
  const std::string_view vendor = kind.substr(0, slash), of_kind = kind.substr(slash + 1);
  if (!is_vendor(vendor))
    return "the vendor \"" + printable(vendor.substr(0, 80)) + "\" is no DNS name that begins with a letter" + example;
  if (of_kind.empty() || of_kind.size() > longest_label || !is_letter(of_kind.front()) ||
      !is_alphanumeric(of_kind.back()) || !has_only(of_kind, "-_."))
    return "the class \"" + printable(of_kind.substr(0, 80)) +
           "\" is not 1 to 63 letters, digits, - _ or . with a letter first and a letter or digit last" + example;
  return "";
}

std::string fault_of_device_name(std::string_view name) {
  if (name.empty()) return "a device's name is empty";
  if (is_alphanumeric(name.front()) && is_alphanumeric(name.back()) && has_only(name, "-_.:")) return "";
  return "\"" + printable(name.substr(0, 80)) +
         "\" is no device name: write letters, digits, - _ . or :, with a letter or digit at both ends";
}

std::optional<CdiVersion> released_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto* const found = std::find(version_names.begin(), version_names.end(), text);
  if (found == version_names.end()) return std::nullopt;
  return static_cast<CdiVersion>(found - version_names.begin());
}

std::string_view name(CdiVersion version) {
  return version_names.at(static_cast<std::size_t>(version));
}

std::string released_versions() {
  std::string out;
  for (const std::string_view each : version_names) out += (out.empty() ? "" : ", ") + std::string(each);
  return out;
}

bool is_permissions(std::string_view text) {
  return text == "none" || text.find_first_not_of("rwm") == std::string_view::npos;
}

}  // namespace lockstep
