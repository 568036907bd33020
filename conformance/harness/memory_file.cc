#include "conformance/harness/memory_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace lockstep::conformance::harness {

constexpr off_t room_of_rows = 1 << 18;

std::string temporary_directory() {
  const char* temporary = ::getenv("TMPDIR");
  return temporary != nullptr && *temporary == '/' ? temporary : "/tmp";
}

Result<std::string> make_scratch(const std::string& root, const std::string& prefix) {
  const auto bad = [](int err, const std::string& call) {
    return Error{
        ErrorKind::input,
        err,
        call + ": " + errno_name(err) + ": a directory is needed that can be written and has room, name one in TMPDIR",
        {},
        0};
  };
  std::string path = root + "/" + prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return bad(errno, "mkdtemp(\"" + printable(path) + "\")");
  const std::string room = path + "/room";
  const UniqueFd file(::open(room.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const int err = file ? ::posix_fallocate(file.get(), 0, room_of_rows) : errno;
  ::unlink(room.c_str());
  if (err == 0) return path;
  ::rmdir(path.c_str());
  return bad(err, std::to_string(room_of_rows) + " bytes below \"" + printable(root) + "\"");
}

Result<UniqueFd> memory_file(const char* name, std::size_t size) {
  UniqueFd out(static_cast<int>(::syscall(SYS_memfd_create, name, MFD_CLOEXEC)));
  // Of a memfd the room comes when it is used, as of all memory; of a file it may not come, and then using it
  // is a SIGBUS.
  if (out && size > 0 && ::ftruncate(out.get(), static_cast<off_t>(size)) != 0)
    return system_error(errno, "ftruncate(memfd)");
  if (out) return out;
  if (errno != EPERM && errno != EACCES && errno != ENOSYS) return system_error(errno, "memfd_create()");
  std::string path = temporary_directory() + "/lockstep-memory.XXXXXX";
  out.reset(::mkostemp(path.data(), O_CLOEXEC));
  if (!out) return system_error(errno, "memfd_create() is denied here, and mkostemp(\"" + printable(path) + "\")");
  ::unlink(path.c_str());
  const int err = size > 0 ? ::posix_fallocate(out.get(), 0, static_cast<off_t>(size)) : 0;
  if (err != 0) return system_error(err, "posix_fallocate() of a file in TMPDIR");
  return out;
}

}  // namespace lockstep::conformance::harness
