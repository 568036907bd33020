// --gtest_output by way of memory: GoogleTest does not say whether it could write its file, so a full disk would be a
// pass.
//
//   LOCKSTEP_ASSIGN(GtestOutput output, GtestOutput::take_over(testing::GTEST_FLAG(output), &argc, argv));
//   testing::GTEST_FLAG(output) = output.flag();      // before InitGoogleTest
//   ... RUN_ALL_TESTS() ...
//   LOCKSTEP_CHECK(output.deliver());
//
// Takes what GoogleTest takes: xml and json, with a file, a directory (with a slash at its end) or nothing. Missing
// directories are made. A file that an earlier run left is removed at once. Between a flag and GTEST_OUTPUT the flag
// counts, and of two flags the last. Another format is an error here.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_GTEST_OUTPUT_H_
#define LOCKSTEP_CONFORMANCE_REPORT_GTEST_OUTPUT_H_

#include <string>

#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep::conformance::report {

class GtestOutput {
 public:
  // `from_environment`: what the flag is before the command line is read. The flags are taken out of argv.
  static Result<GtestOutput> take_over(const std::string& from_environment, int* argc, char** argv);
  // "xml:/proc/self/fd/3"; empty where nothing is asked for.
  std::string flag() const;
  // Writes what GoogleTest wrote; does nothing where no output is asked for. Fails (system) where the file cannot be
  // written, or GoogleTest wrote nothing.
  // `untold`: why the run is not green where no test ran that could say so (the totals count tests alone); one sentence
  // without quotes. It becomes the one failure of the document.
  Result<void> deliver(const std::string& untold = "") const;

 private:
  Result<void> write(const std::string& text) const;

  std::string format_;
  std::string path_;
  UniqueFd memory_;
};

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_GTEST_OUTPUT_H_
