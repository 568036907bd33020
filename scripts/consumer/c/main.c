/* Embedding from C, without a C++ compiler: scripts/consumers links it with the shared library and with the archive. */
#include <errno.h>
#include <stdio.h>

#include <lockstep/lockstep.h>

int main(int argc, char** argv) {
  lockstep_sandbox* sandbox = argc == 2 ? lockstep_open(argv[1], 0) : NULL;
  int denied;
  if (sandbox == NULL || lockstep_restrict(sandbox, 0) != LOCKSTEP_FULL) {
    fprintf(stderr, "%s\n", lockstep_last_error());
    return 4;
  }
  lockstep_free(sandbox);
  denied = fopen("/proc/self/status", "r") == NULL && errno == EACCES;
  printf("full, /proc is %s\n", denied ? "denied" : "NOT denied");
  return denied ? 0 : 1;
}
