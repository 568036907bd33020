// Random trees, and random pairs of policies over each. The same seed and index give the same on every machine with the
// same features.
//
//   Generator generator(seed, index, abi);
//   tree.make(...generator.items());
//   Pair pair = generator.next();       // pair.change says how NEW came from OLD
#ifndef LOCKSTEP_CONFORMANCE_PROVE_RANDOM_PAIR_H_
#define LOCKSTEP_CONFORMANCE_PROVE_RANDOM_PAIR_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "conformance/fuzz/case.h"

namespace lockstep::conformance::prove {

// How NEW came from OLD, or OLD from NEW.
enum class Change : std::uint8_t { move, add, remove, respell, grant, take, workdir, add_inside, unrelated };
inline constexpr std::size_t change_count = 9;
std::string_view name(Change change);

struct Pair {
  fuzz::FuzzCase of;
  Change change = Change::add;
};

class Generator {
 public:
  Generator(std::uint64_t seed, std::uint64_t index, std::string root, int abi);

  const std::vector<fuzz::Item>& items() const { return items_; }
  Pair next();

 private:
  struct Made {
    std::string path;
    bool directory;
    bool movable;  // on the tree's own file system: hard links reach it
  };

  std::size_t pick(std::size_t below) { return random_() % below; }
  bool one_in(std::size_t n) { return pick(n) == 0; }
  template <typename T>
  const T& any(const std::vector<T>& list) {
    return list[pick(list.size())];
  }

  void make_tree();
  void make_links();
  std::string fresh(char letter);
  std::string directory();
  std::string spelled();
  std::string respelled(const std::string& path);
  AccessSet rights();
  void add_entry(fuzz::PolicySpec& policy, const std::string& path);
  void apply(Change change, fuzz::PolicySpec& policy);
  fuzz::PolicySpec policy();

  std::mt19937_64 random_;
  std::string root_;
  int abi_, next_ = 0;
  std::vector<fuzz::Item> items_;
  std::vector<Made> made_;
  std::vector<std::string> names_;  // links and what is found through them, dangling names among them
};

}  // namespace lockstep::conformance::prove

#endif  // LOCKSTEP_CONFORMANCE_PROVE_RANDOM_PAIR_H_
