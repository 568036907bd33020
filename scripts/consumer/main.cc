// The whole of embedding, as somebody else would write it. scripts/consumers builds it in each way and runs it.
#include <cstdio>

#include <lockstep/effective.h>
#include <lockstep/plan.h>
#include <lockstep/policy.h>

#include "base/unique_fd.h"

int main(int argc, char** argv) {
  // Fine under the consumer's own warnings, and an error under ours: none of those may come with the library.
  int arguments = 1L * argc;
  if (arguments != 2) return 2;
  const auto policy = lockstep::load_policy(argv[1]);
  if (!policy) return std::fprintf(stderr, "%s\n", policy.error().to_string().c_str()), policy.error().exit_code();
  const auto effective = lockstep::enrich(*policy, {});
  if (!effective) return std::fprintf(stderr, "%s\n", effective.error().to_string().c_str()), 2;
  const auto plan = lockstep::compile(*effective, 1);
  if (!plan) return std::fprintf(stderr, "%s\n", plan.error().to_string().c_str()), 2;
  std::printf("%zu rules; %s\n", plan->rules.size(), consumer_own);
  return 0;
}
