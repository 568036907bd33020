// The walks of a reply, packed as in the slot: a walk has four or five links of the forty it might have, and a row has
// hundreds of walks.
//
//   Walks walks;
//   walks.add(raw);                  // a model::RawWalk
//   walks.error(0);  walks[0];       // what is the matter with it; the model::Walk
#ifndef LOCKSTEP_CONFORMANCE_WIRE_WALKS_H_
#define LOCKSTEP_CONFORMANCE_WIRE_WALKS_H_

#include <cstddef>
#include <initializer_list>
#include <vector>

#include "conformance/wire/slot.h"
#include "model/view.h"

namespace lockstep::conformance::wire {

class Walks {
 public:
  Walks() = default;
  Walks(std::initializer_list<model::RawWalk> walks) {
    for (const model::RawWalk& each : walks) add(each);
  }
  // One whose count is out of range becomes an empty walk with an error.
  void add(const model::RawWalk& walk);
  // `links`: of the whole slot. False, and nothing is added, where it has no such links.
  bool add(const PackedWalk& walk, const model::RawLink* links, std::size_t count_of_links);
  void reserve(std::size_t walks) { entries_.reserve(walks); }

  std::size_t size() const { return entries_.size(); }
  int error(std::size_t index) const;  // errno; ENOENT also where the last name alone is missing
  model::Walk operator[](std::size_t index) const;

  // For wire.cc.
  std::vector<PackedWalk>& entries() { return entries_; }
  std::vector<model::RawLink>& links() { return links_; }
  bool valid() const;

 private:
  std::vector<PackedWalk> entries_;
  std::vector<model::RawLink> links_;
};

}  // namespace lockstep::conformance::wire

#endif  // LOCKSTEP_CONFORMANCE_WIRE_WALKS_H_
