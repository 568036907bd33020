// Bytes of a frame or a file, written and read by one list of fields for both directions:
//
//   template <typename Archive> void fields(Archive& archive, Thing& thing) { archive.scalar(thing.number); ... }
//   Writer writer; fields(writer, thing); writer.bytes;      Reader reader(bytes); fields(reader, thing); reader.done();
//
// Numbers stand as this machine has them. A reader trusts nothing: what is out of range is refused, and what it takes, a
// writer would write so again.
#ifndef LOCKSTEP_COMPILED_ARCHIVE_H_
#define LOCKSTEP_COMPILED_ARCHIVE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <lockstep/access_set.h>

namespace lockstep::bytes {

inline constexpr std::uint32_t max_items = 1U << 16;  // of any list
inline constexpr std::uint32_t max_text = 1U << 20;   // bytes of any string

// Writer and Reader have the same operations, so that one list of fields serves both directions.
class Writer {
 public:
  template <typename T>
  void scalar(T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void text(std::string& value) {
    auto size = static_cast<std::uint32_t>(value.size());
    scalar(size);
    bytes += value;
  }
  template <typename T, typename Each>
  void list(std::vector<T>& values, Each each) {
    auto size = static_cast<std::uint32_t>(values.size());
    scalar(size);
    for (T& value : values) each(value);
  }
  // Plain structs, byte for byte.
  template <typename T>
  void block(std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    auto size = static_cast<std::uint32_t>(values.size());
    scalar(size);
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  std::string bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes), size_(bytes.size()) {}
  template <typename T>
  void scalar(T& value) {
    if (left_.size() < sizeof(value)) return refuse();
    std::memcpy(&value, left_.data(), sizeof(value));
    left_.remove_prefix(sizeof(value));
  }
  void text(std::string& value) {
    std::uint32_t size = 0;
    scalar(size);
    if (!ok_ || size > max_text || size > left_.size()) return refuse();
    value = left_.substr(0, size);
    left_.remove_prefix(size);
  }
  template <typename T, typename Each>
  void list(std::vector<T>& values, Each each) {
    std::uint32_t size = 0;
    scalar(size);
    // Every item takes a byte at least: a wild count cannot make us allocate more than the frame could hold.
    if (!ok_ || size > max_items || size > left_.size()) return refuse();
    for (std::uint32_t i = 0; i < size && ok_; ++i) each(values.emplace_back());
  }
  template <typename T>
  void block(std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::uint32_t size = 0;
    scalar(size);
    if (!ok_ || size > left_.size() / sizeof(T)) return refuse();
    values.resize(size);
    if (size > 0) std::memcpy(values.data(), left_.data(), size * sizeof(T));
    left_.remove_prefix(size * sizeof(T));
  }
  void refuse() {
    if (ok_) refused_at_ = size_ - left_.size();
    ok_ = false;
  }
  bool done() const { return ok_ && left_.empty(); }
  // Where the first thing that was refused ends, or what follows the last.
  std::size_t refused_at() const { return ok_ ? size_ - left_.size() : refused_at_; }

 private:
  std::string_view left_;
  std::size_t size_;
  std::size_t refused_at_ = 0;
  bool ok_ = true;
};

template <typename Archive>
constexpr bool reading = std::is_same_v<Archive, Reader>;

template <typename Archive, typename Enum>
void enumeration(Archive& archive, Enum& value, Enum last) {
  archive.scalar(value);
  if constexpr (reading<Archive>)
    if (static_cast<std::uint32_t>(value) > static_cast<std::uint32_t>(last)) archive.refuse();
}

template <typename Archive>
void flag(Archive& archive, bool& value) {
  std::uint8_t byte = value ? 1 : 0;
  archive.scalar(byte);
  if constexpr (reading<Archive>) {
    value = byte != 0;
    if (byte > 1) archive.refuse();
  }
}

template <typename Archive, typename Bit>
void bits(Archive& archive, BitSet<Bit>& value) {
  std::uint64_t number = value.bits();
  archive.scalar(number);
  if constexpr (reading<Archive>) value = BitSet<Bit>::from_bits(number);
}

}  // namespace lockstep::bytes

#endif  // LOCKSTEP_COMPILED_ARCHIVE_H_
