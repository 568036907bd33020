// Keeps entries of /proc in being until whoever made them is reaped.
//
//   Keeper keeper;                                   // in the process that waits
//   if (fork() == 0) keep_in(keeper.fd(), path);     // in the one that is waited for
//   waitpid(...);                                    // and then the keeper goes
//
// A thread that ends takes its directory below /proc with it, after its process may be reaped already: on a busy machine
// it stands still in the middle of that, and who reaps the process spins in the kernel until it goes on, for tens of
// milliseconds. Of what somebody holds there is nothing to take. It is held by a descriptor that is on its way through a
// socket, and never arrives. Where there is no such socket nothing is kept, and all else is as it was.
#ifndef LOCKSTEP_CONFORMANCE_PROBES_KEEPER_H_
#define LOCKSTEP_CONFORMANCE_PROBES_KEEPER_H_

namespace lockstep::conformance::probes {

class Keeper {
 public:
  Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper();
  int fd() const { return ends_[1]; }  // -1: there is none

 private:
  int ends_[2] = {-1, -1};
};

// Until the keeper behind `fd` (-1: none) goes. At most ten.
void keep_in(int fd, const char* path);

}  // namespace lockstep::conformance::probes

#endif  // LOCKSTEP_CONFORMANCE_PROBES_KEEPER_H_
