#include "model/loaders.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <string_view>

#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep::model {
namespace {

constexpr std::size_t first_line = 256;  // BINPRM_BUF_SIZE: what of a script the kernel looks at
constexpr int most_scripts = 5;          // one more is ELOOP (fs/exec.c)
constexpr std::size_t most_headers = 128;

std::optional<std::string> read_at(int fd, std::size_t offset, std::size_t size) {
  std::string out(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count = ::pread(fd, out.data() + got, size - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  out.resize(got);
  return out;
}

// The interpreter of "#!/bin/sh -e"; empty: the kernel finds none there, and execve(2) is ENOEXEC.
std::string interpreter_of(std::string_view head) {
  const std::size_t end = head.find_first_of(std::string_view("\n\0", 2));
  std::string_view line = head.substr(2, end == std::string_view::npos ? end : end - 2);
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  line.remove_prefix(begin);
  const std::size_t stop = line.find_first_of(" \t");
  // A name cut off by the end of what the kernel reads is none.
  if (stop == std::string_view::npos && end == std::string_view::npos && head.size() == first_line) return {};
  return std::string(line.substr(0, stop));
}

std::string give_up(Loaders* out, std::string why, int error = 0) {
  out->unknown = std::move(why);
  out->error = error;
  return {};
}

template <typename Header, typename Segment>
std::string program_interpreter(int fd, const std::string& head, Loaders* out) {
  Header header;
  if (head.size() < sizeof header) return give_up(out, "its header is cut off", ENOEXEC);
  std::memcpy(&header, head.data(), sizeof header);
  if (header.e_phentsize != sizeof(Segment)) return {};
  const std::size_t count = std::min<std::size_t>(header.e_phnum, most_headers);
  const std::optional<std::string> table = read_at(fd, header.e_phoff, count * sizeof(Segment));
  if (!table) return give_up(out, "its program headers cannot be read");
  for (std::size_t at = 0; at + sizeof(Segment) <= table->size(); at += sizeof(Segment)) {
    Segment segment;
    std::memcpy(&segment, table->data() + at, sizeof segment);
    if (segment.p_type != PT_INTERP) continue;
    if (segment.p_filesz < 2 || segment.p_filesz > PATH_MAX)
      return give_up(out, "the name of its loader is too short or too long", ENOEXEC);
    const std::optional<std::string> name = read_at(fd, segment.p_offset, segment.p_filesz);
    return name ? name->substr(0, name->find('\0')) : std::string();
  }
  return {};
}

// Of one file: the next path that is opened; empty: none.
std::string next(const std::string& path, bool* script, Loaders* out) {
  *script = false;
  // O_NONBLOCK: a fifo must not hold us; nothing but a regular file is read.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  const int error = errno;
  struct stat st;
  if (!fd || ::fstat(fd.get(), &st) != 0)
    return give_up(out, printable(path) + " cannot be read (" + errno_name(error) + ")",
                   !fd && error == ENOENT ? error : 0);
  if (!S_ISREG(st.st_mode)) return {};
  const std::optional<std::string> head = read_at(fd.get(), 0, first_line);
  if (!head) return give_up(out, printable(path) + " cannot be read");
  if (head->starts_with("#!")) {
    *script = true;
    std::string found = interpreter_of(*head);
    return found.empty() ? give_up(out, printable(path) + " begins with #! and names no interpreter", ENOEXEC) : found;
  }
  if (head->size() < EI_NIDENT || std::memcmp(head->data(), ELFMAG, SELFMAG) != 0)
    return give_up(out, printable(path) + " is neither an ELF program nor a script that begins with #!", ENOEXEC);
  const char order = (*head)[EI_DATA];
  if (order != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
    return give_up(out, printable(path) + " is a program for another machine");
  return (*head)[EI_CLASS] == ELFCLASS64 ? program_interpreter<Elf64_Ehdr, Elf64_Phdr>(fd.get(), *head, out)
                                         : program_interpreter<Elf32_Ehdr, Elf32_Phdr>(fd.get(), *head, out);
}

}  // namespace

Loaders read_loaders(const std::string& program) {
  Loaders out;
  std::string at = program;
  for (int scripts = 0; scripts <= most_scripts;) {
    bool script = false;
    std::string found = next(at, &script, &out);
    if (found.empty()) return out;
    if (!found.starts_with('/')) {
      out.unknown = printable(found) + ", which " + printable(at) + " names, is looked up from the work directory";
      return out;
    }
    out.paths.push_back(found);
    // The loader of a program is opened, and what it would name itself is not.
    if (!script) return out;
    ++scripts;
    at = std::move(found);
  }
  out.unknown = "more than " + std::to_string(most_scripts) + " scripts name each other";
  out.error = ELOOP;
  return out;
}

}  // namespace lockstep::model
