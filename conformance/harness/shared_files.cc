#include "conformance/harness/shared_files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "conformance/harness/memory_file.h"

namespace lockstep::conformance::harness {

Result<wire::Slot> SharedFiles::slot(std::uint32_t cells, std::uint32_t walks) {
  const std::size_t needed = wire::Slot::bytes(cells, walks);
  if (needed > size_) {
    if (memory_ != nullptr) ::munmap(memory_, size_);
    memory_ = nullptr, size_ = 0;
    LOCKSTEP_ASSIGN(slot_, memory_file("slot", needed));
    void* memory = ::mmap(nullptr, needed, PROT_READ | PROT_WRITE, MAP_SHARED, slot_.get(), 0);
    if (memory == MAP_FAILED) return system_error(errno, "mmap(the slot)");
    memory_ = memory, size_ = needed;
  }
  // Links are read only where a walk says that they were written.
  std::memset(memory_, 0, wire::Slot::bytes_without_links(cells, walks));
  return wire::Slot::at(memory_, cells, walks);
}

Result<int> SharedFiles::output() {
  if (!output_) {
    LOCKSTEP_ASSIGN(output_, memory_file("output", 0));
  }
  // The children write at an offset that they share with this descriptor.
  if (::ftruncate(output_.get(), 0) != 0 || ::lseek(output_.get(), 0, SEEK_SET) != 0)
    return system_error(errno, "ftruncate(the output)");
  return output_.get();
}

Result<int> SharedFiles::request(std::string_view encoded) {
  if (!request_) {
    LOCKSTEP_ASSIGN(request_, memory_file("request", 0));
  }
  if (::pwrite(request_.get(), encoded.data(), encoded.size(), 0) != static_cast<ssize_t>(encoded.size()) ||
      ::ftruncate(request_.get(), static_cast<off_t>(encoded.size())) != 0)
    return system_error(errno, "write(the request)");
  return request_.get();
}

void SharedFiles::discard() {
  if (memory_ != nullptr) ::munmap(memory_, size_);
  memory_ = nullptr, size_ = 0;
  slot_.reset();
  output_.reset();
  request_.reset();
}

}  // namespace lockstep::conformance::harness
