// Slot: the memory a child reports into. A layout in a memfd mapped shared, cleared for each child, written cell by
// cell, so that a crash or a hang shows how far it came and no other row is touched.
//
// Trivially copyable, no pointers. The parent copies it once, after every descendant is reaped, and then validates the
// copy. Only of children that all came to their end the memory serves the next row as well.
#ifndef LOCKSTEP_CONFORMANCE_WIRE_SLOT_H_
#define LOCKSTEP_CONFORMANCE_WIRE_SLOT_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
  std::uint32_t walks;         // how many follow these
  std::uint32_t phase;         // how far the protocol came: see child.cc
  std::uint32_t done;          // cells written
  std::uint32_t complete;      // 1: every actor came to its end
  std::int32_t canary_before;  // errno of the readlink, 0 where it worked; -1 not tried
  std::int32_t canary_after;
  std::int32_t setup_err;
  std::int32_t hidden;  // errno with which procfs refuses what may not be traced; 0: it does not
  std::uint32_t links;  // how many are in use
  char message[512];    // of a failed set-up, or of a libcuda.so.1 that could not be loaded; NUL-terminated
};

// A model::RawWalk whose links stand elsewhere: most have four or five of the forty they might have.
struct PackedWalk {
  std::int32_t count;
  std::int32_t error;
  std::uint16_t missing;
  std::uint16_t exempt;
  std::uint32_t first;  // index of its first link
};

// After the header: SlotCell[cells], PackedWalk[walks] (view paths, then first and second of each cell), and the links
// of these walks, as many as there can be. Only what is used of them is ever touched.
struct Slot {
  SlotHeader* header = nullptr;
  SlotCell* cells = nullptr;
  PackedWalk* walks = nullptr;
  model::RawLink* links = nullptr;

  static std::size_t bytes_without_links(std::uint32_t cells, std::uint32_t walks) {
    return sizeof(SlotHeader) + cells * sizeof(SlotCell) + walks * sizeof(PackedWalk);
  }
  static std::size_t max_links(std::uint32_t walks) { return std::size_t{walks} * model::RawWalk::max_links; }
  static std::size_t bytes(std::uint32_t cells, std::uint32_t walks) {
    return bytes_without_links(cells, walks) + max_links(walks) * sizeof(model::RawLink);
  }
  // Views `memory` as a slot laid out for these counts.
  static Slot at(void* memory, std::uint32_t cells, std::uint32_t walks) {
    auto* base = static_cast<unsigned char*>(memory);
    return {reinterpret_cast<SlotHeader*>(base), reinterpret_cast<SlotCell*>(base + sizeof(SlotHeader)),
            reinterpret_cast<PackedWalk*>(base + sizeof(SlotHeader) + cells * sizeof(SlotCell)),
            reinterpret_cast<model::RawLink*>(base + bytes_without_links(cells, walks))};
  }
  // Each walk once, by one process after another: there is room for all of them.
  void put(std::uint32_t index, const model::RawWalk& walk) const {
    PackedWalk* const packed = &walks[index];
    const bool fits = walk.count >= 0 && walk.count <= model::RawWalk::max_links &&
                      header->links + static_cast<std::size_t>(walk.count) <= max_links(header->walks);
    packed->error = fits ? walk.error : E2BIG;
    packed->missing = walk.missing != 0 ? 1 : 0;
    packed->exempt = walk.exempt != 0 ? 1 : 0;
    packed->first = header->links;
    packed->count = fits ? walk.count : 0;
    if (packed->count == 0) return;
    const auto count = static_cast<std::uint32_t>(packed->count);
    std::memcpy(links + packed->first, walk.links, count * sizeof(model::RawLink));
    header->links += count;
  }
  // For whoever wrote it: of a stranger's slot nothing is believed (Walks::add).
  model::RawWalk walk(std::uint32_t index) const {
    const PackedWalk& packed = walks[index];
    model::RawWalk out{packed.count, packed.error, packed.missing, packed.exempt, {}};
    std::memcpy(out.links, links + packed.first, static_cast<std::size_t>(packed.count) * sizeof(model::RawLink));
    return out;
  }
};

static_assert(std::is_trivially_copyable_v<SlotHeader> && std::is_trivially_copyable_v<SlotCell> &&
              std::is_trivially_copyable_v<PackedWalk> && std::is_trivially_copyable_v<model::RawLink>);
static_assert(sizeof(SlotHeader) % 8 == 0 && sizeof(SlotCell) % 8 == 0 && sizeof(PackedWalk) % 8 == 0);

}  // namespace lockstep::conformance::wire

#endif  // LOCKSTEP_CONFORMANCE_WIRE_SLOT_H_
