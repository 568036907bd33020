// The bytes of an input, and why there are none.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "syntax/document.h"

namespace lockstep {
namespace {

std::string why_not_open(const std::string& path, int err) {
  const std::string name = " (" + errno_name(err) + ")";
  struct stat st;
  const bool dangles = err == ENOENT && ::lstat(path.c_str(), &st) == 0;
  if (path.empty()) return "the name of the file is empty" + name;
  if (dangles) return "is a link to a file that does not exist" + name;
  if (err == ENOENT) return "does not exist" + name;
  if (err == EACCES) return "cannot be read: this user has no permission to" + name;
  if (err == ENOTDIR) return "cannot be read: a part of its path is no directory" + name;
  if (err == ELOOP) return "cannot be read: its links lead in a circle" + name;
  return std::string("cannot be read: ") + std::strerror(err) + name;
}

// Standard input may be non-blocking, as whoever made it left it.
bool wait_for_input(int fd) {
  pollfd each = {fd, POLLIN, 0};
  return ::poll(&each, 1, -1) >= 0 || errno == EINTR;
}

}  // namespace

Result<std::string> read_input_file(const std::string& path, std::size_t limit) {
  const auto fail = [&](const std::string& message) { return input_error(path, 0, message); };
  const auto too_large = [&] { return fail("is larger than " + std::to_string(limit >> 10) + " KiB"); };
  UniqueFd file;
  std::size_t more = 4096;
  if (path != "-") {
    // O_NONBLOCK: a FIFO nobody writes to must not hang us before it is refused.
    file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file) return fail(why_not_open(path, errno));
    struct stat st;
    if (::fstat(file.get(), &st) != 0) return fail(why_not_open(path, errno));
    if (S_ISDIR(st.st_mode)) return fail("is a directory: name a file in it");
    if (!S_ISREG(st.st_mode)) return fail("is no regular file: name one, or - for standard input");
    if (static_cast<std::size_t>(st.st_size) > limit) return too_large();
    more = static_cast<std::size_t>(st.st_size) + 1;  // and its end
  }
  std::string text;
  while (true) {
    const int fd = file ? file.get() : STDIN_FILENO;
    const std::size_t had = text.size();
    text.resize(had + more);
    const ssize_t n = ::read(fd, text.data() + had, more);
    const int err = errno;
    text.resize(had + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n < 0 && (err == EINTR || (err == EAGAIN && wait_for_input(fd)))) continue;
    if (n < 0) return fail(!file && err == EBADF ? "standard input is closed (EBADF)" : why_not_open(path, err));
    if (n == 0) return text;
    if (text.size() > limit) return too_large();
    more = std::max<std::size_t>(text.size(), 4096);
  }
}

}  // namespace lockstep
