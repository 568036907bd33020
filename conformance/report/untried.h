// Why a row could not be tried on this machine, and what to do about it.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_UNTRIED_H_
#define LOCKSTEP_CONFORMANCE_REPORT_UNTRIED_H_

#include <string>

#include "conformance/report/report.h"

namespace lockstep::conformance::report {

// What decides whether a mount namespace can be had, as this process sees it.
struct Surroundings {
  bool privileged = false;       // root with capabilities; else a user namespace is tried
  bool sys_admin = false;        // CAP_SYS_ADMIN is effective
  bool chrooted = false;         // the root directory is no mount point
  bool filtered = false;         // a seccomp filter is in force
  bool no_userns = false;        // user.max_user_namespaces is 0, or kernel.unprivileged_userns_clone
  bool apparmor_userns = false;  // kernel.apparmor_restrict_unprivileged_userns
};
Surroundings read_surroundings(bool privileged);

// The cause and the remedy, from the errno of trying.
std::string why_no_namespace(int err, const Surroundings& around);

// Why a row was skipped: why_no_namespace() where the row needs a namespace, else what the worker says is missing.
std::string cause_of(const Run& run, const JudgedRow& judged);

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_UNTRIED_H_
