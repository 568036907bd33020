// What `--version` says, alike in every program: "lockstep-fuzz 0.2.0 (commit 0d81b83f2c1a)".
//
//   if (asks_version(argc, argv)) return print_version("lockstep-fuzz");
//
// The commit is asked of git in each build, and stands in one file that programs link and libraries do not (version.cmake).
#ifndef LOCKSTEP_BASE_VERSION_H_
#define LOCKSTEP_BASE_VERSION_H_

namespace lockstep {

extern const char version[];  // "0.2.0"
extern const char commit[];   // "-dirty" behind it where files were changed; "unknown" where there is no git

// Whether --version is all that was given.
bool asks_version(int argc, char** argv);
// The exit code: 0, or 4 where standard output cannot be written.
int print_version(const char* program);

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_VERSION_H_
