// Policy: what a person wrote, decoded and checked, nothing added.
//
//   Result<Policy> policy = load_policy("sandbox.yaml");       // or decode_policy(text, name)
//   policy->read_only[0].path;                                 // "/usr", normalised; .written has the spelling
//
// The schema is OpenShell's (version, filesystem_policy, landlock, process, network_policies, network_middlewares) with
// extensions: filesystem_policy.grants, landlock.min_abi, runtime_baseline_conflicts, and restrictions.h. YAML and JSON
// go through one strict decoder: an unknown or duplicate key, a wrong type, an anchor or alias, a second document,
// invalid UTF-8, a relative path, `..` or the root in read_write is an error with file and line. Nothing here touches
// the file system but the two that load a file: whether a path exists, and what it is, is asked when a sandbox is
// opened (lockstep/sandbox.h).
#ifndef LOCKSTEP_POLICY_H_
#define LOCKSTEP_POLICY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/access_set.h>
#include <lockstep/error.h>
#include <lockstep/restrictions.h>

namespace lockstep {

enum class Compatibility { best_effort, hard_requirement };

// Who supplied the policy. Conflict rules can tell them apart.
enum class Source { default_policy, gateway, image, user };  // written default, gateway, image, user

enum class ConflictMode { promote, keep, reject };

// One path of a list, as normalised (no trailing, doubled or `.` components) and as written.
struct PathEntry {
  std::string path;
  std::string written;
  int line = 0;  // 1-based line in the policy file
};

// An extension: rights by name on one path. Three names stand for groups: read (what read_only grants), write (every
// right that read_only does not grant), all (both).
struct Grant {
  PathEntry entry;
  AccessSet access;  // never empty
  std::string reason;
  bool quiet = false;  // denials below the path are not logged
};

// What to do when an author's read_only entry meets a read-write baseline path.
struct ConflictRule {
  std::vector<std::string> paths;  // globs (fnmatch, FNM_PATHNAME) over normalised paths
  std::vector<Source> sources;     // empty: any
  ConflictMode mode = ConflictMode::keep;
  std::string file;  // where it stands, for messages; empty for the built-in rules
  int line = 0;
};

struct PolicyWarning {
  int line = 0;
  std::string message;
};

struct Policy {
  std::string file;  // as named by the user, for messages
  bool has_filesystem_policy = false;
  int filesystem_line = 0;      // 0: not written
  bool include_workdir = true;  // absent: false where filesystem_policy is present, true where it is missing
  std::vector<PathEntry> read_only;
  std::vector<PathEntry> read_write;
  std::vector<PathEntry> repeated;  // stood in the same list before, and were dropped
  std::vector<Grant> grants;
  Compatibility compatibility = Compatibility::best_effort;
  int min_abi = 2;
  int min_abi_line = 0;  // 0: not written
  Restrictions restrictions;
  std::string run_as_user;  // empty: not written
  int run_as_user_line = 0;
  std::string run_as_group;           // empty: not written
  bool has_network_policies = false;  // non-empty network_policies: proxy mode
  // network_policies and network_middlewares as one text, alike where they say the same; empty: neither. It may hold
  // secrets: it is compared and never printed, and leaves the process in no form.
  std::string network;
  std::string network_summary;  // what may be printed of it: how many entries each has
  std::vector<ConflictRule> conflicts;
  std::vector<PolicyWarning> warnings;  // more than 256 paths, say
};

std::string_view name(Compatibility compatibility);
std::string_view name(Source source);
std::string_view name(ConflictMode mode);
std::optional<Source> source_from_name(std::string_view name);

// `name` says which syntax: JSON where it ends in .json, else YAML (which a JSON text also is, mostly).
Result<Policy> decode_policy(std::string_view text, const std::string& name);
// A regular file, or "-" for standard input; at most policy_size_limit bytes.
Result<Policy> load_policy(const std::string& path);
inline constexpr std::size_t policy_size_limit = 4U << 20;

// The policy used where none is given: OpenShell's own defaults.
const Policy& builtin_default_policy();

// An administrator's file: a mapping with the one key runtime_baseline_conflicts.
Result<std::vector<ConflictRule>> decode_conflicts(std::string_view text, const std::string& name);
Result<std::vector<ConflictRule>> load_conflicts(const std::string& path);

// "/proc/" and "//proc/./" are "/proc". Expects an absolute path; leaves `..` alone (the decoder refuses it).
std::string normalise_path(std::string_view path);
// Whether the path is the directory or anything below it; both normalised.
bool is_below(std::string_view path, std::string_view directory);

}  // namespace lockstep

#endif  // LOCKSTEP_POLICY_H_
