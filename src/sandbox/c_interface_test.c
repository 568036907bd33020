/* The library from C: restricts itself by the policy named, and says by its exit code what it saw. Compiled as C89.
 * c_interface_test.cc runs it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lockstep/lockstep.h>

static int can_write(const char* file) {
  int fd = open(file, O_WRONLY | O_CREAT, 0666);
  if (fd < 0) return 0;
  close(fd);
  return 1;
}

int main(int argc, char** argv) {
  lockstep_sandbox* sandbox;
  const char* said;
  size_t i = 0;
  if (argc != 4) return 1;
  if (strcmp(lockstep_last_error(), "") != 0) return 2;
  if (lockstep_open("/no/such/policy", 0) != NULL || strstr(lockstep_last_error(), "/no/such/policy") == NULL) return 3;
  if (lockstep_open(argv[1], 1u << 31) != NULL || strstr(lockstep_last_error(), "unknown flag") == NULL) return 4;
  if (lockstep_open(NULL, 0) != NULL || lockstep_restrict(NULL, 0) != LOCKSTEP_FAILED) return 5;
  lockstep_free(NULL);
  sandbox = lockstep_open(argv[1], 0);
  if (sandbox == NULL) {
    printf("%s\n", lockstep_last_error());
    return 6;
  }
  while ((said = lockstep_notice(sandbox, i++)) != NULL) printf("%s\n", said);
  if (!can_write(argv[3])) return 7;
  if (lockstep_restrict(sandbox, 8) != LOCKSTEP_FAILED) return 8;
  if (lockstep_restrict(sandbox, 0) != LOCKSTEP_FULL) return 9;
  if (lockstep_restrict(sandbox, 0) != LOCKSTEP_FAILED || strstr(lockstep_last_error(), "once") == NULL) return 10;
  lockstep_free(sandbox);
  return can_write(argv[2]) && !can_write(argv[3]) ? 42 : 11;
}
