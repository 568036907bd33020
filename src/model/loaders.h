// What the kernel opens to execute beside a program itself: the interpreter that a script's first line names, and the loader
// that a dynamic ELF program names (PT_INTERP). Each is opened as the program is, so Landlock asks for the same rights on each.
//
//   Loaders loaders = read_loaders("/usr/bin/ldconfig");   // loaders.paths == {"/bin/sh", "/lib64/ld-linux-x86-64.so.2"}
//
// Of shared libraries nothing is said: they are the loader's business, and need read_file alone. Formats that binfmt_misc
// knows are not looked up. Reads the files (regular ones alone, never more than a page of each); restricts and executes nothing.
#ifndef LOCKSTEP_MODEL_LOADERS_H_
#define LOCKSTEP_MODEL_LOADERS_H_

#include <string>
#include <vector>

namespace lockstep::model {

struct Loaders {
  std::vector<std::string> paths;  // in the order in which they are opened, as they are written in the files
  // What keeps the answer from being whole, in words: a file that cannot be read, a path that hangs on the work directory.
  // Empty: all is known.
  std::string unknown;
};

Loaders read_loaders(const std::string& program);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_LOADERS_H_
