// Standard input, output and error, where the caller closed them: without this the next file opened would be one of them, and what
// is printed would go into it (a socket between our own processes, a report).
//
// What was closed is opened on /dev/null, the wrong way round: output still fails with EBADF, as it would have, and is said so;
// reading too. Close-on-exec, so that a command of ours finds closed what its caller closed. First thing in main().
#ifndef LOCKSTEP_BASE_STANDARD_FDS_H_
#define LOCKSTEP_BASE_STANDARD_FDS_H_

namespace lockstep {

// False where one is closed and cannot be filled: then nothing may be opened, and the program has to end.
bool fill_standard_descriptors();

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_STANDARD_FDS_H_
