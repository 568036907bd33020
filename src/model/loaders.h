// What the kernel opens to execute beside a program itself: the interpreter that a script's first line names, and the
// loader that a dynamic ELF program names (PT_INTERP). Each is opened as the program is, so Landlock asks for the same
// rights on each.
//
//   Loaders loaders = read_loaders("/usr/bin/ldconfig");
//   loaders.paths == {"/bin/sh", "/lib64/ld-linux-x86-64.so.2"}
//
// Shared libraries are not listed: the loader opens them, and they need read_file alone. Formats of binfmt_misc are not
// looked up. Reads the files (regular ones alone, never more than a page of each); restricts and executes nothing.
#ifndef LOCKSTEP_MODEL_LOADERS_H_
#define LOCKSTEP_MODEL_LOADERS_H_

#include <string>
#include <vector>

namespace lockstep::model {

struct Loaders {
  std::vector<std::string> paths;  // in the order in which they are opened, as they are written in the files
  // Why the answer may be incomplete, in words: a file cannot be read, a path depends on the work directory. Empty: all
  // is known.
  std::string unknown;
  int error = 0;  // where it is known to be execve(2)'s answer then: ENOEXEC, ENOENT, ELOOP
};

Loaders read_loaders(const std::string& program);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_LOADERS_H_
