// Slot: the memory a child reports into. A fixed layout in a memfd mapped shared, fresh for each child, written cell by
// cell, so that a crash or a hang shows how far it came and no other row is touched.
//
// Trivially copyable, no pointers. The parent copies it once, after every descendant is reaped, and then validates the
// copy.
#ifndef LOCKSTEP_CONFORMANCE_WIRE_SLOT_H_
#define LOCKSTEP_CONFORMANCE_WIRE_SLOT_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "model/read_walk.h"

namespace lockstep::conformance::wire {

struct SlotCell {
  std::uint32_t state;  // CellState
  std::int32_t err;
  std::int64_t ret;
  std::uint64_t aux;
  std::uint64_t after;
};

struct SlotHeader {
  static constexpr std::uint64_t magic_value = 0x6c6f636b73746570;  // "lockstep"
  std::uint64_t magic;
  std::uint64_t row;
  std::uint32_t cells;         // how many follow
  std::uint32_t walks;         // capacity of the walk area
  std::uint32_t phase;         // how far the protocol came: see child.cc
  std::uint32_t done;          // cells written
  std::uint32_t complete;      // 1: every actor came to its end
  std::int32_t canary_before;  // errno of the readlink, 0 where it worked; -1 not tried
  std::int32_t canary_after;
  std::int32_t setup_err;
  std::int32_t hidden;  // errno with which procfs refuses what may not be traced; 0: it does not
  std::int32_t unused;
  char message[512];  // of a failed set-up, or of a libcuda.so.1 that could not be loaded; NUL-terminated
};

// After the header: SlotCell[cells], then RawWalk[walks] (view paths, then first and second of each cell).
struct Slot {
  SlotHeader* header = nullptr;
  SlotCell* cells = nullptr;
  model::RawWalk* walks = nullptr;

  static std::size_t bytes(std::uint32_t cells, std::uint32_t walks) {
    return sizeof(SlotHeader) + cells * sizeof(SlotCell) + walks * sizeof(model::RawWalk);
  }
  // Views `memory` as a slot laid out for these counts.
  static Slot at(void* memory, std::uint32_t cells, std::uint32_t /*walks*/) {
    auto* base = static_cast<unsigned char*>(memory);
    return {reinterpret_cast<SlotHeader*>(base), reinterpret_cast<SlotCell*>(base + sizeof(SlotHeader)),
            reinterpret_cast<model::RawWalk*>(base + sizeof(SlotHeader) + cells * sizeof(SlotCell))};
  }
};

static_assert(std::is_trivially_copyable_v<SlotHeader> && std::is_trivially_copyable_v<SlotCell>);
static_assert(sizeof(SlotHeader) % 8 == 0 && sizeof(SlotCell) % 8 == 0);

}  // namespace lockstep::conformance::wire

#endif  // LOCKSTEP_CONFORMANCE_WIRE_SLOT_H_
