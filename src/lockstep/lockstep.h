/* Lockstep from C, and from whatever can call C: opens a policy file on this machine, and restricts this process by it.
 *
 *   lockstep_sandbox *sandbox = lockstep_open("sandbox.yaml", 0);
 *   int done = sandbox == NULL ? LOCKSTEP_FAILED : lockstep_restrict(sandbox, 0);
 *   if (done != LOCKSTEP_FULL) die(done == LOCKSTEP_FAILED ? lockstep_last_error() : "restricted in part");
 *
 * It is lockstep/sandbox.h, which says more. Nothing aborts, prints, or throws through here. What weakens is a flag
 * LOCKSTEP_ALLOW_..., and fails where it is not given. One sandbox is for one thread at a time. */
#ifndef LOCKSTEP_LOCKSTEP_H_
#define LOCKSTEP_LOCKSTEP_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lockstep_sandbox lockstep_sandbox;

/* Of lockstep_open(). */
#define LOCKSTEP_ALLOW_UNSANDBOXED 1u   /* this kernel has no Landlock: nothing is restricted, and a notice says so */
#define LOCKSTEP_ALLOW_FREE_THREADS 2u  /* threads that run already are not restricted */
#define LOCKSTEP_ALLOW_KEPT_IDENTITY 4u /* process.run_as_user and run_as_group are not acted on */
#define LOCKSTEP_ALL_THREADS 8u         /* threads that run already are restricted as well */
/* Of lockstep_restrict(). */
#define LOCKSTEP_PINS_BESIDE 1u /* this process will execute another: a process beside it keeps the pins */

/* What lockstep_restrict() returns. */
#define LOCKSTEP_FULL 0      /* all that the policy asks for is enforced */
#define LOCKSTEP_PARTIAL 1   /* the notices say what is not */
#define LOCKSTEP_NONE 2      /* nothing is restricted: with LOCKSTEP_ALLOW_UNSANDBOXED alone */
#define LOCKSTEP_FAILED (-1) /* lockstep_last_error() says why; this process may be restricted in part */

#if defined(__GNUC__)
#define LOCKSTEP_MUST_USE __attribute__((warn_unused_result))
#else
#define LOCKSTEP_MUST_USE
#endif

/* Opens every path of the policy and restricts nothing. NULL where it failed. */
LOCKSTEP_MUST_USE lockstep_sandbox* lockstep_open(const char* policy_file, unsigned flags);
/* What the caller should know, one after another; NULL after the last. Lives as long as the sandbox. */
const char* lockstep_notice(const lockstep_sandbox* sandbox, size_t index);
/* Restricts the calling thread and what it starts. Once: it cannot be taken back, and stays after lockstep_free(). */
LOCKSTEP_MUST_USE int lockstep_restrict(lockstep_sandbox* sandbox, unsigned flags);
void lockstep_free(lockstep_sandbox* sandbox);
/* Of the last call in this thread that failed; "" where none did. Until the next one fails. */
const char* lockstep_last_error(void);

#ifdef __cplusplus
}
#endif

#endif /* LOCKSTEP_LOCKSTEP_H_ */
