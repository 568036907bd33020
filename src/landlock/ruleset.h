// Ruleset: one Landlock rule set under construction.
//
//   LOCKSTEP_ASSIGN(Ruleset rules, Ruleset::create({.fs = abi_info(5)->fs}, 5));
//   LOCKSTEP_CHECK(rules.allow_beneath(fd, access_read_only, "/usr"));
//
// A thin owner of the kernel's descriptor: it passes on what it is given and cuts nothing, so that a wrong mask meets
// the kernel's EINVAL. It restricts nobody: enforce/restrict.h. create() proves that the descriptor is a rule set, and
// that it takes rules of its kinds: a seccomp filter can answer in the kernel's place.
#ifndef LOCKSTEP_LANDLOCK_RULESET_H_
#define LOCKSTEP_LANDLOCK_RULESET_H_

#include <string_view>

#include <lockstep/access_set.h>
#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep {

// What a rule set denies unless a rule allows it. Of scopes, without exception.
struct Handled {
  AccessSet fs;
  NetSet net = {};
  ScopeSet scoped = {};
  bool quiet = false;  // denials of `fs` below a quiet rule are not logged
};

class Ruleset {
 public:
  // `handled` must not be empty; `abi` decides how much of the attribute is passed, but never less than `handled`
  // fills.
  static Result<Ruleset> create(const Handled& handled, int abi);

  // Grants `access` on the object behind `fd` (O_PATH will do) and all below it. `path` is only for the error message.
  Result<void> allow_beneath(int fd, AccessSet access, std::string_view path, bool quiet = false);
  Result<void> allow_port(NetRight right, std::uint16_t port);

  int fd() const { return fd_.get(); }

 private:
  explicit Ruleset(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace lockstep

#endif  // LOCKSTEP_LANDLOCK_RULESET_H_
