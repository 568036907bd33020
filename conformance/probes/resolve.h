// Fills in a request's path tokens: "$scratch" at the start, "$sibling" (a pid) once anywhere.
#ifndef LOCKSTEP_CONFORMANCE_PROBES_RESOLVE_H_
#define LOCKSTEP_CONFORMANCE_PROBES_RESOLVE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep::conformance::probes {

std::string resolve_path(std::string_view path, std::string_view scratch, std::int32_t sibling);

}  // namespace lockstep::conformance::probes

#endif  // LOCKSTEP_CONFORMANCE_PROBES_RESOLVE_H_
