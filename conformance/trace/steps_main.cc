// lockstep-trace-steps: does what its arguments say, for the tracer's tests: r:PATH and w:PATH open it to read, to read
// and write, d:PATH as a directory, i:PATH and asks it one ioctl, c:PATH connects ("@" for abstract), l:PATH loads a
// library.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

namespace {

void connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '@' ? 0U : 1U));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string path = argv[i] + 2;
    const char how = argv[i][0];
    if (how == 'l' && ::dlopen(path.c_str(), RTLD_NOW) == nullptr) return 1;
    if (how == 'c') connect_to(path);
    if (how == 'l' || how == 'c') continue;
    const int flags = how == 'r' ? O_RDONLY : how == 'd' ? O_RDONLY | O_DIRECTORY : O_RDWR;
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    char ignored[64];
    if (how == 'i') ::ioctl(fd, 0x5401, ignored);  // TCGETS, which harms nobody
    if (fd >= 0) ::close(fd);
  }
  return 0;
}
