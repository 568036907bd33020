// Text for a terminal of some width.
#ifndef LOCKSTEP_CONFORMANCE_REPORT_WRAP_H_
#define LOCKSTEP_CONFORMANCE_REPORT_WRAP_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace lockstep::conformance::report {

// COLUMNS where it is set to a number, else what the terminal of standard output says; 0, any width, for a file and a
// pipe.
std::size_t terminal_width();

// Breaks lines longer than `width` at spaces. The rest is indented to stand below the text after the line's first word.
// A longer word stays whole: a path that is cut is useless. Colours take no room. 0: nothing is broken.
std::string wrap(std::string_view text, std::size_t width);

}  // namespace lockstep::conformance::report

#endif  // LOCKSTEP_CONFORMANCE_REPORT_WRAP_H_
