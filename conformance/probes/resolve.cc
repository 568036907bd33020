#include "conformance/probes/resolve.h"

namespace lockstep::conformance::probes {

std::string resolve_path(std::string_view path, std::string_view scratch, std::int32_t sibling) {
  constexpr std::string_view scratch_token = "$scratch", sibling_token = "$sibling";
  const bool below_scratch = path.starts_with(scratch_token);
  std::string out(below_scratch ? path.substr(scratch_token.size()) : path);
  if (const std::size_t at = out.find(sibling_token); at != std::string::npos)
    out.replace(at, sibling_token.size(), std::to_string(sibling));
  if (below_scratch) out.insert(0, scratch);
  return out;
}

}  // namespace lockstep::conformance::probes
