// Traps of what real programs need where they are given less: caches, terminals, loaders. What caches need was seen by
// taking each right away from a cold cache of each program (PoCL 3.1 and 6.0, Mesa 22.3, node 24, ccache 4.7, clang 14,
// numba 0.56, OpenJDK 17, CPython 3.11, Chromium), CUDA's is from public sources.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "lint/lint_subject.h"
#include "model/loaders.h"

namespace lockstep::lint::find {
namespace {

constexpr AccessSet files = Right::read_file | Right::write_file | Right::make_reg;
constexpr AccessSet tree = files | Right::make_dir | Right::remove_file;

struct Cache {
  std::string_view component;  // of the path; with a final * what it starts with
  std::string_view program;
  AccessSet needs;
  AccessSet fatal;                 // without which the program fails
  bool at_the_path_alone = false;  // and not of what is below it
};

constexpr auto caches = std::to_array<Cache>({
    {"pocl", "PoCL", tree | Right::refer | Right::truncate, tree | Right::refer | Right::truncate},
    {"mesa_shader_cache*", "Mesa", tree | Right::truncate, {}},
    {"node-compile-cache", "node", tree, {}},
    {"ccache", "ccache", tree | Right::read_dir | Right::make_sym | Right::truncate, files | Right::make_dir},
    {".ccache", "ccache", tree | Right::read_dir | Right::make_sym | Right::truncate, files | Right::make_dir},
    {"ModuleCache", "clang", tree | Right::make_sym, files | Right::make_dir},
    {"numba_cache", "numba", tree, tree},
    {"hsperfdata_*", "Java", tree | Right::truncate, {}},
    {"__pycache__", "CPython", tree, {}},
    {"chromium", "Chromium", tree | Right::read_dir | Right::make_sym | Right::truncate | Right::remove_dir,
     Right::make_dir | Right::make_sym | AccessSet(Right::remove_file)},
    {"ComputeCache", "CUDA's JIT", tree | Right::read_dir | Right::truncate, {}},
    {".nv", "CUDA's JIT", tree | Right::read_dir | Right::truncate, {}},
    // PoCL's is below it, and so are those of many other programs: what is below by name is whose name it has.
    {".cache", "PoCL", tree | Right::refer | Right::truncate, tree | Right::refer | Right::truncate, true},
});

bool is_component(std::string_view name, std::string_view wanted) {
  return wanted.ends_with('*') ? name.starts_with(wanted.substr(0, wanted.size() - 1)) : name == wanted;
}

// The cache that the last component with a name of one tells.
const Cache* cache_of(std::string_view path) {
  for (bool is_last = true; path.size() > 1; is_last = false) {
    const std::size_t slash = path.rfind('/');
    const std::string_view name = path.substr(slash + 1);
    for (const Cache& each : caches)
      if (is_component(name, each.component) && (is_last || !each.at_the_path_alone)) return &each;
    path = path.substr(0, slash);
  }
  return nullptr;
}

bool is_terminal(std::string_view path) {
  if (path == "/dev/ptmx" || path == "/dev/console" || is_below(path, "/dev/pts")) return true;
  return path.starts_with("/dev/tty") && path.find('/', 5) == std::string_view::npos;
}

// Of a directory the programs right in it, at most so many: all of a distribution's have one loader.
constexpr std::size_t most_programs = 256;

std::vector<std::string> programs_of(const Entry& entry) {
  if (entry.place.kind == NodeKind::file) return {entry.place.leads_to};
  std::vector<std::string> out;
  if (entry.place.kind != NodeKind::directory || entry.place.is_root || is_below(entry.place.leads_to, "/proc"))
    return out;
  std::error_code error;
  for (std::filesystem::directory_iterator at(entry.place.leads_to, error), end;
       !error && at != end && out.size() < most_programs; at.increment(error)) {
    struct stat st;
    if (::lstat(at->path().c_str(), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0)
      out.push_back(at->path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

void cache_rights(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries) {
    const Cache* cache = cache_of(entry.path());
    if (cache == nullptr || !entry.rights.contains(Right::write_file)) continue;  // nobody meant it to be written
    const AccessSet lacking = cache->needs - subject.in_force.at(entry.path());
    if (lacking.empty()) continue;
    report.add(
        entry.line(), entry.path(),
        printable(entry.path()) + " is where " + std::string(cache->program) + " keeps its cache: without " +
            join_names(lacking, ", ") +
            (lacking.intersects(cache->fatal) ? " it fails"
                                              : " it goes on without one, or leaves rubbish there, and says nothing"));
  }
}

void terminal_without_ioctl(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (is_terminal(entry.path()) && entry.rights.intersects(Right::read_file | Right::write_file) &&
        !subject.in_force.at(entry.path()).contains(Right::ioctl_dev))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " is granted without ioctl_dev: it opens, and from ABI 5 isatty(3), the window's size and job "
                     "control fail on it");
}

void proc_without_truncate(const Subject& subject, Report& report) {
  for (const Entry& entry : subject.entries)
    if (entry.list == Access::grant && is_below(entry.path(), "/proc") && entry.rights.contains(Right::write_file) &&
        !subject.in_force.at(entry.path()).contains(Right::truncate))
      report.add(entry.line(), entry.path(),
                 printable(entry.path()) +
                     " is granted write_file without truncate: CUDA from 550 on opens comm with O_TRUNC, so cuInit() "
                     "works below ABI 3 "
                     "and returns 304 from ABI 3 on");
}

void loader_missing(const Subject& subject, Report& report) {
  if (!subject.options.context.host.real) return;  // a host file does not say what is in a program
  RightsByPath in_force;
  for (const EffectiveRule& rule : subject.effective.rules) {
    std::error_code error;
    const std::filesystem::path leads = std::filesystem::canonical(rule.path, error);
    if (!error) in_force.add(leads.string(), rule.rights(abi_info(newest_abi)->fs));
  }
  constexpr AccessSet executes = Right::execute | Right::read_file;
  for (const Entry& entry : subject.entries) {
    if (!entry.place.exists || !entry.rights.contains(executes)) continue;
    std::set<std::string> said;
    for (const std::string& program : programs_of(entry)) {
      std::vector<std::string> lacking = model::read_loaders(program).paths;
      std::erase_if(lacking, [&](const std::string& loader) {
        std::error_code error;
        const std::filesystem::path leads = std::filesystem::canonical(loader, error);
        return error || in_force.at(leads.string()).contains(executes);
      });
      for (auto loader = lacking.begin(); loader != lacking.end(); ++loader) {
        if (!said.insert(*loader).second) continue;
        // What it is executed by way of itself is lacking as well, and stands behind it.
        report
            .add(entry.line(), entry.path(),
                 printable(program) + " is executed by way of " + printable(*loader) +
                     ", which is not granted execute and read_file: it does not start (EACCES)")
            .fix = "grant read_file and execute on it as well: read_only: [" +
                   printable(join(std::vector<std::string>(loader, lacking.end()), ", ")) + "]";
      }
    }
  }
}

}  // namespace lockstep::lint::find
