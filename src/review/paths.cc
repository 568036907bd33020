#include "review/paths.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "model/read_walk.h"
#include "policy/policy.h"

namespace lockstep::review {
namespace {

// The first component of `path`, which begins with a slash, and what is behind it.
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const std::size_t end = std::min(path.find('/', 1), path.size());
  return {path.substr(1, end - 1), path.substr(end)};
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 2> usual_links = {{{"/var/run", "/run"}, {"/var/lock", "/run/lock"}}};

}  // namespace

std::string leads_to(const std::string& path, const Host& host) {
  if (const std::optional<ByProcess> by = by_process(path); by && by->link->name == "root") return by->below.empty() ? "/" : std::string(by->below);
  // Most paths pass none, and a policy can have many.
  const bool may_pass = std::any_of(usual_links.begin(), usual_links.end(), [&](const auto& each) { return is_below(path, each.first); }) ||
                        std::any_of(host.present.begin(), host.present.end(),
                                    [&](const HostEntry& each) { return each.kind == NodeKind::link && is_below(path, each.path); });
  if (!may_pass) return {};
  std::string rest = path, done;
  bool passed = false;
  for (int links = 0; !rest.empty() && links < 40;) {
    const std::string step = "/" + std::string(split(rest).first);
    rest = split(rest).second;
    if (step == "/" || step == "/.") continue;
    if (step == "/..") {
      done.erase(std::min(done.rfind('/'), done.size()));
      continue;
    }
    done += step;
    const auto entry = std::find_if(host.present.begin(), host.present.end(), [&](const HostEntry& each) { return each.path == done; });
    std::string target;
    if (entry != host.present.end() && entry->kind == NodeKind::link) target = entry->target;
    for (const auto& [link, usual] : usual_links)
      if (entry == host.present.end() && done == link) target = usual;
    if (target.empty()) continue;
    passed = true;
    ++links;
    if (target.starts_with('/')) {
      done.clear();
    } else {
      done.erase(done.rfind('/'));
      target.insert(0, "/");
    }
    rest = target + rest;
  }
  if (!passed || !rest.empty()) return {};  // none, or in a circle
  return done.empty() ? "/" : done;
}

int Paths::add(int parent, bool directory, bool missing) {
  const int depth = parent < 0 ? 0 : nodes_[static_cast<std::size_t>(parent)].depth + 1;
  nodes_.push_back({parent, depth, directory, missing});
  return static_cast<int>(nodes_.size()) - 1;
}

int Paths::child(int parent, std::string_view name, bool missing) {
  const auto [found, fresh] = children_.try_emplace({parent, std::string(name)}, 0);
  if (fresh) found->second = add(parent, true, missing);
  return found->second;
}

int Paths::spelled(std::string_view path) {
  int id = child(-1, "", false);
  for (std::string_view rest = path; rest.size() > 1;) {
    const auto [name, below] = split(rest);
    if (!name.empty()) id = child(id, name, false);
    rest = below;
  }
  return id;
}

Result<int> Paths::object(const std::string& path) {
  std::string there = path;
  std::vector<std::string> below;  // names that are not there, the last one first
  model::Walk walk;
  while (true) {
    model::RawWalk raw;
    model::read_walk(there.c_str(), true, &raw);
    walk = model::to_walk(raw);
    const bool missing = walk.missing || walk.error == ENOENT || walk.error == ENOTDIR;
    if (!missing || there == "/") break;
    const std::size_t slash = there.rfind('/');
    below.push_back(there.substr(slash + 1));
    there.erase(slash == 0 ? 1 : slash);
  }
  if (walk.error != 0 || walk.objects.empty())
    return input_error(path, 0, std::string("what it leads to cannot be looked up (") +
                                    (walk.error != 0 ? std::strerror(walk.error) : "it is in no directory") +
                                    "): run this as whoever enforces the policy, or compare without --host real");
  // From the root down, so that each object's parent is there before it.
  int id = -1;
  for (std::size_t i = walk.objects.size(); i-- > 0;) {
    const model::Object& object = walk.objects[i];
    auto known = by_inode_.find(object);
    if (known == by_inode_.end()) known = by_inode_.emplace(object, add(id, object.type == model::FileType::directory, false)).first;
    id = known->second;
  }
  for (std::size_t i = below.size(); i-- > 0;) id = child(id, below[i], true);
  return id;
}

Result<int> Paths::id(const std::string& path) {
  if (const auto known = by_path_.find(path); known != by_path_.end()) return known->second;
  int id = 0;
  if (by_object_) {
    LOCKSTEP_ASSIGN(id, object(path));
  } else {
    id = spelled(path);
  }
  by_path_.emplace(path, id);
  return id;
}

Result<std::vector<int>> Paths::places(const std::string& path, const Host& host) {
  LOCKSTEP_ASSIGN(const int own, id(path));
  std::vector<int> out{own};
  if (by_object_) return out;
  const std::string leads = leads_to(path, host);
  if (!leads.empty()) {
    out.push_back(spelled(leads));
  } else if (by_process(path)) {
    out.push_back(child(spelled("/"), path, false));  // a place of its own, below nothing but the root
  }
  return out;
}

}  // namespace lockstep::review
