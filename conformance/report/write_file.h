// A file written whole or not at all.
//
//   LOCKSTEP_CHECK(check_report_path(path));   // asked before anything runs
//   LOCKSTEP_CHECK(write_file(path, text));
//   LOCKSTEP_CHECK(write_file(path, [&](const Sink& sink) { return sink(a_part); }));   // of what is too large to hold
//
// A regular file is written under another name beside it and renamed. A reader never sees half of it. Where writing
// fails (a full disk, a limit) or a signal comes, the old file is still there and nothing else. If a pipe or a terminal
// is there, it is written into. Errors are `system`.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_WRITE_FILE_H_
#define LOCKSTEP_CONFORMANCE_REPORT_WRITE_FILE_H_

#include <functional>
#include <string>
#include <string_view>

#include <lockstep/error.h>

namespace lockstep::conformance::report {

using Sink = std::function<Result<void>(std::string_view)>;
Result<void> write_file(const std::string& path, const std::string& text);
// In parts: a signal that would end this process ends it between two of them, and nothing is left.
Result<void> write_file(const std::string& path, const std::function<Result<void>(const Sink&)>& produce);
// Removes the report of an earlier run, or empties it where the name is a link: it says nothing of this run.
Result<void> clear_report(const std::string& path);
// Fails (input) where a report could not be written there later; else clears it.
Result<void> check_report_path(const std::string& path);

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_WRITE_FILE_H_
