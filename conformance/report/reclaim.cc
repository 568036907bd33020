#include "conformance/report/reclaim.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "conformance/harness/child.h"
#include "conformance/harness/identity.h"
#include "conformance/probes/probe.h"
#include "conformance/report/surface.h"
#include "enforce/prepare.h"
#include "enforce/privilege.h"
#include "enforce/restrict.h"
#include "landlock/abi.h"

namespace lockstep::conformance {
namespace {

constexpr int max_rounds = 20;
constexpr int patience_ms = 20000;  // for the child's next word
constexpr char entry[] = "/proc/self/task", neighbour[] = "/proc/self/attr";
constexpr char drop_caches[] = "/proc/sys/vm/drop_caches";

// What the child says: once when it is restricted, then once for each byte it gets.
struct Hello {
  std::int32_t pins = -1;  // -1: `message` says what failed
  char message[256] = {};
};
struct Sample {
  std::int32_t err = 0;
  ino_t entry = 0;
  ino_t neighbour = 0;
};

ino_t inode_of(const char* path) {
  struct stat st {};
  return ::stat(path, &st) == 0 ? st.st_ino : 0;
}

Sample sample() {
  Sample out;
  out.entry = inode_of(entry);
  out.neighbour = inode_of(neighbour);
  SlotCell cell{};
  Probe probe{Operation::comm_open, Mode::rdwr, Actor::self, Target::other_thread, false, "", "", -1};
  run_probe(probe, &cell);  // closes what it opens
  out.err = cell.err;
  return out;
}

bool canary_denied(pid_t sibling) {
  char target[256];
  const std::string path = "/proc/" + std::to_string(sibling) + "/exe";
  return ::readlink(path.c_str(), target, sizeof(target)) < 0 && errno == EACCES;
}

// The library's own way: opened, dropped, restricted. Returns how many pins the plan has.
Result<std::int32_t> restrict_child(const Plan& plan, IdentityKind identity, bool close_pins, pid_t sibling,
                                    std::vector<Pin>* pins) {
  LOCKSTEP_ASSIGN(Prepared prepared, prepare(plan, {}));
  const auto count = static_cast<std::int32_t>(prepared.pins.size());
  LOCKSTEP_ASSIGN(const Identity become, identity_of(identity, first_user));
  LOCKSTEP_CHECK(drop_privileges(become));
  if (::prctl(PR_SET_DUMPABLE, 1) != 0) return system_error(errno, "prctl(PR_SET_DUMPABLE)");
  if (canary_denied(sibling)) return internal_error("the canary is denied before the restriction");
  LOCKSTEP_CHECK(restrict_self(prepared));
  if (!canary_denied(sibling)) return internal_error("the canary does not prove the restriction");
  if (!close_pins) *pins = std::move(prepared.pins);
  return count;
}

[[noreturn]] void child_main(int socket, const Plan& plan, IdentityKind identity, bool close_pins,
                             pid_t sibling) {
  std::vector<Pin> pins;
  const Result<std::int32_t> restricted = restrict_child(plan, identity, close_pins, sibling, &pins);
  ::prctl(PR_SET_PDEATHSIG,
          SIGKILL);  // now: changing the uid clears it. The closed socket ends the child as well
  Hello hello;
  if (restricted.ok()) {
    hello.pins = *restricted;
  } else {
    std::strncpy(hello.message, restricted.error().to_string().c_str(), sizeof(hello.message) - 1);
  }
  bool ok = ::write(socket, &hello, sizeof(hello)) == sizeof(hello);
  char byte;
  while (ok && ::read(socket, &byte, 1) == 1) {
    const Sample now = sample();
    ok = ::write(socket, &now, sizeof(now)) == sizeof(now);
  }
  ::_exit(0);
}

// Ends with the object.
class HeldChild {
 public:
  Result<Hello> start(const Plan& plan, IdentityKind identity, bool close_pins) {
    sibling_ = start_sibling(identity, first_user);
    int sockets[2];
    if (sibling_ < 0 || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
      return system_error(errno, "socketpair() or the canary's sibling");
    socket_.reset(sockets[0]);
    const UniqueFd theirs(sockets[1]);
    pid_ = ::fork();
    if (pid_ < 0) return system_error(errno, "fork()");
    if (pid_ == 0) {
      socket_.reset();
      child_main(theirs.get(), plan, identity, close_pins, sibling_);
    }
    Hello hello;
    LOCKSTEP_CHECK(receive(&hello, sizeof(hello)));
    if (hello.pins < 0)
      return internal_error(std::string(hello.message, ::strnlen(hello.message, sizeof(hello.message))));
    return hello;
  }
  HeldChild() = default;
  HeldChild(const HeldChild&) = delete;
  HeldChild& operator=(const HeldChild&) = delete;
  ~HeldChild() {
    for (pid_t pid : {pid_, sibling_}) {
      if (pid <= 0) continue;
      ::kill(pid, SIGKILL);
      while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }

  Result<Sample> ask() {
    Sample out;
    if (::send(socket_.get(), "?", 1, MSG_NOSIGNAL) != 1)
      return system_error(errno, "send() to the held child");
    LOCKSTEP_CHECK(receive(&out, sizeof(out)));
    return out;
  }
  pid_t pid() const { return pid_; }

 private:
  Result<void> receive(void* out, std::size_t size) {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (::poll(&wait, 1, patience_ms) != 1) return internal_error("the held child says nothing");
    if (::recv(socket_.get(), out, size, 0) != static_cast<ssize_t>(size))
      return internal_error("the held child ended");
    return {};
  }

  pid_t pid_ = -1;
  pid_t sibling_ = -1;
  UniqueFd socket_;
};

// A cache with little in it keeps what it has. Looks up some thousand entries, none of them the child's own.
void fill_dentry_cache(pid_t child) {
  std::vector<UniqueFd> many;
  for (int i = 0; i < 900; ++i) {
    UniqueFd fd(::fcntl(0, F_DUPFD_CLOEXEC, 0));
    if (!fd) break;
    for (const char* directory :
         {"/proc/self/fd/", "/proc/self/fdinfo/", "/proc/thread-self/fd/", "/proc/thread-self/fdinfo/"})
      inode_of((directory + std::to_string(fd.get())).c_str());
    many.push_back(std::move(fd));
  }
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return;
  while (const dirent* each = ::readdir(directory)) {
    const std::string name = each->d_name;
    if (name == std::to_string(child)) continue;
    for (const char* file :
         {"", "/status", "/stat", "/maps", "/comm", "/task", "/attr", "/ns", "/net", "/exe", "/cwd"})
      inode_of(("/proc/" + name + file).c_str());
  }
  ::closedir(directory);
}

Result<void> reclaim(pid_t child) {
  fill_dentry_cache(child);
  // The first pass may do no more than forget who was used lately.
  for (int pass = 0; pass < 2; ++pass) {
    const UniqueFd fd(::open(drop_caches, O_WRONLY | O_CLOEXEC));
    if (!fd || ::write(fd.get(), "2", 1) != 1)
      return system_error(errno, std::string("write(\"") + drop_caches + "\", \"2\")");
  }
  return {};
}

Result<ReclaimRow> measure(const std::string& way, const Plan& plan, IdentityKind identity, bool close_pins) {
  ReclaimRow row;
  row.way = way;
  row.identity = identity;
  HeldChild child;
  LOCKSTEP_ASSIGN(const Hello hello, child.start(plan, identity, close_pins));
  row.pins = hello.pins == 0 ? Pins::none : close_pins ? Pins::closed : Pins::kept;
  LOCKSTEP_ASSIGN(const Sample before, child.ask());
  if (before.entry == 0 || before.neighbour == 0)
    return internal_error(std::string("the child cannot see ") + entry);
  row.before = row.after = before.err;
  while (!row.achieved() && row.rounds < max_rounds) {
    ++row.rounds;
    LOCKSTEP_CHECK(reclaim(child.pid()));
    LOCKSTEP_ASSIGN(const Sample now, child.ask());
    row.after = now.err;
    row.entry_replaced = now.entry != before.entry;
    row.neighbour_replaced = row.neighbour_replaced || now.neighbour != before.neighbour;
  }
  return row;
}

std::string answer(int err) {
  return err == 0 ? "allow" : errno_name(err);
}

const char* name(Pins pins) {
  return pins == Pins::none ? "none" : pins == Pins::kept ? "kept" : "closed";
}

}  // namespace

const char* ReclaimRow::outcome() const {
  if (!achieved()) return "not achieved";
  if (before != 0) return after == before ? "stays denied" : "changed";
  return after == 0 ? "keeps working" : "lost";
}

Result<std::vector<ReclaimRow>> measure_reclaim(const KernelLandlock& kernel, const std::string& fixtures) {
  if (::geteuid() != 0)
    return unsupported_error(0, "--reclaim needs root: it drops the dentry cache of the machine");
  if (::access(drop_caches, W_OK) != 0)
    return unsupported_error(
        errno, std::string("--reclaim needs to write ") + drop_caches + ": " + errno_name(errno));
  std::vector<ReclaimRow> rows;
  for (const char* way : comm_ways) {
    LOCKSTEP_ASSIGN(const Case source, case_of_way(way, fixtures));
    LOCKSTEP_ASSIGN(const EffectivePolicy effective, enrich(source.policy, source.context));
    LOCKSTEP_ASSIGN(const Plan plan, compile(effective, std::min(kernel.abi, newest_abi)));
    for (IdentityKind identity : {IdentityKind::user, IdentityKind::container_root}) {
      for (const bool close_pins : {false, true}) {
        if (close_pins && rows.back().pins == Pins::none) continue;  // there is nothing to close
        LOCKSTEP_ASSIGN(ReclaimRow row, measure(way, plan, identity, close_pins));
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

std::string render(const std::vector<ReclaimRow>& rows) {
  char line[160];
  const auto format = [&](const char* way, const char* identity, const char* pins, const char* before,
                          const char* after, const char* replaced, const char* rounds, const char* outcome) {
    std::snprintf(line, sizeof(line), "%-22s %-15s %-7s %-7s %-7s %-9s %-7s %s\n", way, identity, pins,
                  before, after, replaced, rounds, outcome);
    return std::string(line);
  };
  std::string out = format("way", "identity", "pins", "before", "after", "replaced", "rounds", "");
  for (const ReclaimRow& row : rows)
    out += format(row.way.c_str(), std::string(conformance::name(row.identity)).c_str(), name(row.pins),
                  answer(row.before).c_str(), answer(row.after).c_str(), row.entry_replaced ? "yes" : "no",
                  std::to_string(row.rounds).c_str(), row.outcome());
  const auto missed =
      std::count_if(rows.begin(), rows.end(), [](const ReclaimRow& row) { return !row.achieved(); });
  if (missed > 0)
    out += "skipped   " + std::to_string(missed) + " rows: not achieved, the kernel kept the entries for " +
           std::to_string(max_rounds) + " rounds\n";
  return out;
}

std::string to_json(const std::vector<ReclaimRow>& rows, const KernelLandlock& kernel) {
  nlohmann::ordered_json out = {{"schema", "lockstep.reclaim/1"},
                                {"kernel", kernel_version()},
                                {"kernel_abi", kernel.abi},
                                {"plan_abi", std::min(kernel.abi, newest_abi)},
                                {"rows", nlohmann::ordered_json::array()}};
  for (const ReclaimRow& row : rows)
    out["rows"].push_back({{"way", row.way},
                           {"identity", conformance::name(row.identity)},
                           {"pins", name(row.pins)},
                           {"before", answer(row.before)},
                           {"after", answer(row.after)},
                           {"entry_replaced", row.entry_replaced},
                           {"neighbour_replaced", row.neighbour_replaced},
                           {"rounds", row.rounds},
                           {"outcome", row.outcome()}});
  return out.dump(1) + "\n";
}

}  // namespace lockstep::conformance
