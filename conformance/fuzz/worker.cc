#include "conformance/fuzz/worker.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <system_error>
#include <thread>

#include "conformance/fuzz/reclaim.h"
#include "conformance/fuzz/shrink.h"
#include "host/own_procfs.h"

namespace lockstep::conformance::fuzz {
namespace {

// An operation's control answers for it under several stacks of layers.
constexpr std::size_t stacks_of_a_control = 4;
// Each is tried under its first stack before any is under its second, so that what follows is of another kind.
constexpr std::size_t plots_at_once = 4;
constexpr std::uint64_t trees_of_a_disk_tree = 24;  // a tree on the machine's own file system is slow: one in so many

bool write_line(const char* file, const std::string& line) {
  const UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

// A filter that answers clone3 with another errno than ENOSYS leaves libc no way to start one.
Result<void> try_thread() {
  try {
    std::thread([] {}).join();
  } catch (const std::system_error& error) {
    return unsupported_error(error.code().value(),
                             "no thread can be started here: " + errno_name(error.code().value()));
  }
  return {};
}

}  // namespace

// A tree and the operations of one case, their control once it was run, and the layers as they are now. Each side has
// such a tree made anew.
struct Worker::Plot {
  Plot(const Options& options, std::uint64_t number, const Features& features, const std::string& base)
      : index(number),
        disk(index % trees_of_a_disk_tree == trees_of_a_disk_tree - 1),
        generator(options.seed, index, features, disk),
        // A name that no run before had: a file system may choose the place of a directory by its name.
        place(base + (disk ? "/disk/" + std::to_string(::getpid()) + "-" : "/memory/") + std::to_string(index)),
        next(generator.next(options.batch)),
        board(next.operations.size()) {}

  std::uint64_t index;
  bool disk;
  Generator generator;
  std::string place;
  FuzzCase next;
  Board board;
};

Result<void> enter_namespace() {
  const unsigned uid = ::geteuid(), gid = ::getegid();
  if (::unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
    return unsupported_error(errno, "no mount namespace to be had: " + errno_name(errno));
  if (uid != 0) {
    write_line("/proc/self/setgroups", "deny");
    if (!write_line("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") ||
        !write_line("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1"))
      return unsupported_error(errno, "no user namespace to be had: " + errno_name(errno));
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return unsupported_error(errno, "no private mounts to be had: " + errno_name(errno));
  return {};
}

void copy_text(char* out, std::size_t size, const std::string& text) {
  const std::size_t length = std::min(size - 1, text.size());
  std::memcpy(out, text.data(), length);
  out[length] = '\0';
}

Worker::Worker(const Options& options, std::string base, KernelLandlock kernel, Shared* shared)
    : options_(options), base_(std::move(base)), shared_(shared), board_(std::max<std::size_t>(options.batch, 1024)) {
  setting_.kernel = kernel;
  setting_.real_root = ::geteuid() == 0;
  setting_.tier = options.tier;
  setting_.fault = options.fault;
  setting_.helper = options.helper;
  if (setting_.real_root && (options.reclaim || (options.fault != nullptr && options.fault->needs_reclaim)))
    if (Result<UniqueFd> opened = open_drop_caches(); opened) drop_caches_ = std::move(opened).value();
  setting_.drop_caches = drop_caches_.get();
}

Result<void> Worker::start() {
  ::umask(0);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) limit.rlim_cur = limit.rlim_max, ::setrlimit(RLIMIT_NOFILE, &limit);
  LOCKSTEP_CHECK(enter_namespace());
  if (const Result<void> started = outside_.start(); started)
    setting_.outside = &outside_;
  else if (started.error().kind != ErrorKind::unsupported)
    return started;
  // Not the driver's: see OwnProcfs.
  if (const Result<OwnProcfs> procfs = OwnProcfs::prove(); !procfs.ok()) return procfs.error();
  LOCKSTEP_CHECK(try_thread());
  return find_features();
}

Result<void> Worker::run() {
  while (shared_->stop.load() == 0) {
    std::deque<Plot> plots;
    for (std::size_t stack = 0; stack < stacks_of_a_control; ++stack)
      for (std::size_t i = 0; i < plots_at_once && shared_->stop.load() == 0; ++i) {
        if (stack == 0) plots.emplace_back(options_, shared_->next_tree.fetch_add(1), features_, base_);
        LOCKSTEP_CHECK(try_stack(plots[i], stack == 0));
      }
  }
  return {};
}

Result<void> Worker::try_stack(Plot& plot, bool first) {
  const std::vector<Item>& skeleton = plot.generator.skeleton();
  if (!first && plot.next.reclaim) return {};  // which the operations are chosen for
  if (first)
    LOCKSTEP_CHECK(try_in_tree(skeleton, plot.next, plot.place + "c", try_control, plot.board));
  else
    plot.generator.restack(plot.next);
  LOCKSTEP_CHECK(try_in_tree(skeleton, plot.next, plot.place + "r", try_restricted, plot.board));
  return hold_against_model(plot);
}

Result<void> Worker::try_in_tree(const std::vector<Item>& skeleton, const FuzzCase& fuzz_case, const std::string& place,
                                 decltype(try_control) try_side, Board& board) const {
  Tree tree(place);
  Result<void> ran;
  for (const std::vector<Item>* items : {&skeleton, &fuzz_case.items})
    for (const Item& item : *items)
      if (ran) ran = tree.make(item);
  if (!ran && ran.error().err == EPERM && !setting_.real_root)
    ran = unsupported_error(EPERM, "needs root: " + ran.error().message);
  if (ran) ran = try_side(fuzz_case, tree, setting_, board);
  const Result<void> cleared = tree.clear();
  LOCKSTEP_CHECK(ran);
  return cleared;
}

Result<std::string> Worker::once(const FuzzCase& fuzz_case) {
  for (const OperationSpec& each : fuzz_case.operations)
    if (!has_path(each.operation) && setting_.outside == nullptr)
      return unsupported_error(0, "no network namespace to be had");
  const bool disk =
      std::any_of(fuzz_case.items.begin(), fuzz_case.items.end(), [](const Item& item) { return item.path == "p"; });
  shared_->beats.fetch_add(1);
  const std::string place = base_ + (disk ? "/disk/" : "/memory/") + std::to_string(::getpid());
  setting_.explain = true;
  Result<void> ran = try_in_tree({}, fuzz_case, place + "c", try_control, board_);
  if (ran) ran = try_in_tree({}, fuzz_case, place + "r", try_restricted, board_);
  setting_.explain = false;
  LOCKSTEP_CHECK(ran);
  for (std::size_t i = 0; i < fuzz_case.operations.size(); ++i)
    if (!judge(fuzz_case.operations[i], board_.cells[i]).agrees)
      return describe(fuzz_case.operations[i], board_.cells[i]);
  if (board_.sides[0].not_reclaimed > 0)  // what agrees then shows nothing
    return unsupported_error(0, "the kernel did not take back the procfs entries");
  return std::string();
}

Result<void> Worker::find_features() {
  Features found;
  found.abi = setting_.kernel.abi;
  found.most_layers = options_.most_layers;
  found.network = setting_.outside != nullptr;
  found.reclaim = setting_.drop_caches >= 0;
  if (::mount("tmpfs", (base_ + "/memory").c_str(), "tmpfs", 0, "mode=0777") != 0)
    return unsupported_error(errno, "no tmpfs can be mounted here: " + errno_name(errno));
  Tree tree(base_ + "/disk/" + std::to_string(::getpid()));
  const auto make = [&](const std::vector<Item>& items) {
    Result<void> made;
    for (const Item& item : items)
      if (made) made = tree.make(item);
    return made;
  };
  const auto works = [&](const std::vector<Item>& items) { return make(items).ok(); };
  if (const Result<void> made = make({{ItemKind::tmpfs, "t", {}, {}, {}}, {ItemKind::chr, "t/own", {}, {}, {}}}); !made)
    return unsupported_error(0, "no device is to be had here: " + made.error().to_string());
  const std::string block = tree.anywhere("t/block");
  found.mknod = ::mknod(block.c_str(), S_IFBLK | 0600, 7 << 8) == 0;
  found.proc = works({{ItemKind::proc, "t/proc", {}, {}, {}}});
  // One that cannot move directories (no attributes in a user namespace) says EXDEV of its own, after
  // Landlock.
  found.overlay = works({{ItemKind::dir, "t/lower", {}, {}, {}},
                         {ItemKind::dir, "t/lower/d", {}, {}, {}},
                         {ItemKind::overlay, "t/o", "t/lower", {}, {}},
                         {ItemKind::dir, "t/o/d/x", {}, {}, {}},
                         {ItemKind::move, "t/o/d/x", "t/o/x", {}, {}}});
  LOCKSTEP_CHECK(tree.clear());
  features_ = shared_->features = found;
  return {};
}

Result<void> Worker::hold_against_model(Plot& plot) {
  FuzzCase& done = plot.next;
  shared_->beats.fetch_add(1);
  note_kinds(done, plot.board);
  const std::uint64_t before = shared_->operations.load();
  for (std::size_t each = 0; each < done.operations.size(); ++each) {
    if (count(done.operations[each], plot.board.cells[each])) continue;
    if (shared_->finder.exchange(1) != 0) return {};
    const std::string words = describe(done.operations[each], plot.board.cells[each]);
    shared_->after = before + each + 1;
    shared_->stop.store(1);
    const std::vector<Item>& skeleton = plot.generator.skeleton();
    done.items.insert(done.items.begin(), skeleton.begin(), skeleton.end());
    return found(std::move(done), each, words, plot.index);
  }
  flush();
  shared_->operations.fetch_add(done.operations.size());
  shared_->cases.fetch_add(1);
  return {};
}

void Worker::note_kinds(const FuzzCase& done, const Board& board) {
  const auto policies = [](const LayerSpec& layer) { return layer.policy.has_value(); };
  kinds_.executed +=
      static_cast<std::uint64_t>(std::count_if(done.operations.begin(), done.operations.end(),
                                               [](const OperationSpec& each) { return each.actor == Actor::exec; }));
  if (std::any_of(done.layers.begin(), done.layers.end(), policies)) kinds_.stacked += done.operations.size();
  if (!done.reclaim) return;
  kinds_.reclaimed += done.operations.size();
  kinds_.not_reclaimed += board.sides[0].not_reclaimed;
}

bool Worker::count(const OperationSpec& operation, const Cell& cell) {
  const Judged judged = judge(operation, cell);
  Count& counts = counts_[static_cast<std::size_t>(operation.operation)];
  if (judged.tried) ++(judged.allowed ? counts.allowed : judged.denied ? counts.denied : counts.elsewhere);
  return judged.agrees;
}

void Worker::flush() {
  while (shared_->lock.test_and_set()) std::this_thread::yield();
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    shared_->counts[i].allowed += counts_[i].allowed;
    shared_->counts[i].denied += counts_[i].denied;
    shared_->counts[i].elsewhere += counts_[i].elsewhere;
  }
  shared_->kinds.add(kinds_);
  shared_->lock.clear();
  kinds_ = {};
  counts_ = {};
}

Result<void> Worker::found(FuzzCase whole, std::size_t cell, const std::string& words, std::uint64_t index) {
  const auto fails = [&](const FuzzCase& each) {
    const Result<std::string> said = once(each);
    return said.ok() && !said->empty();
  };
  FuzzCase alone = whole;
  alone.operations = {whole.operations[cell]};
  if (fails(alone)) whole = std::move(alone);
  const bool again = fails(whole);
  FuzzCase small = again ? shrink(std::move(whole), fails) : std::move(whole);
  std::string said = again ? once(small).value() : words + "; not again in a tree of its own";
  small.why = "seed " + std::to_string(options_.seed) + ", tree " + std::to_string(index) + ": " + said;
  copy_text(shared_->words, sizeof shared_->words, said);
  copy_text(shared_->json, sizeof shared_->json, to_json(small));
  return {};
}

}  // namespace lockstep::conformance::fuzz
