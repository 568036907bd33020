// Faults: the model, or the library, with one thing wrong, to prove that the fuzzer finds it.
//
//   const Fault* fault = find_fault("gain-unchecked");
//   model::Decision wrong = fault->decide(rules, question);
//
// A fault is a pure transformation of what the model is asked or of what it answers, or of the library's plan: there is no
// hook in src/. It counts as found where a composed prediction then differs from the kernel's answer, as any
// disagreement does.
#ifndef LOCKSTEP_CONFORMANCE_FUZZ_FAULTS_H_
#define LOCKSTEP_CONFORMANCE_FUZZ_FAULTS_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/fuzz/case.h"
#include "model/model.h"
#include "policy/plan.h"

namespace lockstep::conformance::fuzz {

// One question, and everything it is answered from. By value: a fault changes its copy.
struct Question {
  Operation operation;
  Mode mode;
  model::Walk first, second;
  std::string path;  // as the operation names it
  std::uint16_t port;
  std::size_t shared_layers;
  Actor actor = Actor::self;
  bool peer_executed = false;
};

struct ToldPolicy {
  EffectivePolicy effective;       // its paths as the case names them
  std::vector<std::string> paths;  // the same on this machine
  std::vector<model::Walk> walks;  // parallel to its rules
};

struct RuleLayer {
  AccessSet handled;
  std::vector<model::Rule> rules;
  std::vector<std::string> paths;  // of the rules, as they were named
  Restrictions restrictions = {};
  std::shared_ptr<const ToldPolicy> policy = {};  // instead of all that
  std::vector<model::Rule> lost = {};    // to reclaim: as the entry is now
  std::vector<model::Rule> pinned = {};  // which reclaim left
};

struct Rules {
  model::Kernel kernel;
  std::vector<RuleLayer> layers;
  std::vector<std::pair<model::Object, model::Object>> covered;  // root of a mount, what it covers
};

model::Model model_of(const Rules& rules);
model::Query query_of(const Question& question);
model::Decision ask(const Rules& rules, const Question& question);

struct Fault {
  std::string_view name;
  std::string_view what;
  int first_abi;  // older kernels cannot show it
  model::Decision (*decide)(Rules rules, Question question);
  bool follows_links = false;  // the walk of unlink follows a symbolic link
  bool needs_reclaim = false;  // no other case can show it
  // Faults of the library instead: decide() is the unbroken model.
  void (*break_plan)(Plan&) = nullptr;
  bool drops_pins = false;
};

std::span<const Fault> all_faults();
const Fault* find_fault(std::string_view name);  // nullptr: none of that name

}  // namespace lockstep::conformance::fuzz

#endif  // LOCKSTEP_CONFORMANCE_FUZZ_FAULTS_H_
