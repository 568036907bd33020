#include "conformance/measure/soak.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <list>

#include <lockstep/abi.h>

#include "base/fork.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/identity.h"
#include "conformance/measure/surface.h"
#include "syntax/json.h"

namespace lockstep::conformance::measure {
namespace {

constexpr char cgroup_limit[] =
    "25165824";  // 24 MiB: some thousand dentries and their inodes, and the children themselves

bool write_to(const std::string& path, const std::string& text) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// A cgroup of our own with a limit on memory, version 2 or 1, and a process in it that looks names up without end: what
// it and the children hold is charged to the cgroup, and taken back there first.
class LimitedCgroup {
 public:
  // Empty where it could be made; else why not.
  std::string make() {
    std::ifstream in("/sys/fs/cgroup/cgroup.controllers");
    const std::string controllers{std::istreambuf_iterator<char>(in), {}};
    const bool two = controllers.find("memory") != std::string::npos;
    const std::string top = two ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    if (two) write_to(top + "/cgroup.subtree_control", "+memory");
    const std::string path = top + "/lockstep-soak-" + std::to_string(::getpid());
    if (::mkdir(path.c_str(), 0755) != 0) return "mkdir(\"" + path + "\"): " + errno_name(errno);
    path_ = path;
    if (!write_to(path + (two ? "/memory.max" : "/memory.limit_in_bytes"), cgroup_limit))
      return "no limit can be set in " + path + ": " + errno_name(errno);
    pressure_ = fork_process();
    if (pressure_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (!write_to(path + "/cgroup.procs", std::to_string(::getpid()))) ::_exit(1);
      while (true) look_up_much(-1);
    }
    return pressure_ < 0 ? "fork(): " + errno_name(errno) : "";
  }
  bool add(pid_t pid) const { return write_to(path_ + "/cgroup.procs", std::to_string(pid)); }
  LimitedCgroup() = default;
  LimitedCgroup(const LimitedCgroup&) = delete;
  LimitedCgroup& operator=(const LimitedCgroup&) = delete;
  ~LimitedCgroup() {
    if (pressure_ > 0) harness::await_end(pressure_, 0);
    // Whoever was in it has ended by now; the kernel may need a moment to see that.
    for (int i = 0; i < 100 && !path_.empty() && ::rmdir(path_.c_str()) != 0 && errno == EBUSY; ++i) ::usleep(10000);
  }

 private:
  std::string path_;
  pid_t pressure_ = -1;
};

struct Held {
  SoakRow row;
  Sample first;
  HeldChild child;
};

Result<void> start(const std::string& way, const std::string& fixtures, int abi, wire::IdentityKind identity,
                   bool close_pins, std::list<Held>* all) {
  LOCKSTEP_ASSIGN(const judge::Case source, case_of_way(way, fixtures));
  LOCKSTEP_ASSIGN(const EffectivePolicy effective, enrich(source.policy, source.context));
  LOCKSTEP_ASSIGN(const Plan plan, compile(effective, abi));
  Held& held = all->emplace_back();
  held.row.way = way;
  held.row.identity = identity;
  LOCKSTEP_ASSIGN(const std::int32_t pins, held.child.start(plan, identity, close_pins));
  if (close_pins && pins == 0) {  // there is nothing to close: the same again
    all->pop_back();
    return {};
  }
  held.row.pins = pins == 0 ? Pins::none : close_pins ? Pins::closed : Pins::kept;
  LOCKSTEP_ASSIGN(held.first, held.child.ask());
  for (std::size_t i = 0; i < naming_actors.size(); ++i) held.row.before[i] = held.first.err[i];
  return {};
}

std::string cell(const SoakRow& row, std::size_t actor) {
  if (row.before[actor] != 0) return errno_name(row.before[actor]);
  if (!row.failed_after[actor]) return "works";
  char text[40];
  std::snprintf(text, sizeof(text), "lost at %.1f s", *row.failed_after[actor]);
  return text;
}

}  // namespace

bool Soak::shown() const {
  return std::any_of(rows.begin(), rows.end(), [](const SoakRow& row) { return row.replaced; });
}

Result<Soak> run_soak(const KernelLandlock& kernel, const std::string& fixtures, unsigned seconds) {
  using Clock = std::chrono::steady_clock;
  Soak out;
  out.kernel = kernel;
  const wire::IdentityKind identity =
      harness::identities_here(harness::first_user).privileged ? wire::IdentityKind::user : wire::IdentityKind::self;
  LimitedCgroup cgroup;  // outlives the children that live in it
  std::list<Held> all;
  for (const char* way : comm_ways)
    for (const bool close_pins : {false, true})
      LOCKSTEP_CHECK(start(way, fixtures, std::min(kernel.abi, newest_abi), identity, close_pins, &all));

  const bool drops = ::access(drop_caches, W_OK) == 0;
  (drops ? out.means : out.not_means)
      .emplace_back(drops ? "drop_caches" : std::string("drop_caches: ") + errno_name(errno));
  std::string no_cgroup = cgroup.make();
  for (Held& held : all)
    if (no_cgroup.empty() && !cgroup.add(held.child.pid()))
      no_cgroup = "a child cannot be moved there: " + errno_name(errno);
  (no_cgroup.empty() ? out.means : out.not_means).emplace_back(no_cgroup.empty() ? "cgroup" : "cgroup: " + no_cgroup);
  out.means.emplace_back("lookups");

  const auto begin = Clock::now();
  const auto now = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  while (now() < seconds) {
    ++out.rounds;
    for (int i = 0; i < 4; ++i) out.lookups += look_up_much(-1);
    if (drops) LOCKSTEP_CHECK(drop_dentries(-1));
    for (Held& held : all) {
      LOCKSTEP_ASSIGN(const Sample sample, held.child.ask());
      SoakRow& row = held.row;
      for (std::size_t i = 0; i < naming_actors.size(); ++i)
        if (row.before[i] == 0 && sample.err[i] != 0 && !row.failed_after[i]) row.failed_after[i] = now();
      const bool neighbour = sample.neighbour != held.first.neighbour && row.pins == Pins::kept;
      row.replaced = row.replaced || sample.entry != held.first.entry || neighbour;
    }
  }
  out.seconds = now();
  for (Held& held : all) out.rows.push_back(std::move(held.row));
  return out;
}

std::string render(const Soak& soak) {
  std::string out;
  const auto line = [&](const std::vector<std::string>& words) {
    constexpr std::size_t widths[] = {25, 15, 7, 16, 16, 16, 16};
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::string word = words[i];
      word.resize(std::max(word.size() + 1, widths[i]), ' ');
      out += word;
    }
    while (out.ends_with(' ')) out.pop_back();
    out += "\n";
  };
  line({"way", "identity", "pins", "itself", "child", "grandchild", "program"});
  for (const SoakRow& row : soak.rows)
    line({row.way, std::string(wire::name(row.identity)), name(row.pins), cell(row, 0), cell(row, 1), cell(row, 2),
          cell(row, 3) + (row.replaced ? "" : "  (nothing replaced)")});
  char text[160];
  std::snprintf(text, sizeof(text), "%.0f s, %zu rounds, %zu lookups; reclaimed by: ", soak.seconds, soak.rounds,
                soak.lookups);
  out += text + join(soak.means, ", ");
  for (const std::string& each : soak.not_means) out += "; not by " + each;
  return out + "\n" + (soak.shown() ? "" : "nothing was shown: the kernel replaced no entry in this time\n");
}

std::string to_json(const Soak& soak) {
  Json out = {{"schema", "lockstep.soak/1"},
              {"kernel", kernel_version()},
              {"kernel_abi", soak.kernel.abi},
              {"plan_abi", std::min(soak.kernel.abi, newest_abi)},
              {"seconds", static_cast<long>(soak.seconds)},
              {"rounds", soak.rounds},
              {"lookups", soak.lookups},
              {"means", soak.means},
              {"not_means", soak.not_means},
              {"rows", Json::array()}};
  for (const SoakRow& row : soak.rows) {
    Json actors;
    for (std::size_t i = 0; i < naming_actors.size(); ++i) {
      Json& each = actors[std::string(lockstep::name(naming_actors[i]))];
      each["before"] = row.before[i] == 0 ? "allow" : errno_name(row.before[i]);
      each["failed_after_s"] = nullptr;
      if (row.failed_after[i])
        each["failed_after_s"] = static_cast<double>(static_cast<long>(*row.failed_after[i] * 10)) / 10;
    }
    out["rows"].push_back({{"way", row.way},
                           {"identity", wire::name(row.identity)},
                           {"pins", name(row.pins)},
                           {"replaced", row.replaced},
                           {"actors", actors}});
  }
  return out.dump(1) + "\n";
}

}  // namespace lockstep::conformance::measure
