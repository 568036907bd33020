// Compares what is in force under two policies, one situation after another, and gathers the changes of all of them.
//
//   Comparer comparer(diff, rights);
//   LOCKSTEP_CHECK(comparer.share({old_rules, new_rules}));        // what is in force in every situation
//   LOCKSTEP_CHECK(comparer.compare({&old, &new}, 0));             // and in this one
//   comparer.finish();                                             // into diff.changes, .settings, .notes
//
// The rights at a name are those of all rules on the objects along it. They can change only where a rule of either
// policy stands. So every name by which such an object is reached is asked about, and every name below has the rights
// of the nearest.
#ifndef LOCKSTEP_DIFF_COMPARE_H_
#define LOCKSTEP_DIFF_COMPARE_H_

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "diff/diff.h"
#include "diff/moves.h"
#include "paths/every_name.h"

namespace lockstep::diff {

// Of the old policy and of the new one.
template <typename T>
using Pair = std::array<T, 2>;

class Comparer {
 public:
  Comparer(Diff& out, AccessSet all);

  // Rules of both policies in every situation. They must outlive it.
  Result<void> share(Pair<const std::vector<EffectiveRule>*> rules);
  // Compares by the situation's own rules too. `gains_only`: one of the two policies does not run there.
  Result<void> compare(Pair<const EffectivePolicy*> policies, std::size_t situation, bool gains_only = false);
  // Notes why each policy does not run in a situation; empty: it does.
  void refused(std::size_t situation, const Pair<std::string>& why);
  void not_compared(std::size_t situation, const std::string& why);
  void finish();

 private:
  struct Tie {  // a rule and a name that it is on
    int object;
    int node;
    const EffectiveRule* rule;
  };
  struct Delta {
    AccessSet gained, lost;
  };
  struct Rights {                  // by node
    std::vector<AccessSet> raw;    // what the rules on its chain add up to
    std::vector<AccessSet> inner;  // without those on the root
  };
  enum : unsigned char { by_rule = 1, by_other_name = 2, mount_point = 4 };
  struct Here {  // one situation
    std::size_t situation = 0;
    bool other_root = false;      // /proc/N/root is taken for another root than ours
    bool has_other_root = false;  // some rule goes by one
    Pair<const EffectivePolicy*> policies{};
    Pair<std::vector<Tie>> ties;       // of its own rules, and of shared ones that lead elsewhere here; by object
    std::vector<char> elsewhere;       // by node: that is so for the shared rule there
    Pair<std::vector<AccessSet>> own;  // by object
    std::vector<unsigned char> asked;  // by node: why it is asked about; 0: it is not
    std::vector<char> file;            // by node: the host says it is no directory
    Pair<Rights> rights;
  };

  void enter(std::size_t situation);
  Result<void> compare_here(Here& here, bool gains_only);
  Result<void> place_rule(const EffectiveRule& rule, std::size_t side, Here& here);
  Result<void> place_shared(Here& here);
  Result<void> ask_other_names(Here& here);
  void ask(Here& here, int id, unsigned char why) const;
  void add_up(Here& here) const;
  AccessSet cut(const Here& here, int id, AccessSet rights) const;
  AccessSet at(const Here& here, std::size_t side, int id) const {
    return cut(here, id, here.rights[side].raw[static_cast<std::size_t>(id)]);
  }
  template <typename Use>
  void for_each_tie(const Here& here, std::size_t side, Use use) const;
  const EffectiveRule* giver(const Here& here, std::size_t side, int id, AccessSet rights) const;
  void list_changes(const Here& here, bool gains_only);
  void list_change(const Here& here, int id, const Delta& delta);
  void list_idle(const Here& here);
  std::vector<Spot> spots_of(const Here& here, bool without_root) const;
  void list_unknown_moves(const Here& here);
  void list_moves(const Here& here, bool gains_only);
  std::string refusal(const Here& here, std::size_t side) const;
  void finish_changes();
  void finish_refused();
  void finish_notes();

  Diff& out_;
  const AccessSet all_;
  OpenedMoves opened_moves_;
  paths::Paths paths_;
  std::string host_;  // whose names these are
  std::unique_ptr<paths::Names> names_;
  std::unique_ptr<paths::EveryName> every_name_;
  Pair<const std::vector<EffectiveRule>*> shared_{};
  Pair<std::vector<Tie>> shared_ties_;                // by object, where spelling decides
  std::unordered_map<std::string, paths::Lead> led_;  // of rules that lead to nothing yet, on this machine
  std::vector<PathChange> changes_;
  std::vector<int> nodes_;                            // parallel to them
  std::vector<const EffectiveRule*> shared_causes_;   // parallel too: the rule, where it is a shared one
  std::vector<std::vector<std::size_t>> changes_at_;  // by node
  std::map<std::pair<Class, std::string>, std::vector<std::size_t>> moves_;  // messages, with the situations
  std::set<std::string> files_;                                              // what some host lists as no directory
  std::set<std::string> idle_new_, idle_changed_, dangling_, missing_;
  Pair<std::vector<std::size_t>> refused_alone_;
  std::vector<std::size_t> both_refused_, not_compared_;
  std::string why_, why_not_compared_;
};

}  // namespace lockstep::diff

#endif  // LOCKSTEP_DIFF_COMPARE_H_
