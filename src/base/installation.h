// Where what belongs to a program lies, from where the program itself lies:
//
//   bin/lockstep  bin/lockstep-verify               fixtures/                   built, or carried to another machine
//   bin/lockstep  libexec/lockstep/lockstep-verify  share/lockstep/fixtures/    installed
#ifndef LOCKSTEP_BASE_INSTALLATION_H_
#define LOCKSTEP_BASE_INSTALLATION_H_

#include <string>

namespace lockstep {

// This program, by procfs; where that is missing, as it was started; empty where neither says.
std::string own_program();
// A program that ours start. Where it is nowhere: the path beside this one, for the message of whoever starts it.
std::string companion_program(const std::string& name);
// A file or folder of the fixtures, as "hosts". Where there are none: the path they have beside a program that was built.
std::string fixture_path(const std::string& name);

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_INSTALLATION_H_
