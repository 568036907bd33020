#include "conformance/probes/resolve.h"

namespace lockstep::conformance {

std::string resolve_path(std::string_view path, std::string_view scratch, std::int32_t sibling) {
  constexpr std::string_view scratch_token = "$scratch", sibling_token = "$sibling";
  std::string out;
  if (path.starts_with(scratch_token)) {
    out = scratch;
    path.remove_prefix(scratch_token.size());
  }
  out += path;
  if (const std::size_t at = out.find(sibling_token); at != std::string::npos)
    out.replace(at, sibling_token.size(), std::to_string(sibling));
  return out;
}

}  // namespace lockstep::conformance
