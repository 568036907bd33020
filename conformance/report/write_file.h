// A file written whole or not at all.
//
//   LOCKSTEP_CHECK(check_report_path(path));   // asked before anything runs
//   LOCKSTEP_CHECK(write_file(path, text));
//
// A regular file is written beside itself and renamed: a reader never sees half of it, and where writing fails (a full disk, a limit)
// or a signal comes, what was there before still is, and nothing else. Anything else that is there, a pipe or a terminal, is
// written into. Errors are `system`.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_WRITE_FILE_H_
#define LOCKSTEP_CONFORMANCE_REPORT_WRITE_FILE_H_

#include <string>

#include <lockstep/error.h>

namespace lockstep::conformance::report {

Result<void> write_file(const std::string& path, const std::string& text);
// Fails (input) where a report, which is a regular file, could not be written later.
Result<void> check_report_path(const std::string& path);

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_WRITE_FILE_H_
