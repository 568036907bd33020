// Every name of a tree on disk: what stands where, by which parents, and by which other spellings it is reached.
//
//   LOCKSTEP_CHECK(plant(root));                 // in each directory one object of every kind, to try rights on
//   LOCKSTEP_ASSIGN(Names names, Names::read(root));
//   for (const Name& name : names.names()) ...   // through links, binds, hard links and /proc/self/root
//   names.covers(id, place);                     // whether a rule on that object holds there
//
// A place is a name without a link in it. An object has as many places as it has hard links and mounts it is seen
// through, and each place has its own parents. Read by lstat alone: nothing here asks the model.
#ifndef LOCKSTEP_CONFORMANCE_PROVE_NAMES_H_
#define LOCKSTEP_CONFORMANCE_PROVE_NAMES_H_

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <lockstep/error.h>

struct statx;

namespace lockstep::conformance::prove {

// An object, as rules know it.
struct Id {
  std::uint64_t device = 0, inode = 0;
  auto operator<=>(const Id&) const = default;
};
std::optional<Id> id_of(const std::string& path, bool follow);

struct Place {
  std::string path;  // absolute
  int parent = -1;   // an index; -1: of the root
  Id id;
  mode_t mode = 0;
  std::uint64_t mount = 0;
  bool planted = false;
};

struct Name {
  std::string path;
  std::size_t place = 0;
};

// The first letter of what is planted: no other name of a tree begins with it.
inline constexpr char planted_letter = '=';

// Makes in every directory below `root` the objects "=file", "=dir", "=fifo", "=sym", "=sock", and, where device nodes
// may be made, "=chr" and "=blk". True where they may. A directory with several names gets them once.
Result<bool> plant(const std::string& root);

class Names {
 public:
  static Result<Names> read(const std::string& root);

  const std::vector<Place>& places() const { return places_; }
  const std::vector<Name>& names() const { return names_; }
  // Whether the object is the one at the place, or one of its parents there.
  bool covers(const Id& id, std::size_t place) const;
  std::optional<std::size_t> find(const std::string& path) const;
  // A text that is the same before and after, where everything was undone.
  std::string fingerprint() const;

 private:
  std::size_t add(const std::string& path, int parent, const struct statx& st, bool planted);
  Result<void> read_directory(std::size_t place);
  Result<void> add_procfs();
  void add_aliases();

  std::vector<Place> places_;
  std::vector<Name> names_;
  std::map<std::string, std::size_t> by_path_;
  std::size_t first_ = 0;  // of the tree: those before are above it
};

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_NAMES_H_
