// Where this program lies, also where there is no /proc to ask.
#ifndef LOCKSTEP_BASE_EXECUTABLE_H_
#define LOCKSTEP_BASE_EXECUTABLE_H_

#include <string>

namespace lockstep {

// Without a /proc the path it was executed by: of the directory that it was started in. Empty: not known.
std::string executable_path();
// With its slash at the end; empty: not known.
std::string executable_directory();

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_EXECUTABLE_H_
