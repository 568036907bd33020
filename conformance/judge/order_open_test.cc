// Opening, truncating, executing: which of the kernel's own errnos come before it asks Landlock, and which
// after.
#include <elf.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <lockstep/rights.h>

#include "conformance/judge/order_testing.h"

namespace lockstep::conformance::judge::order {
namespace {

using enum Operation;
using enum Order;

constexpr AccessSet request_alone = Right::ioctl_dev, length_alone = Right::truncate;

void read_only_mount(Place& at) {
  at.mount("m", "tmpfs");
  at.file("m/f");
  at.mount("m", nullptr, "", MS_BIND);
  at.remount_read_only("m", true);
}
void read_only_fs(Place& at) {
  at.mount("m", "tmpfs");
  at.file("m/f");
  at.remount_read_only("m", false);
}
void one_file(Place& at) {
  at.file("f");
}
void one_directory(Place& at) {
  at.directory("d");
}
void immutable(Place& at) {
  at.file("f");
  at.attribute("f", FS_IMMUTABLE_FL);
}
void append_only(Place& at) {
  at.file("f");
  at.attribute("f", FS_APPEND_FL);
}
void fifo(Place& at) {
  Place::must(::mkfifo(at.at("p").c_str(), 0666) == 0);
}
void no_driver(Place& at) {
  at.device("d", S_IFCHR, 250, 250);
}
void no_minor(Place& at) {
  at.device("d", S_IFCHR, 10, 253);
}
// /dev/port, where the kernel has it.
void memory(Place& at) {
  at.device("d", S_IFCHR, 1, 4);
  const int fd = ::open(at.at("d").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) Place::cannot();
  ::close(fd);
}
void core(Place& /*at*/) {
  if (::access("/proc/kcore", R_OK) != 0) Place::cannot();
}
void socket(Place& at) {
  at.serve("s", SOCK_STREAM, 1);
}
void nothing(Place& /*at*/) {}
void leased(Place& at) {
  at.file("f");
  const int fd = ::open(at.at("f").c_str(), O_RDONLY | O_CLOEXEC);
  at.keep(fd);
  ::signal(SIGIO, SIG_IGN);
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) != 0) Place::cannot();
}
// A file may not grow.
void limited(Place& at) {
  at.file("f", 0777, "");
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit none{0, 0};
  Place::must(::setrlimit(RLIMIT_FSIZE, &none) == 0);
}
void full(Place& at) {
  at.mount("m", "tmpfs", "nr_inodes=2,mode=0777");
  at.directory("m/d");
}
void held(Place& at) {
  at.file("f");
  at.keep(::open(at.at("f").c_str(), O_WRONLY | O_CLOEXEC));
}
template <unsigned mode>
void with_mode(Place& at) {
  at.file("f", mode);
  at.directory("d", mode);
}
void closed_parent(Place& at) {
  at.directory("d", 0777);
  at.file("d/f");
  Place::must(::chmod(at.at("d").c_str(), 0700) == 0);
}
template <const char* path>
void script(Place& at) {
  at.link("loop", "loop");
  at.file("plain", 0644);
  at.file("f", 0777, "#!" + at.at(path) + "\n");
}
constexpr char missing[] = "missing", below_a_file[] = "plain/x", a_loop[] = "loop", plain_file[] = "plain";

// A program of 64 bits that asks for this interpreter.
template <const char* path>
void program(Place& at) {
  at.file("plain", 0777,
          "no ELF, but long enough to be read as the head of one: "
          "....................................................");
  const std::string interpreter = at.at(path);
  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64, head.e_ident[EI_DATA] = ELFDATA2LSB, head.e_ident[EI_VERSION] = EV_CURRENT;
  head.e_type = ET_DYN, head.e_machine = EM_X86_64, head.e_version = EV_CURRENT;
  head.e_phoff = sizeof(head), head.e_ehsize = sizeof(head), head.e_phentsize = sizeof(Elf64_Phdr), head.e_phnum = 1;
  Elf64_Phdr part{};
  part.p_type = PT_INTERP, part.p_offset = sizeof(head) + sizeof(part),
  part.p_filesz = part.p_memsz = interpreter.size() + 1;
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof(head));
  bytes.append(reinterpret_cast<const char*>(&part), sizeof(part));
  bytes.append(interpreter.c_str(), interpreter.size() + 1);
  bytes.append(512, '\0');
  at.file("f", 0777, bytes);
}
void no_exec(Place& at) {
  at.mount("m", "tmpfs", "", MS_NOEXEC);
  at.file("m/f");
}
void no_devices(Place& at) {
  at.mount("m", "tmpfs", "", MS_NODEV);
  at.device("m/d", S_IFCHR, 1, 3);
}
void no_links(Place& at) {
  at.mount("m", "tmpfs", "", 256 /* MS_NOSYMFOLLOW */);
  at.file("m/f");
  at.link("m/l", "f");
}

std::vector<Situation> situations() {
  std::vector<Situation> out = {
      {"OpenMissing", open_r, "missing", "", ENOENT, before, nothing},
      {"OpenBelowAFile", open_r, "f/x", "", ENOTDIR, before, one_file},
      {"OpenALoop", open_r, "l", "", ELOOP, before, [](Place& at) { at.link("l", "l"); }},
      {"OpenALinkWhereNoneIsFollowed", open_r, "m/l", "", ELOOP, before, no_links},
      {"OpenBelowAClosedDirectory", open_r, "d/f", "", EACCES, before, closed_parent, As::user},
      {"OpenWithoutPermission", open_r, "f", "", EACCES, same, with_mode<0>, As::user},
      {"OpendirWithoutPermission", opendir, "d", "", EACCES, same, with_mode<0>, As::user},
      {"OpendirAFile", opendir, "f", "", ENOTDIR, before, one_file},
      {"OpenARunningProgram", open_w, "/proc/self/exe", "", ETXTBSY, before, nothing},
      {"OpenAFifoWithoutAReader", open_w, "p", "", ENXIO, after, fifo},
      {"OpenASocket", open_r, "s", "", ENXIO, after, socket},
      {"ReopenASocket", reopen_fd, "s", "", ENXIO, after, socket},
      {"OpenADeviceWithoutADriver", open_r, "d", "", ENXIO, after, no_driver},
      {"OpenABlockDeviceWithoutADriver", open_rw, "d", "", ENXIO, after,
       [](Place& at) { at.device("d", S_IFBLK, 250, 250); }},
      {"OpenANumberWithoutADriver", open_r, "d", "", ENODEV, after, no_minor},
      {"OpenWhatTheDriverRefuses", open_r, "d", "", EPERM, after, memory, As::no_rawio},
      {"ReopenWhatTheDriverRefuses", reopen_fd, "d", "", EPERM, after, memory, As::no_rawio},
      {"OpenWhatProcfsRefuses", open_r, "/proc/kcore", "", EPERM, after, core, As::no_rawio},
      {"OpenADeviceWhereThereAreNone", open_r, "m/d", "", EACCES, same, no_devices},
      {"OpenALeasedFile", open_w, "f", "", EAGAIN, after, leased},
      {"TruncateADirectory", truncate, "d", "", EISDIR, before, one_directory},
      {"TruncateAFifo", truncate, "p", "", EINVAL, before, fifo},
      {"TruncateADevice", truncate, "/dev/null", "", EINVAL, before, nothing},
      {"TruncateARunningProgram", truncate, "/proc/self/exe", "", ETXTBSY, before, nothing},
      {"TruncateWithoutPermission", truncate, "f", "", EACCES, same, with_mode<0444>, As::user},
      {"TruncateBeyondTheLimit", truncate, "f", "", EFBIG, after, limited},
      {"FtruncateADevice", ftruncate, "/dev/null", "", EINVAL, after, nothing},
      {"FtruncateBeyondTheLimit", ftruncate, "f", "", EFBIG, after, limited},
      {"FtruncateBeyondTheLimitWhatMayBeOpened", ftruncate, "f", "", EFBIG, after, limited},
      {"FtruncateADeviceThatMayBeOpened", ftruncate, "/dev/null", "", EINVAL, before, nothing},
      {"IoctlAFile", ioctl, "f", "", ENOTTY, after, one_file},
      {"IoctlAFileThatMayBeOpened", ioctl, "f", "", ENOTTY, before, one_file},
      {"IoctlADirectory", ioctl, "d", "", EISDIR, before, one_directory},
      {"IoctlADeviceWithoutADriver", ioctl, "d", "", ENXIO, after, no_driver},
      {"IoctlADeviceWithoutADriverThatMayBeOpened", ioctl, "d", "", ENXIO, before, no_driver},
      {"IoctlANumberWithoutADriverThatMayBeOpened", ioctl, "d", "", ENODEV, before, no_minor},
      {"IoctlWhatTheDriverRefuses", ioctl, "d", "", EPERM, after, memory, As::no_rawio},
      {"IoctlWhatTheDriverRefusesAndMayBeOpened", ioctl, "d", "", EPERM, before, memory, As::no_rawio},
      {"TmpfileInAFile", tmpfile, "f", "", ENOTDIR, before, one_file},
      {"TmpfileInProc", tmpfile, "/proc", "", EOPNOTSUPP, before, nothing},
      {"TmpfileWhereThereIsNoRoom", tmpfile, "m/d", "", ENOSPC, before, full},
      {"TmpfileWithoutPermission", tmpfile, "d", "", EACCES, same, with_mode<0555>, As::user},
      {"TmpfileInAnImmutableDirectory", tmpfile, "d", "", EPERM, before,
       [](Place& at) { at.directory("d"), at.attribute("d", FS_IMMUTABLE_FL); }},
      {"TmpfileOnAReadOnlyMount", tmpfile, "m", "", EROFS, before, read_only_mount},
      {"TmpfileOnAReadOnlyFileSystem", tmpfile, "m", "", EROFS, before, read_only_fs},
      {"ExecMissing", exec, "missing", "", ENOENT, before, nothing},
      {"ExecADirectory", exec, "d", "", EACCES, before, one_directory},
      {"ExecWhatIsNoProgram", exec, "f", "", EACCES, same, with_mode<0666>},
      {"ExecWhereNothingIsExecuted", exec, "m/f", "", EACCES, same, no_exec},
      {"ExecAFileOfNoFormat", exec, "f", "", ENOEXEC, after, one_file},
      {"ExecAFileOpenToWriters", exec, "f", "", ETXTBSY, after, held},
      {"ExecAScriptWithoutItsInterpreter", exec, "f", "", ENOENT, after, script<missing>},
      {"ExecAScriptWithItsInterpreterBelowAFile", exec, "f", "", ENOTDIR, after, script<below_a_file>},
      {"ExecAScriptWithALoopForItsInterpreter", exec, "f", "", ELOOP, after, script<a_loop>},
      {"ExecAScriptWithAnInterpreterThatIsNone", exec, "f", "", EACCES, same, script<plain_file>},
      {"ExecAProgramWithoutItsLoader", exec, "f", "", ENOENT, after, program<missing>},
      {"ExecAProgramWithALoaderThatIsNone", exec, "f", "", ELIBBAD, after, program<plain_file>},
      {"StatMissing", stat, "missing", "", ENOENT, before, nothing},
      {"ChmodAnImmutableFile", chmod, "f", "", EPERM, before, immutable},
      {"ChmodOnAReadOnlyMount", chmod, "m/f", "", EROFS, before, read_only_mount},
      {"ReadlinkAFile", readlink, "f", "", EINVAL, before, one_file},
  };
  for (const Operation operation : {open_w, open_rw, open_trunc, truncate, ftruncate}) {
    const std::string word = operation == open_w       ? "ToWrite"
                             : operation == open_rw    ? "ToBoth"
                             : operation == open_trunc ? "ToEmpty"
                             : operation == truncate   ? "Length"
                                                       : "LengthByDescriptor";
    out.push_back({"ReadOnlyMount" + word, operation, "m/f", "", EROFS, before, read_only_mount});
    out.push_back({"ReadOnlyFileSystem" + word, operation, "m/f", "", EROFS, before, read_only_fs});
    out.push_back({"Immutable" + word, operation, "f", "", EPERM, before, immutable});
    out.push_back({"AppendOnly" + word, operation, "f", "", EPERM, before, append_only});
    if (operation != truncate) out.push_back({"Directory" + word, operation, "d", "", EISDIR, before, one_directory});
  }
  for (Situation& each : out) {
    const bool may_be_opened = each.name.find("MayBeOpened") != std::string::npos;
    if (may_be_opened && each.operation == ioctl) each.handled = request_alone;
    if (may_be_opened && each.operation == ftruncate) each.handled = length_alone;
    each.may_be_missing = each.as == As::no_rawio;
    if (each.operation == truncate || (may_be_opened && each.order == after)) each.least_abi = 3;
  }
  return out;
}

class OrderOfOpening : public OrderTest {};
TEST_P(OrderOfOpening, IsTheKernels) {
  check();
}
INSTANTIATE_TEST_SUITE_P(Each, OrderOfOpening, ::testing::ValuesIn(situations()), name_of);

}  // namespace
}  // namespace lockstep::conformance::judge::order
