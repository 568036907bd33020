// diff: what a change of policy gives and takes, in effective rights, in every situation the policy will meet.
//
//   LOCKSTEP_ASSIGN(std::vector<Situation> situations, all_situations(hosts));
//   LOCKSTEP_ASSIGN(Diff diff, compare(old_policy, new_policy, {.situations = situations}));
//   diff.worst();                       // Class::widening
//   diff.changes[0].path, .gained, .lost, .situations
//
// What a policy becomes depends on its situation: the host, the source and the proxy decide what the baseline adds. So
// two policies are compared as enriched in each situation, by Landlock's own rules: the rights on a path are those of
// all rules on it and above it together; a rule below a wider one changes nothing; on anything but a directory a rule
// is cut to what the kernel takes there. A change is listed where it begins. What is below it changes alike, until
// another change is listed.
//
// Rights are those of the newest ABI. What an older ABI lacks is not restricted there under either policy, so it does
// not change. Where a change depends on the ABI beyond that (a plan that is refused), it says which.
//
// Paths are compared as they are spelt, but links that the host, procfs or every distribution is known to have are
// followed (paths/leads.h). With by_object the objects of this machine are compared instead, as prepare would open
// them, by every name that leads to them. Where a policy is refused in a situation, it is compared as if the rules that
// reject kept what is written. Where even that is not possible, it is listed as a weakening that nothing was compared.
#ifndef LOCKSTEP_DIFF_DIFF_H_
#define LOCKSTEP_DIFF_DIFF_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/effective.h>
#include <lockstep/error.h>

namespace lockstep::diff {

// What a policy meets. `as_written`: without the baseline and the conflicts.
struct Situation {
  std::string host;  // for people: "nvidia-1", "this machine"
  Context context;
  bool as_written = false;
};

// By danger, the worst last. widening and weakening are what a gate stops.
enum class Class : std::uint8_t { equivalent, strengthening, narrowing, weakening, widening, both };
std::string_view name(Class kind);

// The rule that a change comes from: of the new policy where rights are gained, of the old one where they are only
// lost.
struct Cause {
  std::string file;
  int line = 0;  // 0: nobody wrote it, the origin says who added it
  Origin origin = Origin::policy;
  std::string rule;  // its path
};

struct PathChange {
  std::string path;
  AccessSet gained;
  AccessSet lost;
  Cause cause;
  std::vector<std::size_t> situations;  // indices, ascending; never empty
  int danger = 0;                       // of what is gained: danger.h; 0 is the worst
  std::string consequence;              // in words, and in figures where measured
  std::string accepted;                 // the reason of the entry that accepts it: accept.h; empty: nobody did
  bool exact = false;                   // the path is only a name for a place that nobody knows: no glob matches it
};

// A change that names no path: how strictly the policy is enforced, what it restricts beside files.
struct SettingChange {
  Class kind = Class::weakening;  // weakening or strengthening; widening or narrowing for ports and scopes
  std::string code;               // stable: hard-requirement, min-abi, conflicts, emptied, refused, ports, scopes, ...
  std::string message;
  int line = 0;                              // in the new policy; 0: not known
  std::vector<std::size_t> situations = {};  // empty: it does not depend on them
  std::string accepted = {};
};

struct Diff {
  std::string old_file;
  std::string new_file;
  std::vector<Situation> situations;
  std::vector<PathChange> changes;  // by danger, then path
  std::vector<SettingChange> settings;
  std::vector<std::string> notes;  // what a reviewer should know and no gate stops
  bool by_object = false;
  int abi = 0;  // 0: every ABI

  Class worst() const;
  Class worst_in(std::size_t situation) const;
  bool stops() const;  // a widening or weakening that nobody accepted
};

struct Options {
  std::vector<Situation> situations;
  bool by_object = false;
  int abi = 0;  // the one ABI that is asked about; 0: all
};

Result<Diff> compare(const Policy& before, const Policy& after, Options options);

// Compares two snapshots that `lockstep show --format json` wrote: what was in force. Nothing is enriched again.
Result<Diff> compare_snapshots(const EffectivePolicy& before, const EffectivePolicy& after, int abi);
Result<EffectivePolicy> load_snapshot(const std::string& file);

// Every host, with each source and proxy setting that can make a difference to either policy. One more host is added
// where a policy names a path of the baseline, or a GPU node, that none of them has: on it the baseline would meet the
// policy.
std::vector<Situation> all_situations(const std::vector<Host>& hosts, const Policy& before, const Policy& after,
                                      const std::vector<ConflictRule>& administrator = {});
// Every host file of a directory that is not this machine itself, sorted by name.
Result<std::vector<Host>> load_hosts(const std::string& directory);

// "everywhere"; "on nvidia-1, nvidia-8 with the proxy, as user": which of the diff's situations a change is in.
std::string where(const Diff& diff, const std::vector<std::size_t>& situations);

}  // namespace lockstep::diff

#endif  // LOCKSTEP_DIFF_DIFF_H_
