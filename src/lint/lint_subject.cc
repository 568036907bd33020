#include "lint/lint_subject.h"

#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <memory>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "paths/every_name.h"

namespace lockstep::lint {
namespace {

NodeKind kind_of(const struct stat& st) {
  if (S_ISDIR(st.st_mode)) return NodeKind::directory;
  if (S_ISSOCK(st.st_mode)) return NodeKind::socket;
  return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? NodeKind::character : NodeKind::file;
}

Place on_this_machine(const std::string& path) {
  Place out;
  out.leads_to = path;
  struct stat st {
  }, root{};
  if (::stat(path.c_str(), &st) != 0) return out;
  out.exists = true;
  out.kind = kind_of(st);
  if (const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
      real != nullptr)
    out.leads_to = real.get();
  out.object = std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
  out.is_root = ::stat("/", &root) == 0 && st.st_dev == root.st_dev && st.st_ino == root.st_ino;
  return out;
}

// As the host file says.
Place on_file(const std::string& path, const Host& host, paths::Names& names) {
  Place out;
  out.leads_to = path;
  const paths::Lead lead = paths::follow(path, names);
  if (lead.endless || lead.process != nullptr) return out;
  out.exists = lead.path == "/" || host.exists(lead.path);
  if (out.exists) out.leads_to = lead.path;
  const auto entry = std::find_if(host.present.begin(), host.present.end(),
                                  [&](const HostEntry& each) { return each.path == out.leads_to; });
  if (entry != host.present.end()) out.kind = entry->kind;
  out.object = out.leads_to;
  out.is_root = out.leads_to == "/";
  return out;
}

}  // namespace

Place place_of(const std::string& path, const Host& host) {
  if (host.real) return on_this_machine(path);
  paths::Names names(host, false);
  return on_file(path, host, names);
}

Host complete_host(const Policy& policy) {
  Host out;
  out.gpu = GpuKind::nvidia;
  out.gpu_nodes = {"/dev/nvidia0"};
  const auto add = [&](const PathEntry& each) {
    if (is_gpu_node(each.path) && each.path != out.gpu_nodes[0]) out.gpu_nodes.push_back(each.path);
  };
  for (const PathEntry& each : policy.read_only) add(each);
  for (const PathEntry& each : policy.read_write) add(each);
  for (const Grant& each : policy.grants) add(each.entry);
  for (const std::string_view path : baseline_paths())
    out.present.push_back({std::string(path), path.starts_with("/dev/") ? NodeKind::character : NodeKind::directory});
  for (const std::string& node : out.gpu_nodes) out.present.push_back({node, NodeKind::character});
  return out;
}

bool Entry::is_pattern() const {
  const std::size_t bracket = path().find('[');
  const bool closed = bracket != std::string::npos && path().find(']', bracket) != std::string::npos;
  return !place.exists && (closed || path().find_first_of("*?") != std::string::npos);
}

bool Entry::changes() const {
  return !access_read_only.contains(rights);
}

bool Entry::is_variable() const {
  const std::size_t dollar = path().find('$');
  const char next = dollar != std::string::npos && dollar + 1 < path().size() ? path()[dollar + 1] : '\0';
  const bool name = (next >= 'A' && next <= 'Z') || (next >= 'a' && next <= 'z');
  return !place.exists && (name || next == '{' || next == '_' || path().starts_with("/~"));
}

AccessSet RightsByPath::above(std::string_view path) const {
  AccessSet out;
  std::string top(path);
  while (top.size() > 1) {
    top.erase(std::max<std::size_t>(top.rfind('/'), 1));
    if (const auto found = own_.find(top); found != own_.end()) out |= found->second;
  }
  return out;
}

AccessSet RightsByPath::at(const std::string& path) const {
  const auto found = own_.find(path);
  return above(path) | (found == own_.end() ? AccessSet() : found->second);
}

RightsByPath rights_of(const EffectivePolicy& effective) {
  RightsByPath out;
  for (const EffectiveRule& rule : effective.rules) out.add(rule.path, rule.rights(abi_info(newest_abi)->fs));
  return out;
}

Result<void> Subject::find_other_names() {
  paths::Paths paths;
  paths::Names names(options.context.host);
  if (!names.mounts().ok()) {  // any name may be another's: no entry is taken for covered
    for (Entry& entry : entries) entry.also_at = entry.path();
    return {};
  }
  std::vector<int> nodes;
  for (const Entry& entry : entries) {
    const Result<paths::Placed> placed = paths.place(entry.path(), names);
    nodes.push_back(placed.ok() ? placed->nodes.front() : -1);
  }
  std::vector<int> known = nodes;
  std::erase(known, -1);
  LOCKSTEP_ASSIGN(const std::vector<int> others, paths::EveryName(paths, names).other_than(known));
  std::vector<AccessSet> own(paths.objects()), above(paths.size());
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (nodes[i] >= 0) own[static_cast<std::size_t>(paths.object(nodes[i]))] |= entries[i].rights;
  for (int id = 0; static_cast<std::size_t>(id) < above.size(); ++id)
    if (const int parent = paths.parent(id); parent >= 0)
      above[static_cast<std::size_t>(id)] =
          above[static_cast<std::size_t>(parent)] | own[static_cast<std::size_t>(paths.object(parent))];
  std::unordered_multimap<int, int> by_object;
  for (const int id : others) by_object.emplace(paths.object(id), id);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (nodes[i] < 0) continue;
    const AccessSet rights = paths.is_directory(nodes[i]) ? entries[i].rights : entries[i].rights & access_on_files;
    const auto [first, last] = by_object.equal_range(paths.object(nodes[i]));
    for (auto each = first; each != last; ++each)
      if (!above[static_cast<std::size_t>(each->second)].contains(rights))
        entries[i].also_at = paths.path(each->second);
  }
  return {};
}

Result<Subject> Subject::make(const Policy& policy, const LintOptions& options) {
  Subject out(policy, options);
  const AccessSet all = abi_info(newest_abi)->fs;
  const Host& host = options.context.host;
  paths::Names names(host, false);
  const auto add = [&](const PathEntry& each, Access list, AccessSet rights, bool quiet) {
    out.written.add(each.path, rights);
    out.entries.push_back(
        {&each, list, rights, quiet, host.real ? on_this_machine(each.path) : on_file(each.path, host, names)});
  };
  for (const PathEntry& each : policy.read_only) add(each, Access::read_only, access_read_only, false);
  for (const PathEntry& each : policy.read_write) add(each, Access::read_write, all, false);
  for (const Grant& each : policy.grants) add(each.entry, Access::grant, each.access, each.quiet);
  if (host.real) LOCKSTEP_CHECK(out.find_other_names());
  Context context = options.context;
  if (context.workdir && place_of(*context.workdir, options.context.host).is_root)
    context.workdir.reset();  // a trap of its own
  LOCKSTEP_ASSIGN(out.effective, enrich(policy, context));
  out.in_force = rights_of(out.effective);
  context.host = complete_host(policy);
  if (Result<EffectivePolicy> there = enrich(policy, context); there.ok()) {
    out.complete = std::move(there).value();
    out.in_force_there = rights_of(*out.complete);
  } else {
    out.refused_there = std::move(there).error();
    out.in_force_there = out.in_force;
  }
  return out;
}

Finding& Report::add(int line, const std::string& path, std::string message) {
  return out_.emplace_back(Finding{std::string(trap_.id), trap_.severity, line, path, std::move(message),
                                   std::string(trap_.fix), trap_.fixable});
}

}  // namespace lockstep::lint
