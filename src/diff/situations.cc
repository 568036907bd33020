// The situations a policy meets: which there are, and how a list of them is said.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "diff/diff.h"

namespace lockstep::diff {
namespace {

bool asks_for_source(const std::vector<ConflictRule>& rules) {
  return std::any_of(rules.begin(), rules.end(), [](const ConflictRule& rule) { return !rule.sources.empty(); });
}

// What a baseline can add and the policies name, or a conflict rule does: "/dev/nvidia12".
std::set<std::string> named_of_the_baseline(const Policy& policy, const std::vector<ConflictRule>& administrator) {
  const std::vector<std::string_view> baseline = baseline_paths();
  std::set<std::string> out;
  const auto look = [&](const std::string& path) {
    if (is_gpu_node(path) || std::find(baseline.begin(), baseline.end(), path) != baseline.end()) out.insert(path);
  };
  for (const std::vector<PathEntry>* list : {&policy.read_only, &policy.read_write})
    for (const PathEntry& entry : *list) look(entry.path);
  for (const Grant& grant : policy.grants) look(grant.entry.path);
  for (const std::vector<ConflictRule>* rules : {&policy.conflicts, &administrator})
    for (const ConflictRule& rule : *rules)
      for (const std::string& path : rule.paths) look(path);
  return out;
}

// A GPU host that has what none of them has; nothing where nothing is lacking, or the one host was chosen by hand.
std::optional<Host> host_with_the_rest(const std::vector<Host>& hosts, const Policy& before, const Policy& after,
                                       const std::vector<ConflictRule>& administrator) {
  if (hosts.size() < 2) return std::nullopt;
  std::set<std::string> lacking = named_of_the_baseline(before, administrator);
  lacking.merge(named_of_the_baseline(after, administrator));
  std::erase_if(lacking, [&](const std::string& path) {
    return std::any_of(hosts.begin(), hosts.end(),
                       [&](const Host& host) { return host.gpu == GpuKind::nvidia && host.exists(path); });
  });
  const auto gpu = std::find_if(hosts.begin(), hosts.end(), [](const Host& host) {
    return host.gpu == GpuKind::nvidia && host.exists("/dev/nvidiactl");
  });
  if (lacking.empty() || gpu == hosts.end()) return std::nullopt;
  Host out = *gpu;
  out.file = "with-the-paths-named.json";
  for (const std::string& path : lacking) {
    out.present.push_back({path, path.starts_with("/dev/") ? NodeKind::character : NodeKind::directory});
    std::erase(out.absent, path);
    if (is_gpu_node(path)) out.gpu_nodes.push_back(path);
  }
  return out;
}

std::string joined(const std::set<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// What a situation says in one of its three dimensions.
using Word = std::string (*)(const Situation&);
std::string host_word(const Situation& situation) {
  return situation.host;
}
std::string source_word(const Situation& situation) {
  return std::string(name(situation.context.source));
}
std::string proxy_word(const Situation& situation) {
  switch (situation.context.proxy) {
    case Toggle::on:
      return "with the proxy";
    case Toggle::off:
      return "without the proxy";
    case Toggle::automatic:
      break;
  }
  return "with the proxy where the policy has network_policies";
}

}  // namespace

std::vector<Situation> all_situations(const std::vector<Host>& some, const Policy& before, const Policy& after,
                                      const std::vector<ConflictRule>& administrator) {
  std::vector<Host> hosts = some;
  if (std::optional<Host> rest = host_with_the_rest(hosts, before, after, administrator))
    hosts.push_back(std::move(*rest));
  std::vector<Source> sources{Source::user};
  if (asks_for_source(before.conflicts) || asks_for_source(after.conflicts) || asks_for_source(administrator))
    sources = {Source::default_policy, Source::gateway, Source::image, Source::user};
  std::vector<Toggle> proxies{Toggle::on, Toggle::off};
  if (before.has_network_policies != after.has_network_policies) proxies.push_back(Toggle::automatic);
  std::vector<Situation> out;
  for (const Host& host : hosts) {
    for (const Source source : sources) {
      for (const Toggle proxy : proxies) {
        Situation each;
        each.host = host.real ? "this machine" : std::filesystem::path(host.file).stem().string();
        each.context.host = host;
        each.context.source = source;
        each.context.proxy = proxy;
        each.context.administrator_conflicts = administrator;
        out.push_back(std::move(each));
      }
    }
  }
  return out;
}

Result<std::vector<Host>> load_hosts(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  if (error) return input_error(directory, 0, "the directory of host files cannot be read: " + error.message());
  std::sort(files.begin(), files.end());
  std::vector<Host> out;
  for (const std::string& file : files) {
    LOCKSTEP_ASSIGN(Host host, load_host(file));
    if (!host.real) out.push_back(std::move(host));
  }
  if (out.empty()) return input_error(directory, 0, "there is no host file in it (*.json, lockstep.host/1)");
  return out;
}

std::string where(const Diff& diff, const std::vector<std::size_t>& situations) {
  if (situations.empty() || situations.size() == diff.situations.size())
    return diff.situations.size() == 1 ? "on " + diff.situations[0].host : "everywhere";
  std::string out;
  std::size_t product = 1;
  for (const auto& [word, before] :
       {std::pair{Word(host_word), "on "}, std::pair{Word(proxy_word), ""}, std::pair{Word(source_word), "from "}}) {
    std::set<std::string> here, all;
    for (const Situation& each : diff.situations) all.insert(word(each));
    for (const std::size_t i : situations) here.insert(word(diff.situations[i]));
    product *= here.size();
    if (here.size() == all.size()) continue;
    out += (out.empty() ? "" : ", ") + std::string(before) + joined(here);
  }
  // Not a product of the three: said with an example.
  if (product != situations.size()) {
    const Situation& first = diff.situations[situations.front()];
    out = "in " + std::to_string(situations.size()) + " of " + std::to_string(diff.situations.size()) +
          " situations, " + host_word(first) + " " + proxy_word(first) + " from " + source_word(first) + " among them";
  }
  return out.empty() ? "everywhere" : out;
}

}  // namespace lockstep::diff
