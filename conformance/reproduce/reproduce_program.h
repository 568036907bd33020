// The C program behind reproduce(), whole, as text: reproduce_program.c, embedded by CMake. It includes
// "reproduce_row.h", a file that does not exist: the row's own tables stand there in what reproduce() prints.
#ifndef LOCKSTEP_CONFORMANCE_REPRODUCE_REPRODUCE_PROGRAM_H_
#define LOCKSTEP_CONFORMANCE_REPRODUCE_REPRODUCE_PROGRAM_H_

namespace lockstep::conformance::reproduce {

extern const char reproduce_program[];

}  // namespace lockstep::conformance::reproduce

#endif  // LOCKSTEP_CONFORMANCE_REPRODUCE_REPRODUCE_PROGRAM_H_
