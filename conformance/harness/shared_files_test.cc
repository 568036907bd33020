#include "conformance/harness/shared_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace lockstep::conformance::harness {
namespace {

ino_t inode_of(int fd) {
  struct stat st {};
  EXPECT_EQ(::fstat(fd, &st), 0);
  return st.st_ino;
}

std::string content_of(int fd) {
  std::string out(64, '\0');
  const ssize_t length = ::pread(fd, out.data(), out.size(), 0);
  out.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return out;
}

// Whatever the child before had, and whatever it wrote: all of its cells, its walks and the header.
TEST(SharedFiles, NothingOfTheChildBeforeIsLeft) {
  SharedFiles files;
  for (const auto& [cells, walks] : {std::pair{20U, 30U}, {3U, 2U}, {25U, 0U}, {2U, 40U}, {200U, 300U}, {20U, 30U}}) {
    const Result<wire::Slot> slot = files.slot(cells, walks);
    ASSERT_TRUE(slot.ok());
    const auto* bytes = reinterpret_cast<const unsigned char*>(slot->header);
    for (std::size_t i = 0; i < wire::Slot::bytes_without_links(cells, walks); ++i) ASSERT_EQ(bytes[i], 0) << i;
    struct stat st {};
    ASSERT_EQ(::fstat(files.slot_fd(), &st), 0);
    ASSERT_GE(static_cast<std::size_t>(st.st_size), wire::Slot::bytes(cells, walks));
    std::memset(slot->header, 0xff, wire::Slot::bytes(cells, walks));
  }
}

TEST(SharedFiles, ServeOneChildAfterAnotherUntilTheyAreDiscarded) {
  SharedFiles files;
  ASSERT_TRUE(files.slot(10, 10).ok());
  const ino_t slot = inode_of(files.slot_fd()), output = inode_of(files.output().value()),
              request = inode_of(files.request("x").value());
  ASSERT_TRUE(files.slot(5, 5).ok());
  EXPECT_EQ(inode_of(files.slot_fd()), slot);
  const int held[] = {::dup(files.slot_fd()), ::dup(files.output().value()), ::dup(files.request("x").value())};
  files.discard();
  ASSERT_TRUE(files.slot(5, 5).ok());
  EXPECT_NE(inode_of(files.slot_fd()), slot);
  EXPECT_NE(inode_of(files.output().value()), output);
  EXPECT_NE(inode_of(files.request("x").value()), request);
  for (const int fd : held) ::close(fd);
}

TEST(SharedFiles, ARequestIsAllThereIs) {
  SharedFiles files;
  for (const char* text : {"a long request", "short", "", "another"})
    EXPECT_EQ(content_of(files.request(text).value()), text);
}

TEST(SharedFiles, TheOutputOfTheChildBeforeIsGone) {
  SharedFiles files;
  for (const std::string text : {"one", "another"}) {
    const int fd = files.output().value();
    ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    EXPECT_EQ(content_of(fd), text);
  }
  EXPECT_EQ(content_of(files.output().value()), "");
}

}  // namespace
}  // namespace lockstep::conformance::harness
