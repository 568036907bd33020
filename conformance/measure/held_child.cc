#include "conformance/measure/held_child.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/fork.h"
#include "base/installation.h"
#include "conformance/harness/child.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/helpers.h"
#include "conformance/harness/identity.h"
#include "conformance/harness/memory_file.h"
#include "conformance/harness/sibling.h"
#include "conformance/probes/probe.h"
#include "enforce/prepare.h"
#include "enforce/privilege.h"
#include "enforce/restrict.h"
#include "host/own_procfs.h"

namespace lockstep::conformance::measure {
namespace {

constexpr int patience_ms = 30000;  // for the child's next word
constexpr char entry[] = "/proc/self/task", neighbour[] = "/proc/self/attr";

// What the child says first; then a Sample for each byte it gets.
struct Hello {
  std::int32_t pins = -1;  // -1: `message` says what failed
  char message[256] = {};
};

ino_t inode_of(const char* path) {
  struct stat st {};
  return ::stat(path, &st) == 0 ? st.st_ino : 0;
}

// The naming of a thread by each actor, ready to be run again and again.
class Namings {
 public:
  Result<void> make(pid_t sibling);
  Sample sample();

 private:
  static constexpr auto count = static_cast<std::uint32_t>(naming_actors.size());
  UniqueFd helper_, request_, slot_fd_;
  std::vector<probes::Probe> probes_;
  probes::ProbeRun run_;
};

Result<void> Namings::make(pid_t sibling) {
  wire::RowRequest request;
  for (const Actor actor : naming_actors) {
    wire::CellRequest cell;
    cell.operation = Operation::comm_open;
    cell.mode = Mode::rdwr;
    cell.actor = actor;
    cell.target = Target::other_thread;
    request.cells.push_back(cell);
    probes_.push_back({Operation::comm_open, Mode::rdwr, actor, Target::other_thread, false, "", "", -1});
  }
  const std::string bytes = wire::encode(request);
  LOCKSTEP_ASSIGN(helper_, harness::load_helper(companion_program(harness::probe_helper), harness::probe_helper));
  LOCKSTEP_ASSIGN(request_, harness::memory_file("naming", 0));
  if (::write(request_.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return system_error(errno, "write(memfd)");
  const std::size_t size = wire::Slot::bytes(count, 0);
  LOCKSTEP_ASSIGN(slot_fd_, harness::memory_file("naming", size));
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, slot_fd_.get(), 0);
  if (mapped == MAP_FAILED) return system_error(errno, "mmap(memfd)");
  run_.probes = probes_;
  run_.slot = wire::Slot::at(mapped, count, 0);
  run_.helper_fd = helper_.get();
  run_.no_program = !harness::is_in_memory(helper_.get());
  run_.request_fd = request_.get();
  run_.slot_fd = slot_fd_.get();
  run_.sibling = sibling;
  return {};
}

Sample Namings::sample() {
  Sample out;
  out.entry = inode_of(entry);
  out.neighbour = inode_of(neighbour);
  const bool ran = probes::run_probes(run_);
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool done = ran && run_.slot.cells[i].state == static_cast<std::uint32_t>(wire::CellState::done);
    out.err[i] = done ? run_.slot.cells[i].err : -1;
    run_.slot.cells[i] = {};
  }
  return out;
}

bool canary_denied(pid_t sibling, int denial) {
  char target[256];
  const std::string path = "/proc/" + std::to_string(sibling) + "/exe";
  return ::readlink(path.c_str(), target, sizeof(target)) < 0 && errno == denial;
}

Result<std::int32_t> restrict_child(const Plan& plan, wire::IdentityKind identity, bool close_pins, pid_t sibling,
                                    Namings* namings, std::vector<Pin>* pins) {
  LOCKSTEP_CHECK(namings->make(sibling));
  LOCKSTEP_ASSIGN(Prepared prepared, prepare(plan, {}));
  const auto count = static_cast<std::int32_t>(prepared.pins.size());
  LOCKSTEP_ASSIGN(const Identity become, harness::identity_of(identity, harness::first_user));
  LOCKSTEP_CHECK(drop_privileges(become));
  if (::prctl(PR_SET_DUMPABLE, 1) != 0) return system_error(errno, "prctl(PR_SET_DUMPABLE)");
  const int hidden = hides_untraceable(look_at_procfs()), denial = hidden != 0 ? hidden : EACCES;
  if (canary_denied(sibling, denial)) return internal_error("the canary is denied before the restriction");
  LOCKSTEP_CHECK(restrict_self(prepared));
  if (!canary_denied(sibling, denial)) return internal_error("the canary does not prove the restriction");
  if (!close_pins) *pins = std::move(prepared.pins);
  return count;
}

[[noreturn]] void child_main(int socket, const Plan& plan, wire::IdentityKind identity, bool close_pins,
                             pid_t sibling) {
  std::vector<Pin> pins;
  Namings namings;
  const Result<std::int32_t> restricted = restrict_child(plan, identity, close_pins, sibling, &namings, &pins);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // now: changing the uid clears it. The closed socket ends the child as well
  Hello hello;
  if (restricted.ok()) {
    hello.pins = *restricted;
  } else {
    std::strncpy(hello.message, restricted.error().to_string().c_str(), sizeof(hello.message) - 1);
  }
  bool ok = ::write(socket, &hello, sizeof(hello)) == sizeof(hello);
  char byte;
  while (ok && ::read(socket, &byte, 1) == 1) {
    const Sample now = namings.sample();
    ok = ::write(socket, &now, sizeof(now)) == sizeof(now);
  }
  ::_exit(0);
}

}  // namespace

HeldChild::~HeldChild() {
  for (const pid_t pid : {pid_, sibling_}) {
    if (pid <= 0) continue;
    harness::await_end(pid, 0);
  }
}

Result<std::int32_t> HeldChild::start(const Plan& plan, wire::IdentityKind identity, bool close_pins) {
  harness::keep_ended_children();
  if (const Result<OwnProcfs> procfs = OwnProcfs::prove(); !procfs.ok())
    return procfs.error();  // the canary is asked for there
  sibling_ = harness::start_sibling(identity, harness::first_user);
  int sockets[2];
  if (sibling_ < 0 || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    return system_error(errno, "socketpair() or the canary's sibling");
  socket_.reset(sockets[0]);
  const UniqueFd theirs(sockets[1]);
  pid_ = fork_process();
  if (pid_ < 0) return call_error();
  if (pid_ == 0) {
    socket_.reset();
    child_main(theirs.get(), plan, identity, close_pins, sibling_);
  }
  Hello hello;
  LOCKSTEP_CHECK(receive(&hello, sizeof(hello)));
  if (hello.pins < 0)
    return internal_error(std::string(hello.message, ::strnlen(hello.message, sizeof(hello.message))));
  return hello.pins;
}

Result<Sample> HeldChild::ask() {
  Sample out;
  if (::send(socket_.get(), "?", 1, MSG_NOSIGNAL) != 1) return system_error(errno, "send() to the held child");
  LOCKSTEP_CHECK(receive(&out, sizeof(out)));
  for (const std::int32_t err : out.err)
    if (err < 0) return internal_error("the held child could not try to name a thread by every actor");
  if (out.entry == 0 || out.neighbour == 0) return internal_error(std::string("the child cannot see ") + entry);
  return out;
}

Result<void> HeldChild::receive(void* out, std::size_t size) {
  pollfd wait{socket_.get(), POLLIN, 0};
  if (::poll(&wait, 1, patience_ms) != 1) return internal_error("the held child says nothing");
  if (::recv(socket_.get(), out, size, 0) != static_cast<ssize_t>(size)) return internal_error("the held child ended");
  return {};
}

std::size_t look_up_much(pid_t child) {
  std::size_t count = 0;
  std::vector<UniqueFd> many;
  for (int i = 0; i < 900; ++i) {
    UniqueFd fd(::fcntl(0, F_DUPFD_CLOEXEC, 0));
    if (!fd) break;
    for (const char* directory :
         {"/proc/self/fd/", "/proc/self/fdinfo/", "/proc/thread-self/fd/", "/proc/thread-self/fdinfo/"}) {
      inode_of((directory + std::to_string(fd.get())).c_str());
      ++count;
    }
    many.push_back(std::move(fd));
  }
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return count;
  while (const dirent* each = ::readdir(directory)) {
    const std::string name = each->d_name;
    if (name == std::to_string(child)) continue;
    for (const char* file :
         {"", "/status", "/stat", "/maps", "/comm", "/task", "/attr", "/ns", "/net", "/exe", "/cwd"}) {
      inode_of(("/proc/" + name + file).c_str());
      ++count;
    }
  }
  ::closedir(directory);
  return count;
}

Result<void> drop_dentries(pid_t child) {
  look_up_much(child);
  // The first pass may do no more than forget who was used lately.
  for (int pass = 0; pass < 2; ++pass) {
    const UniqueFd fd(::open(drop_caches, O_WRONLY | O_CLOEXEC));
    if (!fd || ::write(fd.get(), "2", 1) != 1)
      return system_error(errno, std::string("write(\"") + drop_caches + "\", \"2\")");
  }
  return {};
}

}  // namespace lockstep::conformance::measure
