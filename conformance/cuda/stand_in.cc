// A stand-in for libcuda.so.1, for the tests of cu-init alone: nothing of NVIDIA's, and never installed.
//
// Its cuInit does one thing that the real one does: it starts a thread and names it as glibc's
// pthread_setname_np() does. EACCES is 304. LOCKSTEP_STAND_IN asks for another end: a number is what cuInit
// returns; "crash", "hang", "exit"; a path is a file it needs to read, else 999.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace {

constexpr int operating_system = 304, unknown = 999;

struct Started {
  int ready[2];
  int release[2];
  pid_t tid;
};

void* wait_to_be_named(void* argument) {
  auto* started = static_cast<Started*>(argument);
  started->tid = static_cast<pid_t>(::syscall(SYS_gettid));
  char byte = 0;
  if (::write(started->ready[1], &byte, 1) == 1)
    while (::read(started->release[0], &byte, 1) < 0 && errno == EINTR) {
    }
  return nullptr;
}

int name_a_thread() {
  Started started{};
  pthread_t thread;
  if (::pipe(started.ready) != 0 || ::pipe(started.release) != 0 ||
      ::pthread_create(&thread, nullptr, wait_to_be_named, &started) != 0)
    return unknown;
  char byte = 0;
  const bool is_ready = ::read(started.ready[0], &byte, 1) == 1;
  const std::string path =
      "/proc/" + std::to_string(::getpid()) + "/task/" + std::to_string(started.tid) + "/comm";
  const int fd = ::open(path.c_str(), O_RDWR);
  const int err = fd < 0 ? errno : ::write(fd, "cuda-EvtHandlr", 14) == 14 ? 0 : errno;
  if (fd >= 0) ::close(fd);
  if (::write(started.release[1], &byte, 1) != 1) return unknown;
  ::pthread_join(thread, nullptr);
  for (int end : {started.ready[0], started.ready[1], started.release[0], started.release[1]}) ::close(end);
  return !is_ready ? unknown : err == 0 ? 0 : err == EACCES ? operating_system : unknown;
}

}  // namespace

extern "C" int cuDriverGetVersion(int* version) {
  *version = 12080;
  return 0;
}

extern "C" int cuDeviceGetCount(int* count) {
  *count = 2;
  return 0;
}

extern "C" int cuInit(unsigned /*flags*/) {
  const char* text = std::getenv("LOCKSTEP_STAND_IN");
  const std::string end = text == nullptr ? "" : text;
  if (end == "crash") ::raise(SIGSEGV);
  if (end == "exit") std::exit(42);  // as the helper ends itself: it must not pass for an answer
  while (end == "hang") ::pause();
  if (end.starts_with('/')) return ::open(end.c_str(), O_RDONLY) >= 0 ? 0 : unknown;
  return end.empty() ? name_a_thread() : std::atoi(end.c_str());
}
