// What a policy is by itself: the words of its parts, its paths, and the one that is built in.
#include <algorithm>

#include <lockstep/policy.h>

namespace lockstep {
namespace {

constexpr std::string_view source_names[] = {"default", "gateway", "image", "user"};

}  // namespace

std::string_view name(Compatibility compatibility) {
  return compatibility == Compatibility::best_effort ? "best_effort" : "hard_requirement";
}
std::string_view name(Source source) {
  return source_names[static_cast<std::size_t>(source)];
}
std::string_view name(ConflictMode mode) {
  return mode == ConflictMode::promote ? "promote" : mode == ConflictMode::keep ? "keep" : "reject";
}
std::optional<Source> source_from_name(std::string_view text) {
  for (Source source : {Source::default_policy, Source::gateway, Source::image, Source::user})
    if (name(source) == text) return source;
  return std::nullopt;
}

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || directory == "/" || path[directory.size()] == '/');
}

std::string normalise_path(std::string_view path) {
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view component = path.substr(at, end - at);
    if (!component.empty() && component != ".") out.append("/").append(component);
    at = end + 1;
  }
  return out.empty() ? "/" : out;
}

const Policy& builtin_default_policy() {
  static const Policy policy = [] {
    Policy out;
    out.file = "(built-in default)";
    out.has_filesystem_policy = true;
    for (const char* path : {"/usr", "/lib", "/proc", "/dev/urandom", "/app", "/etc", "/var/log"})
      out.read_only.push_back({path, path, 0});
    for (const char* path : {"/tmp", "/dev/null"}) out.read_write.push_back({path, path, 0});
    return out;
  }();
  return policy;
}

}  // namespace lockstep
