// The files of golden verdicts: small texts, to review and to keep. golden.h says what stands in them and why.
//
// One file a case, DIR/<name>.txt. Cells that come out alike stand together, under the identity and the answers. A cell
// that changes moves from one heading to another, so that a reviewer sees it as one line:
//
//   lockstep.golden/1 comm-with-proc-read-only
//
//   readiness
//     user 1-7: blocked: comm needs write_file on /proc/<pid>/task/<tid>/comm
//
//   settings
//     run_as_user: nobody
//
//   container-root, user: EACCES 3-7, allow 1-2
//     truncate /outside/sweep/9
//
// The numbers are plan ABIs.
#ifndef LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_FILE_H_
#define LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_FILE_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <lockstep/error.h>

namespace lockstep::conformance::golden {

inline constexpr char readiness_cell[] = "readiness";

// Of one case: by identity and cell name ("readiness" for the row's word), the answer at each plan ABI.
using GoldenKey = std::pair<std::string, std::string>;
using GoldenAnswers = std::map<GoldenKey, std::map<int, std::string>>;
using GoldenSettings = std::map<std::string, std::string>;  // golden_settings.h: those that are not at their defaults
struct Golden {
  GoldenAnswers answers;
  GoldenSettings settings;
};

std::string golden_to_text(const std::string& name, const Golden& golden);
Result<Golden> golden_from_text(const std::string& text, const std::string& name, const std::string& file);

struct GoldenFile {
  std::string path;
  std::string name;  // of the case, as its first line has it
};

// Every golden file of a directory, in order. A file that does not begin as one is passed over.
Result<std::vector<GoldenFile>> list_golden(const std::string& directory);
// The file of a case. A user's own policy is named by its path. Where no file has that path, one is taken whose path
// ends with it, or which it ends with (policy.yaml and dir/policy.yaml). Several that fit are an error. Where there is
// none, it is the file that --update would write.
Result<GoldenFile> find_golden(const std::string& directory, const std::string& name);
// None where there is no such file.
Result<std::optional<Golden>> load_golden(const GoldenFile& file);

}  // namespace lockstep::conformance::golden

#endif  // LOCKSTEP_CONFORMANCE_GOLDEN_GOLDEN_FILE_H_
