// How far a run is, on standard error. On a terminal it is one line that is overwritten. In a log it is a line at the
// start, and one every ten seconds. Never on standard output, which may be another program's input.
//
//   Progress progress(rows.size(), "rows", Progress::to_standard_error());
//   progress.step();   // after each
#ifndef LOCKSTEP_CONFORMANCE_REPORT_PROGRESS_H_
#define LOCKSTEP_CONFORMANCE_REPORT_PROGRESS_H_

#include <functional>
#include <string>

namespace lockstep::conformance::report {

class Progress {
 public:
  struct Output {
    bool terminal = false;
    std::function<double()> seconds;                // since any moment; a test has its own clock
    std::function<void(const std::string&)> write;  // one write each
  };
  static Output to_standard_error();

  Progress(std::size_t total, std::string what, Output output);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // the terminal's line is wiped
  void step();

 private:
  void say();

  std::size_t total_;
  std::size_t done_ = 0;
  std::string what_;
  Output output_;
  double start_;
  double said_;
};

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_PROGRESS_H_
