// A file without a name, for memory that several processes share: a memfd, or an unlinked file in TMPDIR where a filter
// denies memfd_create.
//
//   LOCKSTEP_ASSIGN(const UniqueFd slot, memory_file("slot", size));
//
// Its space is allocated at once: writing to its mapping cannot fail later because a disk is full.
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

// A new directory "ROOT/PREFIXxxxxxx", checked to have room for a row's files: even a full file system lets directories
// be made. An error (input) where it has none, which says to name another directory in TMPDIR.
Result<std::string> make_scratch(const std::string& root, const std::string& prefix);

}  // namespace lockstep::conformance::harness

#endif  // LOCKSTEP_CONFORMANCE_HARNESS_MEMORY_FILE_H_
