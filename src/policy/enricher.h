// Enricher: adds to a policy what a runtime needs, and settles what stands against that. For enrich() alone.
//
//   return Enricher(policy, context).run();    // enrich.cc: whose entries come in which order
//
// Who wins where an author's word stands against the baseline is in enrich_conflicts.cc.
#ifndef LOCKSTEP_POLICY_ENRICHER_H_
#define LOCKSTEP_POLICY_ENRICHER_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <lockstep/effective.h>

#include "policy/baseline.h"
#include "policy/conflict_index.h"

namespace lockstep {

class Enricher {
 public:
  Enricher(const Policy& policy, const Context& context) : policy_(policy), context_(context) {}
  Result<EffectivePolicy> run();

 private:
  Result<void> add_author();
  Result<void> add_workdir();
  Result<void> add_baseline(const BaselinePath& baseline);
  Result<void> settle(EffectiveRule& author, const BaselinePath& baseline);
  Result<void> settle_grant(const BaselinePath& baseline);
  Result<void> add_cdi();
  Result<void> add_cdi_grant(const CdiPath& chosen, const BaselinePath& baseline);
  Result<void> keep_grant(const BaselinePath& baseline);
  void note_widened();
  AccessSet granted(std::string_view path) const;     // by all grants on exactly this path
  AccessSet authored(std::string_view path) const;    // by everything the author wrote on it and above it
  AccessSet possible(const std::string& path) const;  // the rights that a rule on it can carry
  void promote(EffectiveRule& author, Origin origin, std::string reason) const;
  bool granted_for_writing(std::string_view path) const;
  void notice(Notice::Level level, std::string code, const std::string& path, std::string message) {
    out_.notices.push_back({level, std::move(code), path, std::move(message)});
  }

  const ConflictRule& rule_for(const std::string& path);

  const Policy& policy_;
  const Context& context_;
  std::size_t asked_ = 0;
  std::optional<ConflictIndex> index_;  // once many were asked about
  EffectivePolicy out_;
  std::map<std::string, EffectiveRule> lists_;  // by path: a path stands in one list at most
};

}  // namespace lockstep

#endif  // LOCKSTEP_POLICY_ENRICHER_H_
