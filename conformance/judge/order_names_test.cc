// Making, removing, moving and linking names: which of the kernel's own errnos come before it asks Landlock,
// and which after.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <lockstep/rights.h>

#include "conformance/judge/order_testing.h"

namespace lockstep::conformance::judge::order {
namespace {

using enum Operation;
using enum Order;

// Moves between directories are EXDEV where refer alone is missing, so that EACCES of the kernel's own can be
// told apart.
constexpr AccessSet moves_alone = AccessSet(Right::refer) | Right::execute;

void nothing(Place& /*at*/) {}
template <bool mount_alone>
void read_only(Place& at) {
  at.mount("m", "tmpfs", "mode=0777");
  for (const char* file : {"m/f", "m/g"}) at.file(file);
  at.directory("m/d");
  if (mount_alone) at.mount("m", nullptr, "", MS_BIND);
  at.remount_read_only("m", mount_alone);
}
// Each name of a kind, in directories a and b.
void names(Place& at) {
  for (const std::string in : {"a", "b"}) {
    at.directory(in);
    at.file(in + "/f");
    at.directory(in + "/d");
    at.directory(in + "/full");
    at.file(in + "/full/f");
  }
}
template <int flag>
void attributed_directory(Place& at) {
  names(at);
  at.attribute("a", flag);
}
template <int flag>
void attributed_file(Place& at) {
  names(at);
  at.attribute("a/f", flag);
}
void sticky(Place& at) {
  names(at);
  Place::must(::chmod(at.at("a").c_str(), 01777) == 0);
}
void closed(Place& at) {
  names(at);
  Place::must(::chmod(at.at("a").c_str(), 0555) == 0);
}
void no_room(Place& at) {
  at.mount("m", "tmpfs", "nr_inodes=3,mode=0777");
  at.file("m/f");
  at.directory("m/d");
}
void no_quota(Place& at) {
  at.mount("m", "tmpfs", "mode=0777,usrquota,usrquota_inode_hardlimit=1");
  at.directory("m/d");
  Place::must(::chown(at.at("m/d").c_str(), 65534, 65534) == 0);
}
void mount_points(Place& at) {
  names(at);
  at.mount("a/mount", "tmpfs");
  Place::must(::close(::open(at.at("a/point").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) == 0);
  Place::must(::mount("/dev/null", at.at("a/point").c_str(), nullptr, MS_BIND, nullptr) == 0);
}
void bound_elsewhere(Place& at) {
  names(at);
  at.directory("b/mount");
  Place::must(::mount(at.at("a/d").c_str(), at.at("b/mount").c_str(), nullptr, MS_BIND, nullptr) == 0);
}
void other_mount(Place& at) {
  names(at);
  at.mount("m", "tmpfs", "mode=0777");
  at.file("m/f");
}
void sysfs(Place& at) {
  at.mount("s", "sysfs");
}
void overlay(Place& at) {
  at.mount("o", "tmpfs", "mode=0777");
  for (const char* each : {"o/lower", "o/upper", "o/work", "o/merged"}) at.directory(each);
  at.file("o/lower/f");
  const std::string options =
      "lowerdir=" + at.at("o/lower") + ",upperdir=" + at.at("o/upper") + ",workdir=" + at.at("o/work");
  at.mount("o/merged", "overlay", options.c_str());
}
void protected_links(Place& at) {
  names(at);
  const int fd = ::open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
  char digit = '0';
  Place::must(fd >= 0 && ::read(fd, &digit, 1) == 1);
  ::close(fd);
  if (digit != '1') Place::cannot();  // a setting of the whole machine
  Place::must(::chmod(at.at("a/f").c_str(), 0644) == 0);
}
void own_directory(Place& at) {
  names(at);
  Place::must(::chown(at.at("a/d").c_str(), 65534, 65534) == 0);
}

void add_makers(std::vector<Situation>& out) {
  const std::pair<Operation, const char*> makers[] = {
      {create, "Create"},      {mkdir, "Mkdir"},   {mkfifo, "Mkfifo"},  {mknod_chr, "MknodChr"},
      {mknod_blk, "MknodBlk"}, {mksock, "Mksock"}, {symlink, "Symlink"}};
  for (const auto& [operation, word] : makers) {
    const std::string of = word;
    const int exists = operation == mksock ? EADDRINUSE : EEXIST;
    out.push_back({of + "OntoAName", operation, "a/f", "", exists, before, names});
    out.push_back({of + "OnAReadOnlyMount", operation, "m/x", "", EROFS, before, read_only<true>});
    out.push_back({of + "OnAReadOnlyFileSystem", operation, "m/x", "", EROFS, before, read_only<false>});
    out.push_back({of + "OntoANameOnAReadOnlyMount", operation, "m/f", "", exists, before, read_only<true>});
    out.push_back(
        {of + "InAnImmutableDirectory", operation, "a/x", "", EPERM, after, attributed_directory<FS_IMMUTABLE_FL>});
    out.push_back({of + "WithoutPermission", operation, "a/x", "", EACCES, same, closed, As::user});
    out.push_back({of + "WithoutRoom", operation, "m/x", "", ENOSPC, after, no_room});
    out.push_back({of + "BelowAFile", operation, "a/f/x", "", ENOTDIR, before, names});
    out.push_back({of + "InNoDirectory", operation, "x/x", "", ENOENT, before, nothing});
    const bool device = operation == mknod_chr || operation == mknod_blk;
    if (device) out.push_back({of + "WithoutPrivilege", operation, "a/x", "", EPERM, after, names, As::user});
    if (operation == mkdir || operation == mkfifo)
      out.push_back({of + "InSysfs", operation, "s/x", "", EPERM, after, sysfs});
    if (operation == mkdir || operation == symlink)
      out.push_back({of + "BeyondTheQuota", operation, "m/d/x", "", EDQUOT, after, no_quota, As::user});
  }
  // The new file is made before it is opened: where only that is denied, nothing of the making comes after.
  for (const Situation& each : std::vector<Situation>(out)) {
    if (each.operation != create || each.order != after) continue;
    out.push_back(each);
    out.back().name += "ThatMayBeMade";
    out.back().handled = Right::write_file;
    out.back().order = before;
  }
}

std::vector<Situation> situations() {
  std::vector<Situation> out = {
      {"MkdirInProc", mkdir, "/proc/lockstep", "", ENOENT, before, nothing},
      {"CreateInSysfs", create, "s/x", "", EACCES, same, sysfs},
      {"UnlinkOnAReadOnlyMount", unlink, "m/f", "", EROFS, before, read_only<true>},
      {"UnlinkOnAReadOnlyFileSystem", unlink, "m/f", "", EROFS, before, read_only<false>},
      {"UnlinkADirectory", unlink, "a/d", "", EISDIR, after, names},
      {"UnlinkTheRoot", unlink, "/", "", EISDIR, before, nothing},
      {"UnlinkMissing", unlink, "a/x", "", ENOENT, before, names},
      {"UnlinkInAnImmutableDirectory", unlink, "a/f", "", EPERM, after, attributed_directory<FS_IMMUTABLE_FL>},
      {"UnlinkInAnAppendOnlyDirectory", unlink, "a/f", "", EPERM, after, attributed_directory<FS_APPEND_FL>},
      {"UnlinkAnImmutableFile", unlink, "a/f", "", EPERM, after, attributed_file<FS_IMMUTABLE_FL>},
      {"UnlinkSomebodyElsesInAStickyDirectory", unlink, "a/f", "", EPERM, after, sticky, As::user},
      {"UnlinkWithoutPermission", unlink, "a/f", "", EACCES, same, closed, As::user},
      {"UnlinkAMountPoint", unlink, "a/point", "", EBUSY, after, mount_points},
      {"UnlinkInSysfs", unlink, "s/kernel/notes", "", EPERM, after, sysfs},
      {"RmdirOnAReadOnlyMount", rmdir, "m/d", "", EROFS, before, read_only<true>},
      {"RmdirOnAReadOnlyFileSystem", rmdir, "m/d", "", EROFS, before, read_only<false>},
      {"RmdirAFile", rmdir, "a/f", "", ENOTDIR, after, names},
      {"RmdirAFullDirectory", rmdir, "a/full", "", ENOTEMPTY, after, names},
      {"RmdirTheRoot", rmdir, "/", "", EBUSY, before, nothing},
      {"RmdirAMountPoint", rmdir, "a/mount", "", EBUSY, after, mount_points},
      {"RmdirSomebodyElsesInAStickyDirectory", rmdir, "a/d", "", EPERM, after, sticky, As::user},
      {"RmdirInAnImmutableDirectory", rmdir, "a/d", "", EPERM, after, attributed_directory<FS_IMMUTABLE_FL>},
      {"RmdirWithoutPermission", rmdir, "a/d", "", EACCES, same, closed, As::user},
      {"RmdirInSysfs", rmdir, "s/kernel", "", EPERM, after, sysfs},

      {"RenameOnAReadOnlyMount", rename, "m/f", "m/x", EROFS, before, read_only<true>},
      {"RenameOnAReadOnlyFileSystem", rename, "m/f", "m/x", EROFS, before, read_only<false>},
      {"RenameToAnotherMount", rename, "a/f", "m/x", EXDEV, before, other_mount},
      {"RenameIntoItself", rename, "a/d", "a/d/x", EINVAL, before, names},
      {"RenameAMountPointIntoWhatIsMounted", rename, "b/mount", "a/d/x", EBUSY, after, bound_elsewhere},
      {"RenameOntoItsParent", rename, "a/full/f", "a/full", ENOTEMPTY, before, names},
      {"RenameOntoItsParentsParent", rename, "a/full/f", "a", ENOTEMPTY, before, names},
      {"RenameADirectoryOntoAFullOne", rename, "a/d", "a/full", ENOTEMPTY, after, names},
      {"RenameADirectoryOntoAFullOneElsewhere", rename, "a/d", "b/full", ENOTEMPTY, after, names},
      {"RenameAFileOntoADirectory", rename, "a/f", "a/d", EISDIR, after, names},
      {"RenameADirectoryOntoAFile", rename, "a/d", "a/f", ENOTDIR, after, names},
      {"RenameAMountPoint", rename, "a/mount", "a/x", EBUSY, after, mount_points},
      {"RenameOntoAMountPoint", rename, "a/d", "a/mount", EBUSY, after, mount_points},
      {"RenameAnImmutableFile", rename, "a/f", "a/x", EPERM, after, attributed_file<FS_IMMUTABLE_FL>},
      {"RenameInAnImmutableDirectory", rename, "a/f", "a/x", EPERM, after, attributed_directory<FS_IMMUTABLE_FL>},
      {"RenameSomebodyElsesInAStickyDirectory", rename, "a/f", "b/x", EPERM, after, sticky, As::user},
      {"RenameWithoutPermission", rename, "a/f", "a/x", EACCES, same, closed, As::user},
      {"RenameElsewhereWithoutPermission", rename, "a/f", "b/x", EACCES, after, closed, As::user, Mode::plain,
       moves_alone},
      {"RenameElsewhereOntoADirectory", rename, "a/f", "b/d", EISDIR, after, names, As::root, Mode::plain, moves_alone},
      {"RenameToAnotherMountOfWhatMayNotMove", rename, "a/f", "m/x", EXDEV, same, other_mount, As::root, Mode::plain,
       moves_alone},
      {"RenameInSysfs", rename, "s/kernel/notes", "s/kernel/x", EPERM, after, sysfs},
      {"RenameLeavingAWhiteoutThatCannotBe", rename, "o/merged/f", "o/merged/x", EINVAL, after, overlay, As::root,
       Mode::whiteout},
      {"ExchangeWithNothing", exchange, "a/f", "a/x", ENOENT, before, names},
      {"ExchangeWithItsParent", exchange, "a/full/f", "a/full", EINVAL, before, names},
      {"ExchangeWithWhatItHolds", exchange, "a/full", "a/full/f", EINVAL, before, names},
      {"ExchangeWithAnotherMount", exchange, "a/f", "m/f", EXDEV, before, other_mount},
      {"ExchangeAMountPoint", exchange, "a/mount", "a/d", EBUSY, after, mount_points},
      {"ExchangeOnAReadOnlyMount", exchange, "m/f", "m/g", EROFS, before, read_only<true>},
      {"ExchangeInAnImmutableDirectory", exchange, "a/f", "a/d", EPERM, after, attributed_directory<FS_IMMUTABLE_FL>},
      {"ExchangeElsewhereWithoutPermission", exchange, "a/f", "b/f", EACCES, after, closed, As::user, Mode::plain,
       moves_alone},

      {"LinkOnAReadOnlyMount", link, "m/f", "m/x", EROFS, before, read_only<true>},
      {"LinkOnAReadOnlyFileSystem", link, "m/f", "m/x", EROFS, before, read_only<false>},
      {"LinkOntoAName", link, "a/f", "b/f", EEXIST, before, names},
      {"LinkToAnotherMount", link, "a/f", "m/x", EXDEV, before, other_mount},
      {"LinkMissing", link, "a/x", "a/y", ENOENT, before, names},
      {"LinkADirectory", link, "a/d", "a/x", EPERM, after, names},
      {"LinkADirectoryElsewhere", link, "a/d", "b/x", EPERM, after, names},
      {"LinkOnesOwnDirectoryAsAUser", link, "a/d", "b/x", EPERM, after, own_directory, As::user},
      {"LinkSomebodyElsesDirectory", link, "a/d", "b/x", EPERM, before, protected_links, As::user},
      {"LinkSomebodyElsesFile", link, "a/f", "b/x", EPERM, before, protected_links, As::user},
      {"LinkAnImmutableFile", link, "a/f", "a/x", EPERM, after, attributed_file<FS_IMMUTABLE_FL>},
      {"LinkAnAppendOnlyFile", link, "a/f", "a/x", EPERM, after, attributed_file<FS_APPEND_FL>},
      {"LinkInAnImmutableDirectory", link, "a/f", "a/x", EPERM, after, attributed_directory<FS_IMMUTABLE_FL>},
      {"LinkInSysfs", link, "s/kernel/notes", "s/kernel/x", EPERM, after, sysfs},
      {"LinkWithoutPermission", link, "a/f", "a/x", EACCES, same, closed, As::user},
      {"LinkElsewhereWithoutPermission", link, "b/f", "a/x", EACCES, after, closed, As::user, Mode::plain, moves_alone},
      {"LinkWithoutRoom", link, "m/f", "m/x", ENOSPC, after, no_room},
  };
  add_makers(out);
  for (Situation& each : out) {
    each.may_be_missing = each.make == protected_links || each.make == no_quota || each.make == overlay;
  }
  return out;
}

class OrderOfNames : public OrderTest {};
TEST_P(OrderOfNames, IsTheKernels) {
  check();
}
INSTANTIATE_TEST_SUITE_P(Each, OrderOfNames, ::testing::ValuesIn(situations()), name_of);

}  // namespace
}  // namespace lockstep::conformance::judge::order
