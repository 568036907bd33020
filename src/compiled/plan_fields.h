// The codec of a Plan, whole, for a file (compiled_plan.h) and for what the suite sends its workers. Each struct is taken apart by a binding over all of its members: one that is added to
// lockstep/plan.h and not here does not compile.
#ifndef LOCKSTEP_COMPILED_PLAN_FIELDS_H_
#define LOCKSTEP_COMPILED_PLAN_FIELDS_H_

#include <lockstep/plan.h>
#include <lockstep/rights.h>

#include "compiled/archive.h"

namespace lockstep::bytes {

template <typename Archive>
void fields(Archive& archive, PortRule& rule) {
  auto& [right, port] = rule;
  enumeration(archive, right, static_cast<NetRight>(net_right_count - 1));
  archive.scalar(port);
}

template <typename Archive>
void fields(Archive& archive, PlanRule& rule) {
  auto& [path, rights, from_baseline, line, quiet] = rule;
  archive.text(path);
  bits(archive, rights);
  flag(archive, from_baseline);
  archive.scalar(line);
  flag(archive, quiet);
}

template <typename Archive>
void fields(Archive& archive, Promotion& promotion) {
  auto& [path, added, opens, line] = promotion;
  archive.text(path);
  bits(archive, added);
  archive.text(opens);
  archive.scalar(line);
}

// The row of the library's table with these words; null: there is none.
const FeatureInfo* find_feature(std::string_view kind, std::string_view name);

template <typename Archive>
void fields(Archive& archive, Missing& missing) {
  auto& [feature, path] = missing;
  std::string kind(feature == nullptr ? "" : feature->kind), name(feature == nullptr ? "" : feature->name);
  archive.text(kind);
  archive.text(name);
  archive.text(path);
  if constexpr (reading<Archive>) {
    feature = find_feature(kind, name);
    if (feature == nullptr) archive.refuse();
  }
}

template <typename Archive>
void fields(Archive& archive, Plan& plan) {
  auto& [file, abi, handled, handled_net, scoped, compatibility, rules, ports, log, all_threads, promotions, dropped,
         not_yet_protected] = plan;
  archive.text(file);
  archive.scalar(abi);
  bits(archive, handled);
  bits(archive, handled_net);
  bits(archive, scoped);
  enumeration(archive, compatibility, Compatibility::hard_requirement);
  archive.list(rules, [&](PlanRule& rule) { fields(archive, rule); });
  archive.list(ports, [&](PortRule& rule) { fields(archive, rule); });
  bits(archive, log);
  flag(archive, all_threads);
  archive.list(promotions, [&](Promotion& promotion) { fields(archive, promotion); });
  for (std::vector<Missing>* list : {&dropped, &not_yet_protected})
    archive.list(*list, [&](Missing& missing) { fields(archive, missing); });
}

}  // namespace lockstep::bytes

#endif  // LOCKSTEP_COMPILED_PLAN_FIELDS_H_
