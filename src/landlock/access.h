// File-system access rights and sets of them.
//
//   AccessSet set = access_group_read | Right::write_file;
//   set.contains(Right::truncate);            // false
//   names(set);                               // {"execute", "write_file", "read_file", "read_dir"}
//
// The value of a Right is its bit number in the kernel's interface. Names are the kernel's, lower case, without prefix.
// What a right means, and from which ABI on it exists: landlock/abi.h.
#ifndef LOCKSTEP_LANDLOCK_ACCESS_H_
#define LOCKSTEP_LANDLOCK_ACCESS_H_

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

enum class Right : std::uint8_t {
  execute = 0,
  write_file = 1,
  read_file = 2,
  read_dir = 3,
  remove_dir = 4,
  remove_file = 5,
  make_char = 6,
  make_dir = 7,
  make_reg = 8,
  make_sock = 9,
  make_fifo = 10,
  make_block = 11,
  make_sym = 12,
  refer = 13,
  truncate = 14,
  ioctl_dev = 15,
  resolve_unix = 16,
};
inline constexpr int right_count = 17;

class AccessSet {
 public:
  constexpr AccessSet() = default;
  constexpr AccessSet(Right right) : bits_(std::uint64_t{1} << static_cast<int>(right)) {}  // NOLINT
  static constexpr AccessSet from_bits(std::uint64_t bits) {
    AccessSet set;
    set.bits_ = bits;
    return set;
  }

  constexpr std::uint64_t bits() const { return bits_; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr int size() const { return std::popcount(bits_); }
  constexpr bool contains(AccessSet other) const { return (bits_ & other.bits_) == other.bits_; }
  constexpr bool intersects(AccessSet other) const { return (bits_ & other.bits_) != 0; }

  friend constexpr AccessSet operator|(AccessSet a, AccessSet b) { return from_bits(a.bits_ | b.bits_); }
  friend constexpr AccessSet operator&(AccessSet a, AccessSet b) { return from_bits(a.bits_ & b.bits_); }
  friend constexpr AccessSet operator-(AccessSet a, AccessSet b) { return from_bits(a.bits_ & ~b.bits_); }
  constexpr AccessSet& operator|=(AccessSet other) { return *this = *this | other; }
  constexpr AccessSet& operator&=(AccessSet other) { return *this = *this & other; }
  friend constexpr bool operator==(AccessSet, AccessSet) = default;

 private:
  std::uint64_t bits_ = 0;
};
constexpr AccessSet operator|(Right a, Right b) { return AccessSet(a) | AccessSet(b); }

// What `read_only` grants. What `read_write` grants is every right of the plan's ABI: see abi.h.
inline constexpr AccessSet access_read_only = Right::execute | Right::read_file | Right::read_dir;

// The rights the kernel accepts in a rule on anything but a directory (ACCESS_FILE in security/landlock/fs.c); any other
// right there is EINVAL. Still to be cut to the ABI's own set.
inline constexpr AccessSet access_on_files = Right::execute | Right::write_file | Right::read_file | Right::truncate |
                                             Right::ioctl_dev | Right::resolve_unix;

std::string_view name(Right right);
std::optional<Right> right_from_name(std::string_view name);
std::vector<std::string> names(AccessSet set);                             // in bit order
std::string join_names(AccessSet set, std::string_view separator = " ");  // "read_file write_file"; "none"

}  // namespace lockstep

#endif  // LOCKSTEP_LANDLOCK_ACCESS_H_
