#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <thread>

#include "conformance/verify/lint_kernel_rows_testing.h"
#include "lint/lint.h"

namespace lockstep::conformance::verify {

Tree::Tree() : Scratch(0755) {
  for (const char* each : {"d", "e", "rw", "rw/inner", "rw/other", "prog", "bin", ".cache", ".cache/a", ".cache/b"})
    directory(each);
  for (const char* each : {"d/f", "e/f", "rw/inner/f", "bin/tool", ".cache/a/f"}) file(each);
  std::ifstream in("/bin/true", std::ios::binary);
  std::ofstream(at("prog/true"), std::ios::binary) << in.rdbuf();
  ::chmod(at("prog/true").c_str(), 0755);
  if (::symlink("d", at("link").c_str()) != 0 || ::symlink("/", at("root").c_str()) != 0) std::abort();
}

int open_as(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY));
  return fd ? 0 : errno;
}

namespace {

// In a child of the restricted process.
int in_grandchild(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return broken;
  return WEXITSTATUS(status);
}

int name_another_thread() {
  std::promise<pid_t> id;
  std::promise<void> done;
  std::thread other([&] {
    id.set_value(::gettid());
    done.get_future().wait();
  });
  const int err = open_as("/proc/self/task/" + std::to_string(id.get_future().get()) + "/comm", O_RDWR);
  done.set_value();
  other.join();
  return err;
}

int write_inner(const Tree& tree) {
  return open_as(tree.at("rw/inner/f"), O_WRONLY);
}
int write_d(const Tree& tree) {
  return open_as(tree.at("d/f"), O_WRONLY);
}
int read_d(const Tree& tree) {
  return open_as(tree.at("d/f"), O_RDONLY);
}
int read_e(const Tree& tree) {
  return open_as(tree.at("e/f"), O_RDONLY);
}
int read_link(const Tree& tree) {
  return open_as(tree.at("link/f"), O_RDONLY);
}
int read_late(const Tree& tree) {
  return open_as(tree.at("late/f"), O_RDONLY);
}
int read_status_in_a_child(const Tree&) {
  return in_grandchild([] { return open_as("/proc/self/status", O_RDONLY); });
}
int run_program(const Tree& tree) {
  return in_grandchild([&] {
    char name[] = "true";
    char* const words[] = {name, nullptr};
    ::execv(tree.at("prog/true").c_str(), words);
    return errno;
  });
}
int ioctl_node(const Tree&) {
  const UniqueFd fd(::open("/dev/ptmx", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!fd) return broken;
  unsigned number = 0;
  return ::ioctl(fd.get(), TIOCGPTN, &number) == 0 ? 0 : errno;
}
int connect_socket(const Tree& tree) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  tree.at("x.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}
// As a daemon does that starts again. The server stays open.
void serve_anew(const Tree& tree) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  tree.at("x.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::unlink(address.sun_path) != 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || ::listen(fd, 4) != 0)
    std::abort();
}
// From a socket that nobody bound: the kernel has to choose its port.
int send_datagram(const Tree&) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(40002);
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const char byte = 0;
  return ::sendto(fd.get(), &byte, 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 1 ? 0 : errno;
}

void turn_link(const Tree& tree) {
  ::unlink(tree.at("link").c_str());
  if (::symlink("e", tree.at("link").c_str()) != 0) std::abort();
}
// For the processes that are forked from here: /proc/self/fd/200.
void keep_d_open(const Tree& tree) {
  const UniqueFd fd(::open(tree.at("d/f").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::dup3(fd.get(), 200, O_CLOEXEC) != 200) std::abort();
}
void make_late(const Tree& tree) {
  (void)tree.directory("late");
  (void)tree.file("late/f");
}

const std::vector<Row> table = {
    {"procfs-self", "  read_only: [$B, /proc/self]", "  read_only: [$B, /proc]", read_status_in_a_child, EACCES, 0},
    {"procfs-link", "  read_only: [/usr, /proc, /proc/self/root]", "  read_only: [/usr, /proc]", read_d, 0, EACCES},
    {"procfs-link", "  read_only: [/proc, /proc/thread-self/root$B/d]", "  read_only: [/proc]", read_d, 0, EACCES},
    {"procfs-link", "  read_only: [/proc, /proc/self/cwd]", "  read_only: [/proc]",
     [](const Tree&) { return open_as(".", O_RDONLY | O_DIRECTORY); }, 0, EACCES},
    {"procfs-link", "  read_only: [/proc, /proc/self/exe]", "  read_only: [/proc]",
     [](const Tree&) { return open_as("/proc/self/exe", O_RDONLY); }, 0, EACCES},
    {"procfs-link", "  read_only: [/proc, /proc/self/fd/200]", "  read_only: [/proc, /proc/self/fd]", read_d, 0, EACCES,
     1, 0, keep_d_open},
    {"root-read-only", "  read_only: [$B/root]", "  read_only: [$B/d]", read_e, 0, EACCES},
    {"read-only-below-write", "  read_only: [$B/rw/inner]\n  read_write: [$B/rw]",
     "  read_only: [$B/rw/inner]\n  read_write: [$B/rw/other]", write_inner, 0, EACCES},
    {"both-lists", "  read_only: [$B/d]\n  read_write: [$B/d]", "  read_only: [$B/d]", write_d, 0, EACCES},
    {"redundant", "  read_only: [$B, $B/d]", "  read_only: [$B]", read_d, 0, 0},
    {"redundant", "  read_only: [$B, $B/d]", "  read_only: [$B]", write_d, EACCES, EACCES},
    {"path-twice", "  read_only: [$B/d, $B/d]", "  read_only: [$B/d]", read_d, 0, 0},
    {"path-twice", "  read_only: [$B/d, $B/d]", "  read_only: [$B/d]", write_d, EACCES, EACCES},
    {"spelling", "  read_only: [$B//d/.]", "  read_only: [$B/d]", read_d, 0, 0},
    // To a comparison of strings these are two paths, and the first is safe.
    {"spelling", "  read_only: [$B/d]\n  read_write: [$B//d/]", "  read_only: [$B/d]", write_d, 0, EACCES},
    {"pattern", "  read_only: [/usr, '$B/*']", "  read_only: [/usr, $B/d]", read_d, EACCES, 0},
    {"variable", "  read_only: [/usr, '$B/${NAME}']", "  read_only: [/usr, $B/d]", read_d, EACCES, 0},
    {"symlink", "  read_only: [$B/link]", "  read_only: [$B/d, $B/e]", read_link, EACCES, 0, 1, 0, turn_link},
    {"root-by-link", "  read_write: [$B/root]", "  read_write: [$B/d]", write_d, refused, 0},
    {"missing-path", "  read_only: [/usr, $B/late]", "  read_only: [/usr, $B]", read_late, EACCES, 0, 1, 0, make_late},
    {"same-object", "  read_only: [$B/d]\n  read_write: [$B/link]", "  read_only: [$B/d]", write_d, 0, EACCES},
    {"gpu-read-only", "  read_only: [$NODE]", "  read_write: [$NODE]",
     [](const Tree&) { return open_as("/dev/ptmx", O_RDWR); }, EACCES, 0},
    {"gpu-without-ioctl", "  grants: [{path: $NODE, access: [read_file, write_file]}]",
     "  grants: [{path: $NODE, access: [read_file, write_file, ioctl_dev]}]", ioctl_node, EACCES, 0, 5},
    {"socket-by-path", "  read_only: [$B/x.sock]", "  grants: [{path: $B/x.sock, access: [read_file, resolve_unix]}]",
     connect_socket, EACCES, 0, 9},
    {"socket-file", "  grants: [{path: $B/x.sock, access: [resolve_unix]}]",
     "  grants: [{path: $B, access: [resolve_unix]}]", connect_socket, EACCES, 0, 9, 0, serve_anew},
    {"no-truncate", "  grants: [{path: $B/d, access: [read_file, write_file]}]",
     "  grants: [{path: $B/d, access: [read_file, write_file, truncate]}]",
     [](const Tree& tree) { return open_as(tree.at("d/f"), O_WRONLY | O_TRUNC); }, EACCES, 0, 3},
    {"proc-without-truncate", "  grants: [{path: /proc, access: [read_file, write_file]}]",
     "  grants: [{path: /proc, access: [read_file, write_file, truncate]}]",
     [](const Tree&) { return open_as("/proc/thread-self/comm", O_WRONLY | O_TRUNC); }, EACCES, 0, 3},
    {"terminal-without-ioctl", "  grants: [{path: /dev/ptmx, access: [read_file, write_file]}]",
     "  grants: [{path: /dev/ptmx, access: [read_file, write_file, ioctl_dev]}]", ioctl_node, EACCES, 0, 5},
    // As PoCL does: what was built elsewhere is renamed into place.
    {"cache-rights",
     "  grants: [{path: $B/.cache, access: [read, write_file, truncate, make_dir, make_reg, remove_file]}]",
     "  grants: [{path: $B/.cache, access: [cache]}]",
     [](const Tree& tree) {
       return ::rename(tree.at(".cache/a/f").c_str(), tree.at(".cache/b/f").c_str()) == 0 ? 0 : errno;
     },
     EXDEV, 0, 2},
    {"loader-missing", "  read_only: [$B/prog]", "  read_only: [$B/prog, /usr, /lib, /lib64]", run_program, EACCES, 0},
    {"narrower-below-wider", "  read_write: [$B/rw]\n  grants: [{path: $B/rw/inner, access: [read]}]",
     "  read_write: [$B/rw/other]\n  grants: [{path: $B/rw/inner, access: [read]}]", write_inner, 0, EACCES},
    {"workdir-read-only", "  include_workdir: true\n  read_only: [$B/rw/inner]",
     "  include_workdir: false\n  read_only: [$B/rw/inner]", write_inner, 0, EACCES, 1, 0, nullptr, Toggle::off,
     "$B/rw/inner"},
    {"proc-write-only", "  grants: [{path: /proc, access: [write_file]}]",
     "  grants: [{path: /proc, access: [read_file, write_file]}]", [](const Tree&) { return name_another_thread(); },
     EACCES, 0},
    {"cuda-blocked", "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: [/proc], mode: keep}]",
     "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: [/proc], mode: promote}]",
     [](const Tree&) { return name_another_thread(); }, EACCES, 0, 1, 0, nullptr, Toggle::on},
    {"execute-without-read", "  read_only: [/usr, /lib, /lib64]\n  grants: [{path: $B/prog, access: [execute]}]",
     "  read_only: [/usr, /lib, /lib64]\n  grants: [{path: $B/prog, access: [execute, read_file]}]", run_program,
     EACCES, 0},
    {"directory-rights", "  grants: [{path: $B/d/f, access: [make_reg]}]",
     "  grants: [{path: $B/d, access: [make_reg]}]",
     [](const Tree& tree) { return ::link(tree.at("d/f").c_str(), tree.at("d/g").c_str()) == 0 ? 0 : errno; }, refused,
     0},
    {"null-missing", "  read_only: [/usr]", "  read_only: [/usr]\n  read_write: [/dev/null]",
     [](const Tree&) { return open_as("/dev/null", O_WRONLY); }, EACCES, 0},
    {"urandom-missing", "  read_only: [/usr]", "  read_only: [/usr, /dev/urandom]",
     [](const Tree&) { return open_as("/dev/urandom", O_RDONLY); }, EACCES, 0},
    {"root-read-only", "  read_only: [/]", "  read_only: [/usr]", read_d, 0, EACCES},
    {"dev-writable", "  read_write: [/dev]", "  read_write: [/dev/null]",
     [](const Tree&) { return open_as("/dev/zero", O_WRONLY); }, 0, EACCES},
    {"write-and-execute", "  read_write: [$B/bin]", "  read_only: [$B/bin]",
     [](const Tree& tree) { return open_as(tree.at("bin/tool"), O_WRONLY); }, 0, EACCES},
    {"rights-dropped", "  read_only: [$B/d]\nlandlock: {min_abi: 3}",
     "  read_only: [$B/d]\nlandlock: {min_abi: 3, compatibility: hard_requirement}",
     [](const Tree& tree) { return ::truncate(tree.at("d/f").c_str(), 0) == 0 ? 0 : errno; }, 0, refused, 2, 2},
    {"no-path", "  read_only: []", "  read_only: [$B]", read_d, refused, 0},
    {"workdir-root", "  include_workdir: true\n  read_only: [$B]", "  include_workdir: false\n  read_only: [$B]",
     read_d, refused, 0, 1, 0, nullptr, Toggle::off, "/"},
    {"udp-unbound", "  read_only: [$B]\nlandlock: {ports: {bind_udp: [40001], connect_send_udp: [40002]}}",
     "  read_only: [$B]\nlandlock: {ports: {bind_udp: [0, 40001], connect_send_udp: [40002]}}", send_datagram, EACCES,
     0, 10},
    // What the author wanted kept is promoted all the same, and what he wanted promoted is kept.
    {"conflict-idle", "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: ['/proc/*'], mode: keep}]",
     "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: [/proc], mode: keep}]",
     [](const Tree&) { return name_another_thread(); }, 0, EACCES, 1, 0, nullptr, Toggle::on},
    {"conflict-shadowed",
     "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: ['/*'], mode: keep}, {paths: [/proc], mode: "
     "promote}]",
     "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: [/proc], mode: promote}, {paths: ['/*'], "
     "mode: keep}]",
     [](const Tree&) { return name_another_thread(); }, EACCES, 0, 1, 0, nullptr, Toggle::on},
    {"root-user", "  read_only: [/usr]\nprocess: {run_as_user: root}",
     "  read_only: [/usr]\nprocess: {run_as_user: '65534'}",
     [](const Tree& tree) { return ::chmod(tree.at("d/f").c_str(), 0700) == 0 ? 0 : errno; }, 0, EPERM, 1, 0, nullptr,
     Toggle::off, nullptr, true},
};

const std::vector<NotInRows> elsewhere = {
    {"procfs-below",
     "the rule is lost when the entries of the whole machine are dropped: LintReclaim shows it, where "
     "LOCKSTEP_RECLAIM is set"},
    {"user-unknown", "the kernel knows numbers alone: lockstep exec refuses the name before it is asked"},
    {"many-paths", "the limit is OpenShell's own: the kernel takes as many rules as there is memory"},
};

}  // namespace

std::span<const Row> rows() {
  return table;
}

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.id << ": " << row.falls;
}

std::span<const NotInRows> not_in_rows() {
  return elsewhere;
}

// No trap can be added that the kernel is not asked about, and none is both excused and shown.
TEST(LintRows, ShowEveryTrapOrSayWhyNot) {
  const auto shown = [](std::string_view id) {
    return std::any_of(table.begin(), table.end(), [&](const Row& row) { return row.id == id; });
  };
  const auto excused = [](std::string_view id) {
    return std::any_of(elsewhere.begin(), elsewhere.end(),
                       [&](const NotInRows& each) { return each.id == id && !each.why.empty(); });
  };
  const auto known = [](std::string_view id) {
    const auto traps = lint::traps();
    return std::any_of(traps.begin(), traps.end(), [&](const lint::Trap& trap) { return trap.id == id; });
  };
  for (const lint::Trap& trap : lint::traps()) EXPECT_NE(shown(trap.id), excused(trap.id)) << trap.id;
  for (const Row& row : table) EXPECT_TRUE(known(row.id)) << row.id;
  for (const NotInRows& each : elsewhere) EXPECT_TRUE(known(each.id)) << each.id;
}

}  // namespace lockstep::conformance::verify
