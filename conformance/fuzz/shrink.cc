#include "conformance/fuzz/shrink.h"

#include <algorithm>

#include <lockstep/rights.h>

namespace lockstep::conformance::fuzz {
namespace {

class Shrinker {
 public:
  Shrinker(FuzzCase found, const std::function<bool(const FuzzCase&)>& fails)
      : best_(std::move(found)), fails_(fails) {}

  FuzzCase run() {
    do {
      changed_ = false;
      cut([](FuzzCase & each) -> auto& { return each.operations; });
      cut([](FuzzCase & each) -> auto& { return each.items; });  // early: what there is to make is what a try costs
      cut([](FuzzCase & each) -> auto& { return each.layers; });
      for (std::size_t i = 0; i < best_.layers.size(); ++i) {
        if (best_.layers[i].policy) shrink_policy(i);
        cut([i](FuzzCase & each) -> auto& { return each.layers[i].rules; });
        for (std::size_t r = 0; r < best_.layers[i].rules.size(); ++r)
          cut_rights([i, r](FuzzCase& each) -> AccessSet& { return each.layers[i].rules[r].rights; });
        cut_rights([i](FuzzCase& each) -> AccessSet& { return each.layers[i].handled; });
        attempt([i](FuzzCase& each) { each.layers[i].handled = {}, each.layers[i].rules.clear(); });
        for (std::size_t r = 0; r < best_.layers[i].rules.size(); ++r)
          attempt([i, r](FuzzCase& each) { each.layers[i].rules[r].pinned = false; });
        cut([i](FuzzCase & each) -> auto& { return each.layers[i].restrictions.ports; });
        for (int bit = 0; bit < net_right_count; ++bit)
          attempt([&](FuzzCase& each) { drop_right(each.layers[i].restrictions, static_cast<NetRight>(bit)); });
        for (const Scope scope : {Scope::abstract_unix_socket, Scope::signal})
          attempt(
              [&](FuzzCase& each) { each.layers[i].restrictions.scopes = each.layers[i].restrictions.scopes - scope; });
      }
      attempt([](FuzzCase& each) { each.identity = Identity::root; });
      attempt([](FuzzCase& each) { each.chroot.clear(); });
      attempt([](FuzzCase& each) { each.peer_layers = 0; });
      attempt([](FuzzCase& each) { each.peer_executed = false; });
      attempt([](FuzzCase& each) { each.reclaim = false; });
      for (std::size_t i = 0; i < best_.operations.size(); ++i)
        attempt([i](FuzzCase& each) { each.operations[i].actor = Actor::self; });
      for (std::size_t i = 0; i < best_.items.size(); ++i) attempt([i](FuzzCase& each) { each.items[i].mode = 0777; });
    } while (changed_);
    return best_;
  }

 private:
  static void drop_right(Restrictions& from, NetRight right) {
    from.net = from.net - right;
    std::erase_if(from.ports, [&](const PortRule& rule) { return rule.right == right; });
  }

  static bool nothing_handled(const FuzzCase& each) {
    return std::any_of(each.layers.begin(), each.layers.end(), [](const LayerSpec& layer) {
      return !layer.policy && layer.handled.empty() && layer.restrictions.net.empty() &&
             layer.restrictions.scopes.empty();
    });
  }

  void shrink_policy(std::size_t i) {
    cut([i](FuzzCase & each) -> auto& { return each.layers[i].policy->read_only; });
    cut([i](FuzzCase & each) -> auto& { return each.layers[i].policy->read_write; });
    cut([i](FuzzCase & each) -> auto& { return each.layers[i].policy->grants; });
    cut([i](FuzzCase & each) -> auto& { return each.layers[i].policy->present; });
    for (std::size_t g = 0; g < best_.layers[i].policy->grants.size(); ++g)
      cut_rights([i, g](FuzzCase& each) -> AccessSet& { return each.layers[i].policy->grants[g].rights; });
    attempt([i](FuzzCase& each) { each.layers[i].policy->workdir.clear(); });
    attempt([i](FuzzCase& each) { each.layers[i].policy->gpu = false; });
    attempt([i](FuzzCase& each) { each.layers[i].policy->proxy = false; });
    attempt([i](FuzzCase& each) { each.layers[i].policy->hard = false; });
    attempt([i](FuzzCase& each) { each.layers[i].policy->min_abi = 1; });
    attempt([i](FuzzCase& each) { each.layers[i].policy->conflicts.reset(); });
  }

  // Takes the change where the case still fails. Comparing by text: a change that changes nothing is none.
  template <typename Change>
  bool attempt(Change change) {
    FuzzCase next = best_;
    change(next);
    const bool policy = std::any_of(next.layers.begin(), next.layers.end(),
                                    [](const LayerSpec& layer) { return layer.policy.has_value(); });
    if (!policy) next.plan_abi = 0;
    if (next.operations.empty() || next.layers.empty() || nothing_handled(next) || to_json(next) == to_json(best_) ||
        !fails_(next))
      return false;
    best_ = std::move(next);
    return changed_ = true;
  }

  // Leaves out parts of a list: halves first, then ever smaller pieces, from the end.
  template <typename List>
  void cut(List list) {
    for (std::size_t piece = (list(best_).size() + 1) / 2; piece > 0; piece /= 2) {
      for (std::size_t end = list(best_).size(); end >= piece && end > 0;) {
        const std::size_t begin = end - piece;
        const auto erase = [&](FuzzCase& each) {
          auto& items = list(each);
          items.erase(items.begin() + static_cast<std::ptrdiff_t>(begin),
                      items.begin() + static_cast<std::ptrdiff_t>(end));
        };
        attempt(erase);
        end = begin;
      }
    }
  }

  template <typename Set>
  void cut_rights(Set set) {
    for (int bit = 0; bit < right_count; ++bit) {
      const auto right = AccessSet(static_cast<Right>(bit));
      if (!set(best_).contains(right) || set(best_) == right) continue;
      attempt([&](FuzzCase& each) {
        set(each) = set(each) - right;
        for (LayerSpec& layer : each.layers)
          for (RuleSpec& rule : layer.rules) rule.rights &= layer.handled;
        for (LayerSpec& layer : each.layers)
          std::erase_if(layer.rules, [](const RuleSpec& rule) { return rule.rights.empty(); });
      });
    }
  }

  FuzzCase best_;
  const std::function<bool(const FuzzCase&)>& fails_;
  bool changed_ = false;
};

}  // namespace

FuzzCase shrink(FuzzCase found, const std::function<bool(const FuzzCase&)>& fails) {
  return Shrinker(std::move(found), fails).run();
}

}  // namespace lockstep::conformance::fuzz
