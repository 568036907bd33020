// The command line of lockstep-conformance, decoded and checked before anything runs.
#ifndef LOCKSTEP_CONFORMANCE_SUITE_OPTIONS_H_
#define LOCKSTEP_CONFORMANCE_SUITE_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include <lockstep/error.h>

#include "conformance/judge/case.h"
#include "host/context_flags.h"

namespace lockstep::conformance::suite {

struct Options {
  std::vector<std::string> policies;
  ContextFlags context;  // of the policies
  std::string fixtures;
  std::string abis = "all";               // native, all, or a list
  std::optional<gpu::Readiness> require;  // ready or degraded
  std::optional<double> min_tried;        // of the rows planned; 0 to 1
  std::string report;
  std::string reproduce;    // a row's name
  std::string surface;      // where to write lockstep.surface/1; runs nothing else
  std::string reclaim;      // where to write lockstep.reclaim/1, "-": nowhere; runs nothing else
  std::string golden;       // a directory of golden verdicts
  bool update = false;      // write them instead of holding the run against them
  unsigned soak = 0;        // seconds; runs nothing else
  std::string soak_report;  // where to write lockstep.soak/1
  bool mutants = false;
  bool steps = false;  // show every denied step and upgrade
  bool help = false;
  unsigned workers = 0;
};

// Takes its own flags out of argv and leaves GoogleTest's (--gtest_*), with argc adjusted.
Result<Options> parse_options(int* argc, char** argv, const std::string& default_fixtures);
const char* usage();

}  // namespace lockstep::conformance::suite

#endif  // LOCKSTEP_CONFORMANCE_SUITE_OPTIONS_H_
