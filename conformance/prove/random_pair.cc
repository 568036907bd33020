#include "conformance/prove/random_pair.h"

#include <algorithm>
#include <array>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

namespace lockstep::conformance::prove {

using fuzz::ItemKind;
using fuzz::PolicySpec;

std::string_view name(Change change) {
  constexpr std::array<std::string_view, change_count> names = {"move", "add",     "remove",     "respell",  "grant",
                                                                "take", "workdir", "add-inside", "unrelated"};
  return names[static_cast<std::size_t>(change)];
}

namespace {

std::uint64_t mixed(std::uint64_t seed, std::uint64_t index) {
  return (seed * 0x9e3779b97f4a7c15ULL) ^ (index * 0xbf58476d1ce4e5b9ULL + 0x94d049bb133111ebULL);
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// What a policy can name beside the tree.
constexpr std::array<const char*, 13> outside = {"/",
                                                 "/proc",
                                                 "/proc/self",
                                                 "/proc/self/task",
                                                 "/proc/self/comm",
                                                 "/proc/version",
                                                 "/proc/sys/kernel",
                                                 "/proc/self/root",
                                                 "/proc/thread-self/root/proc/self/root",
                                                 "/proc/self/root/proc/self/root",
                                                 "/proc/1/root",
                                                 "/proc/self/cwd",
                                                 "/proc/self/fd/99"};

}  // namespace

Generator::Generator(std::uint64_t seed, std::uint64_t index, std::string root, int abi)
    : random_(mixed(seed, index)), root_(std::move(root)), abi_(abi) {
  make_tree();
  make_links();
}

// "d0/f7", in a directory that is there.
std::string Generator::fresh(char letter) {
  const std::string in = directory();
  return (in == "." ? "" : in + "/") + letter + std::to_string(next_++);
}

std::string Generator::directory() {
  std::vector<std::string> all{"."};
  for (const Made& each : made_)
    if (each.directory) all.push_back(each.path);
  return any(all);
}

void Generator::make_tree() {
  const auto make = [&](ItemKind kind, char letter, bool is_directory, std::string target = {}) {
    const std::string path = fresh(letter);
    items_.push_back({kind, path, std::move(target), {}, {}});
    const bool movable = std::none_of(made_.begin(), made_.end(), [&](const Made& each) {
      return !each.movable && path.starts_with(each.path + "/");
    });
    made_.push_back(
        {path, is_directory, movable && kind != ItemKind::tmpfs && kind != ItemKind::bind && kind != ItemKind::chr});
  };
  for (std::size_t count = 3 + pick(3); count > 0; --count) make(ItemKind::dir, 'd', true);
  if (one_in(3)) make(ItemKind::tmpfs, 'm', true), make(ItemKind::dir, 'd', true);
  for (std::size_t count = 2 + pick(3); count > 0; --count) make(ItemKind::file, 'f', false);
  for (const ItemKind kind : {ItemKind::chr, ItemKind::fifo, ItemKind::socket})
    if (one_in(3)) make(kind, 'o', false);
  for (std::size_t count = pick(3); count > 0; --count) {
    const Made& target = any(made_);
    const bool same = target.movable && !target.directory;
    if (!same) continue;
    const std::string path = "h" + std::to_string(next_++), to = target.path;
    const Made in = any(made_);
    const std::string where = in.directory && in.movable ? in.path + "/" + path : path;
    items_.push_back({ItemKind::link, where, to, {}, {}});
    made_.push_back({where, false, true});
  }
  for (std::size_t count = pick(3); count > 0; --count) {
    const Made target = any(made_);
    make(ItemKind::bind, 'b', target.directory, target.path);
  }
}

void Generator::make_links() {
  const auto link = [&](const std::string& target) {
    const std::string path = fresh('l');
    items_.push_back({ItemKind::symlink, path, target, {}, {}});
    names_.push_back(path);
    return path;
  };
  for (std::size_t count = 2 + pick(4); count > 0; --count) {
    const Made target = any(made_);
    const std::string path = link(root_ + "/" + target.path);
    if (!target.directory) continue;
    for (const Made& each : made_)
      if (each.path.starts_with(target.path + "/")) names_.push_back(path + each.path.substr(target.path.size()));
  }
  for (std::size_t count = pick(3); count > 0; --count) {
    const std::string first = any(names_);
    link(one_in(2) ? root_ + "/" + first : "/proc/self/root" + root_ + "/" + first);
  }
  if (one_in(3)) link(one_in(2) ? root_ + "/none" : "none/below");
  if (one_in(6)) link(base_name(fresh('l')));
  if (one_in(6)) link(one_in(2) ? "/proc/self/root" : "/");
  if (one_in(8)) link("/proc/self");
  names_.push_back("none");
  names_.push_back(any(made_).path + "/none");
}

std::string Generator::spelled() {
  if (one_in(10)) return outside[pick(outside.size())];
  if (one_in(12)) return "/proc/self/root" + root_ + "/" + (one_in(2) ? any(made_).path : any(names_));
  return one_in(3) ? any(names_) : any(made_).path;
}

// The same place by another name, mostly.
std::string Generator::respelled(const std::string& path) {
  const std::string absolute = path.starts_with('/') ? path : root_ + (path == "." ? "" : "/" + path);
  std::vector<std::string> all;
  for (const fuzz::Item& item : items_) {
    if (item.kind == ItemKind::symlink && item.target == absolute) all.push_back(item.path);
    if (item.kind == ItemKind::symlink && absolute.starts_with(item.target + "/"))
      all.push_back(item.path + absolute.substr(item.target.size()));
    if ((item.kind == ItemKind::link || item.kind == ItemKind::bind) && item.target == path) all.push_back(item.path);
    if ((item.kind == ItemKind::link || item.kind == ItemKind::bind) && item.path == path) all.push_back(item.target);
  }
  if (all.empty() || one_in(3)) all.push_back("/proc/self/root" + absolute);
  return any(all);
}

AccessSet Generator::rights() {
  const AccessSet all = abi_info(newest_abi)->fs;
  AccessSet out;
  switch (pick(4)) {
    case 0:
      out = AccessSet::from_bits(random_()) & all;
      break;
    case 1:
      out = all - AccessSet(static_cast<Right>(pick(right_count)));
      break;
    case 2:
      out = access_read_only;
      break;
    default:
      break;
  }
  for (std::size_t count = 1 + pick(2); count > 0; --count) out |= static_cast<Right>(pick(right_count));
  return out;
}

void Generator::add_entry(PolicySpec& policy, const std::string& path) {
  switch (pick(3)) {
    case 0:
      return policy.read_only.push_back(path);
    case 1:
      if (path != "/") return policy.read_write.push_back(path);
      return policy.read_only.push_back(path);
    default:
      break;
  }
  policy.grants.push_back({path, rights()});
}

PolicySpec Generator::policy() {
  PolicySpec out;
  if (one_in(2)) {
    const std::string wide = one_in(3) ? "." : directory();
    if (one_in(2))
      add_entry(out, wide);
    else
      (one_in(3) ? out.read_only : out.read_write).push_back(wide);
  }
  for (std::size_t count = 1 + pick(4); count > 0; --count) add_entry(out, spelled());
  out.hard = one_in(20);
  if (one_in(8)) out.workdir = directory();
  return out;
}

void Generator::apply(Change change, PolicySpec& policy) {
  std::vector<std::vector<std::string>*> lists;
  for (auto* list : {&policy.read_only, &policy.read_write})
    if (!list->empty()) lists.push_back(list);
  switch (change) {
    case Change::move: {
      if (lists.empty()) return add_entry(policy, spelled());
      std::vector<std::string>& from = *any(lists);
      const std::size_t which = pick(from.size());
      if (from[which] == "/") return;
      std::vector<std::string>& to = &from == &policy.read_only ? policy.read_write : policy.read_only;
      to.push_back(from[which]);
      from.erase(from.begin() + static_cast<std::ptrdiff_t>(which));
      return;
    }
    case Change::remove: {
      if (lists.empty()) return policy.grants.clear();
      std::vector<std::string>& from = *any(lists);
      from.erase(from.begin() + static_cast<std::ptrdiff_t>(pick(from.size())));
      return;
    }
    case Change::respell: {
      if (lists.empty()) return add_entry(policy, respelled(any(made_).path));
      std::vector<std::string>& from = *any(lists);
      std::string& path = from[pick(from.size())];
      path = respelled(path);
      return;
    }
    case Change::grant:
      policy.grants.push_back({spelled(), rights()});
      return;
    case Change::take: {
      if (policy.grants.empty()) policy.grants.push_back({directory(), abi_info(newest_abi)->fs});
      AccessSet& from = policy.grants[pick(policy.grants.size())].rights;
      const Right often[] = {Right::execute, Right::refer, Right::truncate, static_cast<Right>(pick(right_count))};
      const AccessSet right = often[pick(4)];
      if (from != right) from = from.contains(right) ? from - right : from | right;
      return;
    }
    case Change::workdir:
      policy.workdir = policy.workdir.empty() ? (one_in(3) ? any(names_) : directory()) : std::string();
      return;
    case Change::add_inside: {
      const std::string path = lists.empty() ? directory() : any(*lists[0]);
      const std::string below = path + "/" + base_name(one_in(2) ? any(names_) : any(made_).path);
      return add_entry(policy, path.starts_with("/proc") ? spelled() : below);
    }
    case Change::unrelated:
      policy = this->policy();
      return;
    case Change::add:
      add_entry(policy, spelled());
      return;
  }
}

Pair Generator::next() {
  Pair out;
  out.change = static_cast<Change>(pick(change_count));
  PolicySpec before = policy(), after = before;
  apply(out.change, after);
  if (one_in(4)) apply(static_cast<Change>(pick(change_count)), after);
  if (one_in(2)) std::swap(before, after);
  if (!before.workdir.empty() && !after.workdir.empty()) after.workdir = before.workdir;
  for (PolicySpec* each : {&before, &after})
    for (fuzz::RuleSpec& grant : each->grants)
      if (grant.path == "/") grant.rights = (grant.rights & access_read_only) | Right::read_dir;  // no other is taken
  out.of.plan_abi = abi_;
  out.of.items = items_;
  out.of.layers.resize(2);
  out.of.layers[0].policy = std::move(before);
  out.of.layers[1].policy = std::move(after);
  out.of.operations = {{Operation::stat, Mode::plain, Actor::self, ".", {}, 0}};
  return out;
}

}  // namespace lockstep::conformance::prove
