#include "conformance/wire/walks.h"

#include <algorithm>
#include <cerrno>

namespace lockstep::conformance::wire {
namespace {

bool has_links(const PackedWalk& walk, std::size_t links) {
  return walk.count >= 0 && walk.count <= model::RawWalk::max_links && walk.first <= links &&
         static_cast<std::size_t>(walk.count) <= links - walk.first;
}

}  // namespace

void Walks::add(const model::RawWalk& walk) {
  const bool in_range = walk.count >= 0 && walk.count <= model::RawWalk::max_links;
  PackedWalk packed{};
  packed.count = in_range ? walk.count : 0;
  packed.error = in_range ? walk.error : E2BIG;
  packed.missing = walk.missing != 0 ? 1 : 0;
  packed.exempt = walk.exempt != 0 ? 1 : 0;
  packed.first = static_cast<std::uint32_t>(links_.size());
  entries_.push_back(packed);
  links_.insert(links_.end(), walk.links, walk.links + packed.count);
}

bool Walks::add(const PackedWalk& walk, const model::RawLink* links, std::size_t count_of_links) {
  if (!has_links(walk, count_of_links)) return false;
  entries_.push_back(walk);
  entries_.back().first = static_cast<std::uint32_t>(links_.size());
  links_.insert(links_.end(), links + walk.first, links + walk.first + walk.count);
  return true;
}

int Walks::error(std::size_t index) const {
  return entries_[index].missing != 0 ? ENOENT : entries_[index].error;
}

model::Walk Walks::operator[](std::size_t index) const {
  const PackedWalk& walk = entries_[index];
  return model::to_walk({links_.data() + walk.first, static_cast<std::size_t>(walk.count)}, walk.error,
                        walk.missing != 0, walk.exempt != 0);
}

bool Walks::valid() const {
  return std::all_of(entries_.begin(), entries_.end(),
                     [this](const PackedWalk& walk) { return has_links(walk, links_.size()); });
}

}  // namespace lockstep::conformance::wire
