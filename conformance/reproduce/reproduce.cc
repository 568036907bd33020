#include "conformance/reproduce/reproduce.h"

#include <algorithm>

#include <lockstep/rights.h>

#include "conformance/harness/identity.h"
#include "conformance/reproduce/reproduce_program.h"
#include "enforce/privilege.h"

namespace lockstep::conformance::reproduce {
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

const char* name(wire::TreeKind kind) {
  switch (kind) {
    case wire::TreeKind::directory:
      return "directory";
    case wire::TreeKind::file:
      return "file";
    case wire::TreeKind::character:
      return "character";
    case wire::TreeKind::fifo:
      return "fifo";
    case wire::TreeKind::socket:
      return "socket";  // of a type: see declare()
    case wire::TreeKind::symlink:
      return "symlink";
    case wire::TreeKind::hard_link:
      return "hard-link";
    case wire::TreeKind::bind:
    case wire::TreeKind::tcp_server:
    case wire::TreeKind::udp_server:
    case wire::TreeKind::abstract_server:
      break;
  }
  return "bind";
}

// What is no operation on files: counting all of procfs, the driver's own library, ports and scopes. And what the
// program does not know: whiteouts, and threads from before the restriction.
bool is_left_out(const wire::CellRequest& cell) {
  return cell.survey || cell.mode == Mode::own_server || cell.mode == Mode::whiteout ||
         cell.actor == Actor::early_thread || static_cast<int>(cell.operation) >= path_operation_count;
}

bool is_server(const wire::TreeItem& item) {
  return item.kind >= wire::TreeKind::tcp_server;
}

std::string flag(const char* what, bool value) {
  return "static const int " + std::string(what) + " = " + (value ? "1" : "0") + ";\n";
}

std::string set(const char* what, std::uint64_t bits, const std::string& comment) {
  return "static const uint64_t " + std::string(what) + " = " + std::to_string(bits) + "ull;  /* " + comment + " */\n";
}

constexpr char usage[] = R"(, as bare system calls.

     cc -static -pthread row.c -o row && ./row [PART OF A CELL'S NAME]

   A line a cell: what a child without the restriction got, what one with it got, the cell. Both do the same, on
   identical files of their own. As root it takes the row's identity, as an ordinary user it stays who it is.
   Exit: 0; 2 where no cell has that name; 3 where this machine has no Landlock, or no namespaces to be had;
   4 where something else failed. */
)";

// The declarations that reproduce_program.c is written against. Every table ends in an empty entry.
std::string declare(const wire::RowRequest& row) {
  const Plan& plan = row.plans.front();
  std::string out = "static const char identity[] = " + c_string(wire::name(row.identity)) + ";\n";
  out += flag("simulated", row.simulated) + flag("bind_sys", row.bind_sys) +
         flag("hard_requirement", plan.compatibility == Compatibility::hard_requirement);
  out +=
      "enum { plan_abi = " + std::to_string(plan.abi) + ", row_user = " + std::to_string(harness::first_user) + " };\n";
  out += set("handled", plan.handled.bits(), join_names(plan.handled));
  out += set("read_only", access_read_only.bits(), "what changes nothing: " + join_names(access_read_only));
  out += set("on_files", access_on_files.bits(), "what means something on a file: " + join_names(access_on_files));
  out += set("container_capabilities", container_default_capabilities(), "what a container's root has");

  out += "\nstatic const struct item tree[] = {\n";
  for (const wire::TreeItem& item : row.tree)
    if (!is_server(item))
      out += "  {" + c_string(name(item.kind)) + ", " + c_string(item.path) + ", " +
             c_string(item.kind == wire::TreeKind::socket ? wire::name(item.type) : item.target) + ", " +
             std::to_string(item.size) + ", " + (item.executable ? "1" : "0") + "},\n";
  out += "  {0}};\n\nstatic const struct rule rules[] = {\n";
  for (const PlanRule& rule : plan.rules)
    out += "  {" + c_string(rule.path) + ", " + std::to_string(rule.rights.bits()) + "ull, " +
           (rule.from_baseline ? "1" : "0") + "},  /* " + join_names(rule.rights) + " */\n";
  out += "  {0}};\n\nstatic const struct cell cells[] = {\n";
  for (const wire::CellRequest& cell : row.cells) {
    if (is_left_out(cell)) continue;
    out += "  {" + c_string(name(cell.operation)) + ", " + c_string(name(cell.mode)) + ", " +
           c_string(name(cell.actor)) + ", " + c_string(name(cell.target)) + ", " + c_string(cell.path) + ", " +
           c_string(cell.path2) + "},\n";
  }
  const auto left_out = std::count_if(row.cells.begin(), row.cells.end(), is_left_out);
  out += "  {0}};\n\nstatic const int left_out = " + std::to_string(left_out) + ";\n";
  return out;
}

}  // namespace

Result<std::string> reproduce(const judge::Row& row) {
  LOCKSTEP_ASSIGN(const wire::RowRequest request, judge::make_request(row, judge::Subject{}));
  if (request.plans.size() > 1)
    return unsupported_error(0, printable(row.name()) + " stacks a second policy, which the program does not know");
  const std::string_view program = reproduce_program;
  constexpr std::string_view include = "#include \"reproduce_row.h\"\n";
  const std::size_t at = program.find(include);
  if (at == std::string_view::npos) return internal_error("reproduce_program.c does not include the row");
  std::string out = "/* Row " + printable(row.name()) + usage;
  out += program.substr(0, at);
  out += declare(request);
  out += program.substr(at + include.size());
  return out;
}

}  // namespace lockstep::conformance::reproduce
