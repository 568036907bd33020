#include "conformance/harness/helpers.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace lockstep::conformance::harness {

namespace {

// A limit on the size of files takes what there is room for, and denies the rest.
Result<void> write_all(int memory, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(memory, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EFBIG)
      return system_error(errno, "write(memfd), which is over the limit on the size of files (ulimit -f)");
    if (n <= 0) return system_error(n < 0 ? errno : EIO, "write(memfd)");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

Result<UniqueFd> load_helper(const std::string& path, const char* name) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_error(errno, "open(\"" + printable(path) + "\"), which the children of a row execute");
  UniqueFd memory(static_cast<int>(::syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (!memory && (errno == EPERM || errno == EACCES || errno == ENOSYS)) return file;
  if (!memory) return system_error(errno, "memfd_create()");
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(file.get(), buffer, sizeof(buffer));
    if (n < 0) return system_error(errno, "read(\"" + printable(path) + "\")");
    if (n == 0) break;
    LOCKSTEP_CHECK(write_all(memory.get(), {buffer, static_cast<std::size_t>(n)}));
  }
  // Every child of every row holds this descriptor: none may change what the next one executes.
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    return system_error(errno, "fcntl(F_ADD_SEALS)");
  return memory;
}

bool is_in_memory(int helper) {
  const int seals = ::fcntl(helper, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

}  // namespace lockstep::conformance::harness
