// What the cuda program needs of the machine it runs on: the libraries and their versions, as its own file says. It
// must start on the oldest distribution that has a driver worth asking, whatever it was built on.
#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace lockstep::conformance::cuda {
namespace {

struct Needs {
  std::string interpreter;
  std::set<std::string> libraries;
  std::set<std::string> versions;  // "libc.so.6 GLIBC_2.2.5"
};

// A dynamic ELF file of this machine's class and byte order, read without the tools that a minimal machine lacks.
class ElfFile {
 public:
  explicit ElfFile(const char* path) {
    std::ifstream in(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    header_ = at<Elf64_Ehdr>(0);
    EXPECT_EQ(std::memcmp(header_.e_ident, ELFMAG, SELFMAG), 0) << path << " is no ELF file";
    EXPECT_EQ(header_.e_ident[EI_CLASS], ELFCLASS64);
  }

  Needs needs() const {
    Needs out;
    std::vector<Elf64_Dyn> dynamic;
    for (unsigned i = 0; i < header_.e_phnum; ++i) {
      const auto segment = at<Elf64_Phdr>(header_.e_phoff + i * sizeof(Elf64_Phdr));
      if (segment.p_type == PT_INTERP) out.interpreter = text(segment.p_offset);
      if (segment.p_type != PT_DYNAMIC) continue;
      for (std::size_t offset = 0; offset < segment.p_filesz; offset += sizeof(Elf64_Dyn))
        dynamic.push_back(at<Elf64_Dyn>(segment.p_offset + offset));
    }
    std::size_t strings = 0, versions = 0;
    for (const Elf64_Dyn& each : dynamic) {
      if (each.d_tag == DT_STRTAB) strings = offset_of(each.d_un.d_ptr);
      if (each.d_tag == DT_VERNEED) versions = offset_of(each.d_un.d_ptr);
    }
    for (const Elf64_Dyn& each : dynamic)
      if (each.d_tag == DT_NEEDED) out.libraries.insert(text(strings + each.d_un.d_val));
    for (std::size_t next = versions; next != 0;) {
      const auto library = at<Elf64_Verneed>(next);
      std::size_t entry = next + library.vn_aux;
      for (unsigned i = 0; i < library.vn_cnt; ++i) {
        const auto version = at<Elf64_Vernaux>(entry);
        out.versions.insert(text(strings + library.vn_file) + " " + text(strings + version.vna_name));
        entry += version.vna_next;
      }
      next = library.vn_next == 0 ? 0 : next + library.vn_next;
    }
    return out;
  }

 private:
  template <typename T>
  T at(std::size_t offset) const {
    T out{};
    if (offset + sizeof(T) <= bytes_.size()) {
      std::memcpy(&out, bytes_.data() + offset, sizeof(T));
    } else {
      ADD_FAILURE() << "beyond the end of the file";
    }
    return out;
  }
  std::string text(std::size_t offset) const { return offset < bytes_.size() ? bytes_.c_str() + offset : ""; }
  std::size_t offset_of(Elf64_Addr address) const {
    for (unsigned i = 0; i < header_.e_phnum; ++i) {
      const auto segment = at<Elf64_Phdr>(header_.e_phoff + i * sizeof(Elf64_Phdr));
      const bool inside = address >= segment.p_vaddr && address < segment.p_vaddr + segment.p_filesz;
      if (segment.p_type == PT_LOAD && inside) return address - segment.p_vaddr + segment.p_offset;
    }
    ADD_FAILURE() << "an address in no segment";
    return 0;
  }

  std::string bytes_;
  Elf64_Ehdr header_{};
};

// "libc.so.6 GLIBC_2.2.5" is 2002; -1 for what is no version of glibc's.
int version_number(const std::string& version) {
  const std::size_t from = version.find(" GLIBC_");
  int major = 0, minor = 0;
  if (from == std::string::npos || std::sscanf(version.c_str() + from, " GLIBC_%d.%d", &major, &minor) != 2) return -1;
  return major * 1000 + minor;
}

TEST(CudaHelperNeeds, NothingNewerThanGlibc231AndNoOtherLibrary) {
  const Needs needs = ElfFile(LOCKSTEP_CUDA_HELPER).needs();
  EXPECT_FALSE(needs.interpreter.empty()) << "it must be dynamic: libcuda.so.1 is a shared library";
#if !defined(__x86_64__)
  GTEST_SKIP() << "its versions are pinned on x86-64 alone";
#endif
  EXPECT_EQ(needs.libraries, (std::set<std::string>{"libc.so.6", "libdl.so.2"}));
  EXPECT_FALSE(needs.versions.empty());
  for (const std::string& each : needs.versions) {
    EXPECT_GE(version_number(each), 2000) << each;
    EXPECT_LE(version_number(each), 2031) << each;
  }
}

// The reader sees what an ordinary library needs: else the test above could not fail.
TEST(CudaHelperNeeds, AreReadFromAnOrdinaryLibraryToo) {
  const Needs needs = ElfFile(LOCKSTEP_STAND_IN_LIBRARY).needs();
  EXPECT_EQ(needs.libraries.count("libc.so.6"), 1U);
  int newest = 0;
  for (const std::string& each : needs.versions) newest = std::max(newest, version_number(each));
  EXPECT_GT(newest, 2003) << "it uses more than the first glibc on x86-64";
  EXPECT_EQ(version_number("libc.so.6 GLIBC_2.34"), 2034);
  EXPECT_EQ(version_number("libc.so.6 GLIBC_PRIVATE"), -1);
}

}  // namespace
}  // namespace lockstep::conformance::cuda
