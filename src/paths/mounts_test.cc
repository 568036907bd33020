// By which names an object is reached, told from a mountinfo.
#include "paths/mounts.h"

#include <gtest/gtest.h>

namespace lockstep::paths {
namespace {

constexpr char table[] =
    "20 1 8:1 / / rw - ext4 /dev/sda rw\n"
    "21 20 0:5 / /proc rw - proc proc rw\n"
    "22 21 0:5 /sys /proc/sys ro - proc proc rw\n"
    "23 20 8:1 /srv /mnt/a\\040b rw shared:1 - ext4 /dev/sda rw\n"
    "24 20 8:1 /etc/file /mnt/file rw - ext4 /dev/sda rw\n"
    "25 20 0:9 / /hidden rw - tmpfs tmpfs rw\n"
    "26 20 0:10 / /hidden rw - tmpfs tmpfs rw\n"
    "27 25 8:1 / /hidden/below rw - ext4 /dev/sda rw\n"
    "broken line\n"
    "28 20 0:5 / /srv/proc rw - proc proc rw\n";

std::uint64_t top(const std::string& point) {
  if (point == "/hidden") return 26;
  return point == "/hidden/below" ? Mounts::no_mount : 0;
}

TEST(Mounts, AnObjectHasANameForEveryMountItIsSeenThrough) {
  const Mounts mounts = Mounts::parse(table, top);
  using Names = std::vector<std::string>;
  EXPECT_EQ(mounts.other_names("/srv/x"), Names{"/mnt/a b/x"});
  EXPECT_EQ(mounts.other_names("/mnt/a b/x/y"), Names{"/srv/x/y"});
  EXPECT_EQ(mounts.other_names("/mnt/a b"), Names{"/srv"});
  EXPECT_EQ(mounts.other_names("/etc/file"), Names{"/mnt/file"});
  EXPECT_EQ(mounts.other_names("/etc/file2"), Names{});
  EXPECT_EQ(mounts.other_names("/"), Names{}) << "the whole is nowhere else: what is below it is, without it";
  EXPECT_EQ(mounts.other_names("/hidden/x"), Names{});
  EXPECT_EQ(mounts.of("/hidden/x")->id, 26U);
  EXPECT_EQ(mounts.of("/hidden/below/x")->id, 26U) << "what is covered is reached by no name";
  EXPECT_EQ(mounts.inside("/mnt/a b/x"), mounts.inside("/srv/x"));
}

TEST(Mounts, KnowEveryProcfs) {
  const Mounts mounts = Mounts::parse(table, top);
  EXPECT_EQ(mounts.procfs("/proc/self/root"), "/self/root");
  EXPECT_EQ(mounts.procfs("/proc"), "/");
  EXPECT_EQ(mounts.procfs("/srv/proc/1/fd"), "/1/fd");
  EXPECT_EQ(mounts.procfs("/proc/sys/kernel"), "/sys/kernel");
  EXPECT_EQ(mounts.procfs("/processes"), std::nullopt);
}

}  // namespace
}  // namespace lockstep::paths
