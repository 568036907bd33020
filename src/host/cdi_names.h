// The names of CDI: kinds, devices, versions and permissions. A name is refused where either SPEC.md or the runtimes
// refuse it.
//
//   fault_of_kind("vendor.com/gpu/x");       // "the class \"gpu/x\" ..."; "" where a kind is well formed
//   released_version("v0.5.0");              // the 3rd released version; empty for 0.9.0, which never was one
#ifndef LOCKSTEP_HOST_CDI_NAMES_H_
#define LOCKSTEP_HOST_CDI_NAMES_H_

#include <optional>
#include <string>
#include <string_view>

namespace lockstep {

// "vendor/class": the vendor a DNS subdomain that begins with a letter, the class at most 63 letters, digits,
// - _ . that begins with a letter.
std::string fault_of_kind(std::string_view kind);
// Letters, digits, - _ . and : (as in MIG's 0:1), a letter or digit at both ends.
std::string fault_of_device_name(std::string_view name);

// In order: what a spec may use grows with each.
enum class CdiVersion { v0_3, v0_4, v0_5, v0_6, v0_7, v0_8, v1_0, v1_1 };
// Only released versions ("0.9.0" and "0.5.1" never were). A leading v is passed over, as in runtimes.
std::optional<CdiVersion> released_version(std::string_view text);
std::string_view name(CdiVersion version);  // "0.3.0"
std::string released_versions();            // "0.3.0, ..., 1.1.0"

// "rwm", "r", "" (all three), "none".
bool is_permissions(std::string_view text);

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_CDI_NAMES_H_
