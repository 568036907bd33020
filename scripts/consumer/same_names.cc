// A program that has functions of the library's names, a private one, a public one, and one of what it was built from: the shared
// library calls its own, and none of these.
#include <unistd.h>

#include <cstdio>

#include <lockstep/kernel.h>
#include <lockstep/lockstep.h>

namespace {
[[noreturn]] void called(const char* name) {
  std::fprintf(stderr, "the library called the program's %s\n", name);
  _exit(1);
}
}  // namespace

namespace lockstep {
class Canary {
 public:
  int prove() const;
};
int Canary::prove() const {
  called("lockstep::Canary::prove()");
}
Result<KernelLandlock> query_kernel() {
  called("lockstep::query_kernel()");
}
}  // namespace lockstep

#ifdef COPY_OF_LIBCAP
extern "C" void* cap_get_proc(void);
extern "C" void* cap_get_proc(void) {
  called("cap_get_proc()");
}
#endif

int main(int argc, char** argv) {
  lockstep_sandbox* const sandbox = argc == 2 ? lockstep_open(argv[1], 0) : nullptr;
  if (sandbox == nullptr || lockstep_restrict(sandbox, 0) != LOCKSTEP_FULL)
    return std::fprintf(stderr, "%s\n", lockstep_last_error()), 4;
  std::puts("full, by functions of its own");
  return 0;
}
