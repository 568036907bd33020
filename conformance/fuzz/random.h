// Random trees, layers and operations. The same seed and index give the same case on every machine with the same
// features.
//
//   Generator generator(seed, index, features, false);
//   FuzzCase next = generator.next(256);             // its items stand in the skeleton
//   try_control(next, ...);
//   for (...) try_restricted(next, ...), generator.restack(next);
//
// A skeleton is what all operations have in common: directories, mounts, links, devices, descriptors. What an operation
// changes is made for that operation (the items of next()) in directories of the skeleton, so that operations do not
// depend on one another.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_RANDOM_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_RANDOM_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "conformance/fuzz/case.h"

namespace lockstep::conformance::fuzz {

// What the machine offers: found out by trying.
struct Features {
  int abi = 0;
  bool mknod = false;
  bool proc = false;
  bool overlay = false;
  bool network = false;
  bool reclaim = false;  // asked for, and possible
  std::size_t most_layers = 16;
};

class Generator {
 public:
  Generator(std::uint64_t seed, std::uint64_t index, Features features, bool disk);

  const std::vector<Item>& skeleton() const { return skeleton_; }
  FuzzCase next(std::size_t operations);
  // Other layers for the same operations. Not for cases with reclaim.
  void restack(FuzzCase& out);

 private:
  struct Place {  // a directory
    std::string path;
    int mount;           // moves between different ones are EXDEV
    bool alias = false;  // through a symbolic link
  };
  struct Named {
    std::string path;
    ItemKind kind;
    int mount;
  };

  std::size_t pick(std::size_t below) { return random_() % below; }
  bool one_in(std::size_t n) { return pick(n) == 0; }
  template <typename T>
  const T& any(const std::vector<T>& list) {
    return list[pick(list.size())];
  }

  void make_directories(bool disk);
  void make_mounts();
  void make_bind();
  void make_names();
  void make_disconnected();
  void make_removed();
  Place add_dir(const Place& parent);
  std::string fresh_name() { return "x" + std::to_string(next_++); }

  const Place& place();
  const Place& place_beside(const Place& first);
  bool usable(const std::string& path) const;
  std::string make_own(FuzzCase& out, const Place& where, bool may_be_dir = true);
  std::string make_name(FuzzCase& out, const Place& where, bool may_be_dir = true);
  std::string fresh(const Place& where);
  std::string any_object(FuzzCase& out);
  void add_operation(FuzzCase& out);
  void add_without_path(FuzzCase& out);
  Mode any_client();
  void add_layers(FuzzCase& out);
  LayerSpec policy_layer(int abi);
  std::string named();
  void add_reclaim(FuzzCase& out);
  void add_restrictions(LayerSpec& layer);
  void add_rule(const FuzzCase& out, LayerSpec& layer, bool generous);
  AccessSet some_of(AccessSet set, bool generous);

  Features features_;
  std::mt19937_64 random_;
  std::vector<Item> skeleton_;
  std::vector<Place> places_, plain_, hidden_;  // hidden_: for rules alone
  std::vector<Named> names_;
  std::vector<std::string> proc_, proc_entries_, connect_, mount_points_;
  std::string chroot_;
  int next_ = 0, mounts_ = 0, holds_ = 0;
};

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_RANDOM_H_
