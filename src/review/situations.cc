// The situations a policy meets: which there are, and how a list of them is said.
#include <algorithm>
#include <filesystem>
#include <set>

#include "review/diff.h"

namespace lockstep::review {
namespace {

bool asks_for_source(const Policy& policy) {
  return std::any_of(policy.conflicts.begin(), policy.conflicts.end(), [](const ConflictRule& rule) { return !rule.sources.empty(); });
}

std::string joined(const std::set<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// What a situation says in one of its three dimensions.
using Word = std::string (*)(const Situation&);
std::string host_word(const Situation& situation) { return situation.host; }
std::string source_word(const Situation& situation) { return std::string(name(situation.context.source)); }
std::string proxy_word(const Situation& situation) {
  switch (situation.context.proxy) {
    case Toggle::on: return "with the proxy";
    case Toggle::off: return "without the proxy";
    case Toggle::automatic: break;
  }
  return "with the proxy where the policy has network_policies";
}

}  // namespace

std::vector<Situation> all_situations(const std::vector<Host>& hosts, const Policy& before, const Policy& after) {
  std::vector<Source> sources{Source::user};
  if (asks_for_source(before) || asks_for_source(after)) sources = {Source::default_policy, Source::gateway, Source::image, Source::user};
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
  if (situations.empty() || situations.size() == diff.situations.size()) return diff.situations.size() == 1 ? "on " + diff.situations[0].host : "everywhere";
  std::string out;
  std::size_t product = 1;
  for (const auto& [word, before] : {std::pair{Word(host_word), "on "}, std::pair{Word(proxy_word), ""}, std::pair{Word(source_word), "from "}}) {
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
    out = "in " + std::to_string(situations.size()) + " of " + std::to_string(diff.situations.size()) + " situations, " + host_word(first) + " " + proxy_word(first) +
          " from " + source_word(first) + " among them";
  }
  return out.empty() ? "everywhere" : out;
}

}  // namespace lockstep::review
