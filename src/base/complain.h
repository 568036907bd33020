// How a program says that it cannot go on: one line on standard error, and the exit code that belongs to it.
//
//   name_program("lockstep doctor");          // main, once
//   if (!policy.ok()) return complain(policy.error());
#ifndef LOCKSTEP_BASE_COMPLAIN_H_
#define LOCKSTEP_BASE_COMPLAIN_H_

#include <string>

#include <lockstep/error.h>

namespace lockstep {

// What stands before every complaint; a string that stays.
void name_program(const char* name);

// "PROGRAM: FILE:LINE: message" on stderr. Returns exit_code_of(error).
int complain(const Error& error);
// 1 says that something was found; a system call that failed found nothing, and is 4.
int exit_code_of(const Error& error);

// An error of the command line: the message, and where to look.
Error usage_error(std::string message);

// Writes to stdout and checks that it could. Returns the exit code.
int print(const std::string& text);

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_COMPLAIN_H_
