#include "conformance/report/untried.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace lockstep::conformance::report {
namespace {

struct Place {
  Surroundings around;
  int err;
  const char* cause;
  const char* remedy;
};

// Each place has its own cause, and something to do that helps there.
TEST(Untried, EachPlaceHasItsCauseAndRemedy) {
  Surroundings root, user;
  root.privileged = root.sys_admin = true;
  const auto with = [](Surroundings base, bool Surroundings::*what, bool value = true) {
    base.*what = value;
    return base;
  };
  const std::vector<Place> places = {
      {with(root, &Surroundings::sys_admin, false), EPERM, "lacks CAP_SYS_ADMIN", "--cap-add SYS_ADMIN"},
      {with(root, &Surroundings::chrooted), EINVAL, "as in a chroot", "systemd-nspawn -D"},
      {with(user, &Surroundings::chrooted), EPERM, "as in a chroot", "systemd-nspawn -D"},
      {with(user, &Surroundings::no_userns), ENOSPC, "switched off", "sysctl user.max_user_namespaces"},
      {with(user, &Surroundings::apparmor_userns), EACCES, "AppArmor",
       "kernel.apparmor_restrict_unprivileged_userns=0"},
      {with(user, &Surroundings::filtered), EPERM, "seccomp filter", "--security-opt seccomp=unconfined"},
      {with(root, &Surroundings::filtered), EPERM, "seccomp filter", "--cap-add SYS_ADMIN"},
      {user, EPERM, "security module", "or as root"},
      {root, EACCES, "security module", "outside its container"},
  };
  for (const Place& each : places) {
    const std::string said = why_no_namespace(each.err, each.around);
    EXPECT_TRUE(said.starts_with("no mount namespace (" + errno_name(each.err) + "): ")) << said;
    EXPECT_NE(said.find(each.cause), std::string::npos) << said;
    EXPECT_NE(said.find(each.remedy), std::string::npos) << said;
  }
}

TEST(Untried, TheSurroundingsAreReadWithoutAnError) {
  const Surroundings here = read_surroundings(true);
  EXPECT_TRUE(here.privileged);
  EXPECT_FALSE(why_no_namespace(EPERM, here).empty());
}

}  // namespace
}  // namespace lockstep::conformance::report
