// Walks come out of a slot, and out of a reply, as they went in, and nothing wild comes out of either.
#include "conformance/wire/walks.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "conformance/wire/wire.h"

namespace lockstep::conformance::wire {
namespace {

model::RawWalk walk_of(int count) {
  model::RawWalk out{};
  out.count = count;
  out.missing = count % 2 == 0 ? 1 : 0;
  for (int i = 0; i < count; ++i) out.links[i] = {8, static_cast<std::uint64_t>(100 * count + i), 0040755, 1};
  return out;
}

void expect_same(const model::Walk& got, const model::RawWalk& wanted) {
  EXPECT_EQ(got.objects, model::to_walk(wanted).objects);
  EXPECT_EQ(got.missing, wanted.missing != 0);
  EXPECT_EQ(got.error, wanted.error);
}

// As large as the slot says that it is, and a word behind it.
std::vector<std::uint64_t> memory_for(std::uint32_t cells, std::uint32_t walks) {
  return std::vector<std::uint64_t>(Slot::bytes(cells, walks) / sizeof(std::uint64_t) + 1);
}

TEST(Walks, ASlotHasRoomForTheLongestOfEach) {
  constexpr std::uint32_t walks = 5;
  std::vector<std::uint64_t> memory = memory_for(3, walks);
  memory.back() = 42;
  const Slot slot = Slot::at(memory.data(), 3, walks);
  slot.header->walks = walks;
  for (std::uint32_t i = 0; i < walks; ++i) slot.put(i, walk_of(model::RawWalk::max_links));
  EXPECT_EQ(slot.header->links, Slot::max_links(walks));
  EXPECT_EQ(memory.back(), 42U);
  expect_same(model::to_walk(slot.walk(walks - 1)), walk_of(model::RawWalk::max_links));
  slot.put(0, walk_of(1));  // one more than there are
  EXPECT_EQ(slot.walks[0].error, E2BIG);
  EXPECT_EQ(memory.back(), 42U);
}

TEST(Walks, AWildCountIsPutAsAnError) {
  std::vector<std::uint64_t> memory = memory_for(1, 2);
  const Slot slot = Slot::at(memory.data(), 1, 2);
  slot.header->walks = 2;
  for (const int count : {-1, model::RawWalk::max_links + 1}) {
    model::RawWalk wild{};
    wild.count = count;
    slot.put(0, wild);
    EXPECT_EQ(slot.walks[0].error, E2BIG) << count;
    EXPECT_EQ(slot.walks[0].count, 0) << count;
    Walks walks;
    walks.add(wild);
    EXPECT_EQ(walks[0].error, E2BIG) << count;
  }
}

TEST(Walks, OnlyWhatTheSlotHasIsTaken) {
  const model::RawLink links[4] = {};
  Walks walks;
  EXPECT_TRUE(walks.add({2, 0, 0, 0, 2}, links, 4));
  EXPECT_FALSE(walks.add({3, 0, 0, 0, 2}, links, 4));
  EXPECT_FALSE(walks.add({1, 0, 0, 0, 4}, links, 4));
  EXPECT_FALSE(walks.add({1, 0, 0, 0, ~0U}, links, 4));
  EXPECT_FALSE(walks.add({-1, 0, 0, 0, 0}, links, 4));
  EXPECT_FALSE(walks.add({model::RawWalk::max_links + 1, 0, 0, 0, 0}, links, 1000));
  EXPECT_EQ(walks.size(), 1U);
}

TEST(Walks, AReplyHoldsThemWhole) {
  RowReply reply;
  reply.control.view_walks = {walk_of(3), walk_of(0), walk_of(7)};
  reply.control.second_walks = {walk_of(40)};
  const std::optional<RowReply> decoded = decode_row_reply(encode(reply));
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->control.view_walks.size(), 3U);
  expect_same(decoded->control.view_walks[0], walk_of(3));
  EXPECT_EQ(decoded->control.view_walks.error(1), ENOENT);
  expect_same(decoded->control.view_walks[2], walk_of(7));
  EXPECT_EQ(decoded->control.first_walks.size(), 0U);
  expect_same(decoded->control.second_walks[0], walk_of(40));
}

TEST(Walks, AReplyWhoseWalksHaveNoSuchLinksIsRefused) {
  RowReply reply;
  reply.control.view_walks = {walk_of(3)};
  for (const PackedWalk& wild : {PackedWalk{4, 0, 0, 0, 0}, PackedWalk{3, 0, 0, 0, 1}, PackedWalk{-1, 0, 0, 0, 0}}) {
    reply.control.view_walks.entries()[0] = wild;
    EXPECT_FALSE(decode_row_reply(encode(reply)));
  }
  const std::string whole = encode(reply);
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(decode_row_reply(std::string_view(whole).substr(0, length)));
}

}  // namespace
}  // namespace lockstep::conformance::wire
