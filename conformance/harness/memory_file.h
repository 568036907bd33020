// A file without a name, for memory that several processes share: a memfd, or where a filter denies memfd_create an unlinked file in
// TMPDIR.
//
//   LOCKSTEP_ASSIGN(const UniqueFd slot, memory_file("slot", size));
//
// Its room is taken when it is made: writing to its mapping cannot fail for want of space.
#ifndef LOCKSTEP_CONFORMANCE_HARNESS_MEMORY_FILE_H_
#define LOCKSTEP_CONFORMANCE_HARNESS_MEMORY_FILE_H_

#include <cstddef>
#include <string>

#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep::conformance::harness {

Result<UniqueFd> memory_file(const char* name, std::size_t size);

// $TMPDIR where it is an absolute path, else /tmp.
std::string temporary_directory();

// A new directory "ROOT/PREFIXxxxxxx" in which a row's files fit: a full file system still takes directories. Bad input where not,
// which says to name another one in TMPDIR.
Result<std::string> make_scratch(const std::string& root, const std::string& prefix);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_MEMORY_FILE_H_
