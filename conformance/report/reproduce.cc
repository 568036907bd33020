#include "conformance/report/reproduce.h"

#include "policy/plan.h"

namespace lockstep::conformance {
namespace {

std::string c_string(std::string_view text) {
  constexpr char digits[] = "01234567";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\' && c != '?') {
      out += c;
    } else {
      out += {'\\', digits[byte >> 6], digits[byte >> 3 & 7], digits[byte & 7]};
    }
  }
  return out + "\"";
}

// The operations that can be shown on existing paths without changing them.
const char* open_flags(Operation operation) {
  switch (operation) {
    case Operation::open_r: return "O_RDONLY";
    case Operation::open_w: return "O_WRONLY";
    case Operation::open_rw: return "O_RDWR";
    case Operation::open_path: return "O_PATH";
    case Operation::opendir: return "O_RDONLY | O_DIRECTORY";
    default: return nullptr;
  }
}

constexpr char prologue[] = R"(#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ruleset;

static void rule(const char *path, uint64_t rights) {
  struct { uint64_t rights; int32_t fd; } __attribute__((packed)) beneath;
  struct stat st;
  beneath.fd = open(path, O_PATH | O_CLOEXEC);
  if (beneath.fd < 0 || fstat(beneath.fd, &st) != 0) { printf("rule %s: %s\n", path, strerror(errno)); return; }
  beneath.rights = S_ISDIR(st.st_mode) ? rights : rights & 0x1c007;
  if (beneath.rights != 0 && syscall(445, ruleset, 1, &beneath, 0) != 0) printf("rule %s: %s\n", path, strerror(errno));
}

static void try_open(const char *path, int flags, const char *what) {
  int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  printf("%-12s %-50s %s\n", what, path, fd < 0 ? strerror(errno) : "allowed");
  if (fd >= 0) close(fd);
}

int main(void) {
)";

}  // namespace

Result<std::string> reproduce(const Row& row) {
  LOCKSTEP_ASSIGN(const Plan plan, compile(row.run->effective, row.plan_abi));
  std::string out = "// " + printable(row.name()) + ": build with cc, run as any user; it restricts only itself.\n";
  if (!row.run->source.context.host.real)
    out += "// The row ran on a simulated host: here the same rules meet this machine's own files, and what is missing says so.\n";
  out += prologue;
  out += "  uint64_t handled = " + std::to_string(plan.handled.bits()) + "ull;  // " + join_names(plan.handled) + "\n";
  out += "  ruleset = (int)syscall(444, &handled, sizeof(handled), 0);\n"
         "  if (ruleset < 0) { perror(\"landlock_create_ruleset\"); return 1; }\n";
  for (const PlanRule& rule : plan.rules)
    out += "  rule(" + c_string(rule.path) + ", " + std::to_string(rule.rights.bits()) + "ull);  // " + join_names(rule.rights) + "\n";
  out += "  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(446, ruleset, 0) != 0) { perror(\"restrict\"); return 1; }\n";
  std::size_t left_out = 0;
  for (const CellRequest& cell : row.run->cells.cells) {
    const char* flags = open_flags(cell.operation);
    const bool own_path = cell.path.find('$') == std::string::npos;
    if (cell.operation == Operation::comm_open && cell.target == Target::own && cell.mode == Mode::rdwr && cell.actor == Actor::self) {
      out += "  try_open(\"/proc/thread-self/comm\", O_RDWR, \"comm\");\n";
    } else if (flags != nullptr && own_path && cell.mode == Mode::plain && cell.actor == Actor::self) {
      out += "  try_open(" + c_string(cell.path) + ", " + flags + ", \"" + std::string(name(cell.operation)) + "\");\n";
    } else {
      ++left_out;
    }
  }
  out += "  return 0;\n}\n";
  return out + "// " + std::to_string(left_out) + " cells that change files, need an actor or another process are left out.\n";
}

}  // namespace lockstep::conformance
