// Moves that a narrower policy opens. A link or rename into another directory is denied where the object would have
// more rights at its new place. So taking a right from the destination can allow it. These are the only operations for
// which less is more.
//
//   OpenedMoves opened({abi_rights, ...});
//   for (const Move& move : opened.among(spots)) ...      // with before and after exchanged: those that are closed
//
// The kernel's rule (security/landlock/fs.c, current_check_refer_path) asks for refer on both directories; for make_x
// where the object goes and, for a rename, remove_x where it was; and every right that the new place gives the object
// must be one that it has at the old place, or by a rule of its own. For anything but a directory only rights of files
// count. Quirk: a rule on the root of the tree takes no part in that comparison where the names stand on another mount.
#ifndef LOCKSTEP_DIFF_MOVES_H_
#define LOCKSTEP_DIFF_MOVES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include <lockstep/access_set.h>

namespace lockstep::diff {

// Rights under the old and the new policy.
struct Both {
  AccessSet before, after;
  friend bool operator==(const Both&, const Both&) = default;
};

// A name that a rule is on, and what its directory allows.
struct Spot {
  int id = 0;
  std::uint64_t mount = 0;  // nothing is moved from one to another
  bool directory = true;
  Both rights;  // of the object: by the rules on it and above it
  Both inner;   // the same without rules on the root of the tree, where these do not count; else as `rights`
  Both parent;  // of the directory that it is in; none of the root's
};

struct Move {
  int from = 0;              // the object, or the directory that it is in
  int to = 0;                // the directory that it goes to
  bool object = false;       // `from` itself is moved, by its own rule; else what is in it
  bool directories = false;  // what is moved is a directory
  AccessSet lost;            // rights that the destination gave and the source does not
};

class OpenedMoves {
 public:
  // Those of every ABI that is asked about.
  explicit OpenedMoves(std::vector<AccessSet> rights) : rights_(std::move(rights)) {}
  // At most one for each destination. Remembered: one situation after another has the same spots.
  std::vector<Move> among(const std::vector<Spot>& spots);

 private:
  struct Answer {
    std::vector<std::uint64_t> question;
    std::vector<Move> moves;
  };
  std::vector<AccessSet> rights_;
  std::vector<Answer> known_;  // the latest first
};

}  // namespace lockstep::diff

#endif  // LOCKSTEP_DIFF_MOVES_H_
