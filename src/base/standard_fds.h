// Fills standard input, output and error where the caller closed them. Without this the next file opened would get one
// of their numbers, and what is printed would go into it (a socket between our own processes, a report).
//
// What was closed is opened on /dev/null, the wrong way round: writing to output still fails with EBADF, as it would
// have, and is reported; so does reading from input. It is close-on-exec, so a command of ours finds closed what its
// caller closed. Call first in main().
#ifndef LOCKSTEP_BASE_STANDARD_FDS_H_
#define LOCKSTEP_BASE_STANDARD_FDS_H_

#include <lockstep/error.h>

namespace lockstep {

// False where one is closed and cannot be filled. The program must end then, and open nothing.
bool fill_standard_descriptors();

// SIGPIPE and SIGXFSZ are ignored: a pipe that nobody reads any more, and a limit on the size of files, are errors to
// say and not a death. A command of ours gets back what there was before (restore_write_signals, in its process).
void ignore_write_signals();
void restore_write_signals();

// What is still in memory of standard output; system: it cannot be written, and so nothing was said.
Result<void> flush_output();

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_STANDARD_FDS_H_
