// lint: the traps of a policy that decodes, runs, and does something else than its author meant.
//
//   LOCKSTEP_ASSIGN(std::vector<Finding> findings, lint(policy, {.context = context}));
//   findings[0].id, .severity, .line, .message, .fix;          // by line
//
// traps() is the table of all of them. A trap that only the machine can show (a link, a missing path, one object under
// two names, a user that is not there) asks this machine with stat(2), readlink(2) and its list of users where the
// context's host is real; else it asks the host file. No path of the policy is opened and nothing is changed. What the
// decoder and enrichment refuse stays their error.
#ifndef LOCKSTEP_LINT_LINT_H_
#define LOCKSTEP_LINT_LINT_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/effective.h>
#include <lockstep/error.h>

namespace lockstep::lint {

enum class Severity : std::uint8_t { note, warning, error };
std::string_view name(Severity severity);

struct Finding {
  std::string id;
  Severity severity = Severity::warning;
  int line = 0;          // 0: of the policy as a whole
  std::string path;      // normalised; may be empty
  std::string message;   // why, printable
  std::string fix;       // what to write instead
  bool fixable = false;  // fix.h can write it
};

class Subject;  // lint_subject.h
class Report;

struct Trap {
  std::string_view id;
  Severity severity;  // the usual one
  bool fixable;
  std::string_view about;  // in one line
  std::string_view fix;
  void (*find)(const Subject& subject, Report& report);
};

std::span<const Trap> traps();

struct LintOptions {
  Context context;
  bool host_given = false;             // the user named the host: what is missing there counts
  int oldest_abi = 2;                  // that the policy will meet: what OpenShell asks for
  std::vector<std::string> only = {};  // ids; empty: all
  std::vector<std::string> ignore = {};
};

Result<std::vector<Finding>> lint(const Policy& policy, const LintOptions& options);

// A sentence where run_as_user is a name that this machine does not know; else empty.
std::string unknown_user(const Policy& policy);

}  // namespace lockstep::lint

#endif  // LOCKSTEP_LINT_LINT_H_
