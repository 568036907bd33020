// For tests: seccomp filters that answer system calls in the kernel's place, as a container's filter would, or a lying
// one.
//
//   answer_calls({{.call = SYS_pidfd_open, .err = EPERM}});                        // denied
//   answer_calls({{.call = uapi::restrict_self_nr}});                              // 0: it says that it was done
//   answer_calls({{.call = uapi::add_rule_nr, .argument = 1, .value = 2}});        // only where argument 1 is 2
//   answer_with({.call = uapi::create_ruleset_nr, .argument = 2, .value = 1}, 6);  // a number, by a supervisor
//
// For children only: a filter cannot be taken back. False where the kernel takes no filter.
#ifndef LOCKSTEP_TESTING_SECCOMP_H_
#define LOCKSTEP_TESTING_SECCOMP_H_

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lockstep::testing {

struct CallAnswer {
  long call = 0;
  int err = 0;              // 0: the call answers 0
  int argument = -1;        // asked only where this argument ...
  std::uint32_t value = 0;  // ... is this, in its lower half
};

inline std::vector<sock_filter> filter_program(const std::vector<CallAnswer>& answers, std::uint32_t action) {
  std::vector<sock_filter> program;
  for (const CallAnswer& each : answers) {
    const bool narrow = each.argument >= 0;
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(each.call), 0,
                               static_cast<std::uint8_t>(narrow ? 3 : 1)));
    if (narrow) {
      program.push_back(BPF_STMT(
          BPF_LD | BPF_W | BPF_ABS,
          static_cast<std::uint32_t>(offsetof(seccomp_data, args) + static_cast<unsigned>(each.argument) * 8)));
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, each.value, 0, 1));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, action | static_cast<std::uint32_t>(each.err)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return program;
}

inline long install_filter(std::vector<sock_filter> program, unsigned flags) {
  const sock_fprog all{static_cast<unsigned short>(program.size()), program.data()};
  if (::geteuid() != 0) ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &all);
}

inline bool answer_calls(const std::vector<CallAnswer>& answers) {
  return install_filter(filter_program(answers, SECCOMP_RET_ERRNO), 0) == 0;
}

// A process beside this one answers the calls with `number`, and ends with this one.
inline bool answer_with(const CallAnswer& call, std::int64_t number) {
  const long listener =
      install_filter(filter_program({call}, SECCOMP_RET_USER_NOTIF), SECCOMP_FILTER_FLAG_NEW_LISTENER);
  if (listener < 0) return false;
  const pid_t parent = ::getpid();
  const pid_t supervisor = ::fork();
  if (supervisor != 0) {
    ::close(static_cast<int>(listener));
    return supervisor > 0;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::close(1);
  ::close(2);
  while (::getppid() == parent) {
    seccomp_notif asked{};
    if (::ioctl(static_cast<int>(listener), SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) continue;
    seccomp_notif_resp answer{};
    answer.id = asked.id;
    answer.val = number;
    ::ioctl(static_cast<int>(listener), SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
  ::_exit(0);
}

}  // namespace lockstep::testing

#endif  // LOCKSTEP_TESTING_SECCOMP_H_
