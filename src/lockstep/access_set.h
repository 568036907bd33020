// Sets of what Landlock can restrict, for whoever passes them on: which bits there are is in rights.h, which this does not include.
#ifndef LOCKSTEP_ACCESS_SET_H_
#define LOCKSTEP_ACCESS_SET_H_

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

enum class Right : std::uint8_t;
enum class NetRight : std::uint8_t;
enum class Scope : std::uint8_t;
enum class RestrictFlag : std::uint8_t;

template <typename Bit>
class BitSet {
 public:
  constexpr BitSet() = default;
  constexpr BitSet(Bit bit) : bits_(std::uint64_t{1} << static_cast<int>(bit)) {}
  static constexpr BitSet from_bits(std::uint64_t bits) {
    BitSet set;
    set.bits_ = bits;
    return set;
  }

  constexpr std::uint64_t bits() const { return bits_; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr int size() const { return std::popcount(bits_); }
  constexpr bool contains(BitSet other) const { return (bits_ & other.bits_) == other.bits_; }
  constexpr bool intersects(BitSet other) const { return (bits_ & other.bits_) != 0; }

  friend constexpr BitSet operator|(BitSet a, BitSet b) { return from_bits(a.bits_ | b.bits_); }
  friend constexpr BitSet operator&(BitSet a, BitSet b) { return from_bits(a.bits_ & b.bits_); }
  friend constexpr BitSet operator-(BitSet a, BitSet b) { return from_bits(a.bits_ & ~b.bits_); }
  constexpr BitSet& operator|=(BitSet other) { return *this = *this | other; }
  constexpr BitSet& operator&=(BitSet other) { return *this = *this & other; }
  friend constexpr bool operator==(BitSet, BitSet) = default;

 private:
  std::uint64_t bits_ = 0;
};
using AccessSet = BitSet<Right>;
using NetSet = BitSet<NetRight>;
using ScopeSet = BitSet<Scope>;
using RestrictFlags = BitSet<RestrictFlag>;

std::string_view name(Right right);
std::string_view name(NetRight right);
std::string_view name(Scope scope);
std::string_view name(RestrictFlag flag);
std::vector<std::string> names(AccessSet set);  // in bit order
std::vector<std::string> names(NetSet set);
std::vector<std::string> names(ScopeSet set);
std::vector<std::string> names(RestrictFlags set);
// "read_file write_file"; "none" for an empty set.
std::string join(const std::vector<std::string>& names, std::string_view separator = " ");
inline std::string join_names(AccessSet set, std::string_view separator = " ") {
  return join(names(set), separator);
}

}  // namespace lockstep

#endif  // LOCKSTEP_ACCESS_SET_H_
