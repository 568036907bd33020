#include "conformance/verify/verify.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <tuple>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "conformance/judge/run_rows.h"
#include "conformance/verify/trials.h"

namespace lockstep::conformance::verify {
namespace {

using diff::Class;
using diff::Diff;
using diff::PathChange;

// One situation, run under both policies.
struct Pair {
  std::size_t situation = 0;
  judge::CaseRun before;
  judge::CaseRun after;
  std::vector<Trial> trials;  // parallel to the cells of both
};

class Verifier {
 public:
  Verifier(const KernelLandlock& kernel, const Policy& before, const Policy& after, const Diff& diff)
      : kernel_(kernel), abi_(std::min(kernel.abi, newest_abi)), before_(before), after_(after), diff_(diff) {}

  Result<Verification> run(harness::Workers& workers);

 private:
  Result<void> add(std::size_t situation);
  Result<judge::CaseRun> prepared(const Policy& policy, const Context& context) const;
  void compare(const Pair& pair, const judge::RowVerdict& old_row, const judge::RowVerdict& new_row);
  void check_claims(const Pair& pair, const std::vector<Flip>& flips);
  AccessSet claimed(const std::string& path, std::size_t situation, bool gained) const;
  bool claims_setting(Operation operation, bool gained) const;
  void find(std::string text) { out_.findings.push_back(std::move(text)); }

  const KernelLandlock& kernel_;
  int abi_;
  const Policy& before_;
  const Policy& after_;
  const Diff& diff_;
  Verification out_;
  std::vector<Pair> pairs_;
  std::set<std::string> known_;  // situations whose two policies come out as in an earlier one
  bool gains_ = false, loses_ = false;
};

// Everything that decides what is run: the rules of both, and the files they find.
std::string fingerprint(const EffectivePolicy& policy) {
  std::string out;
  for (const EffectiveRule& rule : policy.rules)
    out +=
        rule.path + '\0' + std::to_string(static_cast<int>(rule.access)) + std::to_string(rule.granted.bits()) + '\n';
  return out;
}

Result<judge::CaseRun> Verifier::prepared(const Policy& policy, const Context& context) const {
  judge::Case each;
  each.file = policy.file;
  each.name = "diff";
  each.own_policy = true;
  each.policy = policy;
  each.context = context;
  return judge::prepare_case(std::move(each));
}

Result<void> Verifier::add(std::size_t situation) {
  Context context = diff_.situations[situation].context;
  if (diff_.situations[situation].as_written) {
    context.gpu = Toggle::off;
    context.proxy = Toggle::off;
  }
  if (context.host.real)
    return input_error(diff_.new_file, 0,
                       "--verify makes files of its own: it is for simulated hosts, not for --host real");
  const Result<EffectivePolicy> old_policy = enrich(before_, context), new_policy = enrich(after_, context);
  if (!old_policy.ok() || !new_policy.ok()) return {};  // refused: the library's decision, nothing runs
  std::string print =
      diff_.situations[situation].host + '\n' + fingerprint(*old_policy) + '\n' + fingerprint(*new_policy);
  if (!known_.insert(std::move(print)).second) return {};
  for (const EffectivePolicy* policy : {&*old_policy, &*new_policy}) add_paths(*policy, &context.host);
  Pair pair;
  pair.situation = situation;
  // What is now there besides must not bring a baseline with it.
  context.gpu = old_policy->gpu ? Toggle::on : Toggle::off;
  LOCKSTEP_ASSIGN(pair.before, prepared(before_, context));
  LOCKSTEP_ASSIGN(pair.after, prepared(after_, context));
  for (judge::CaseRun* run : {&pair.before, &pair.after}) {
    run->cells.cells.clear();
    run->cells.info.clear();
  }
  TrialPlan plan = plan_trials(context.host, {&*old_policy, &*new_policy});
  // The servers are the trials' own: two of one address are none.
  std::erase_if(pair.before.cells.tree,
                [](const wire::TreeItem& item) { return item.kind >= wire::TreeKind::tcp_server; });
  pair.before.cells.tree.insert(pair.before.cells.tree.end(), plan.tree.begin(), plan.tree.end());
  pair.before.cells.cells = plan.cells;
  pair.before.cells.info.resize(plan.cells.size());
  pair.before.cells.network = plan.network;
  pair.after.cells = pair.before.cells;  // the same files under both
  pair.trials = std::move(plan.trials);
  pairs_.push_back(std::move(pair));
  return {};
}

// Of the path and all above it: the changes are listed where they begin.
AccessSet Verifier::claimed(const std::string& path, std::size_t situation, bool gained) const {
  AccessSet out;
  for (const PathChange& change : diff_.changes)
    if (is_below(path, change.path) &&
        std::binary_search(change.situations.begin(), change.situations.end(), situation))
      out |= gained ? change.gained : change.lost;
  return out;
}

bool Verifier::claims_setting(Operation operation, bool gained) const {
  const bool scope = operation == Operation::signal || operation == Operation::connect_abstract;
  return std::any_of(diff_.settings.begin(), diff_.settings.end(), [&](const diff::SettingChange& change) {
    if (change.code != (scope ? "scopes" : "ports")) return false;
    return change.kind == Class::both || change.kind == (gained ? Class::widening : Class::narrowing);
  });
}

// Every claim that begins at a path of this situation: shown by a flip, or known to be out of sight, or a finding.
void Verifier::check_claims(const Pair& pair, const std::vector<Flip>& flips) {
  const std::string at = " on " + diff_.situations[pair.situation].host;
  for (const PathChange& change : diff_.changes) {
    if (!std::binary_search(change.situations.begin(), change.situations.end(), pair.situation)) continue;
    for (const bool gained : {true, false}) {
      const AccessSet rights = gained ? change.gained : change.lost;
      for (int bit = 0; bit < right_count; ++bit) {
        const auto right = static_cast<Right>(bit);
        if (!rights.contains(right)) continue;
        const std::string claim =
            printable(change.path) + (gained ? " gains " : " loses ") + std::string(name(right)) + at;
        const Sight sight = look_for(change.path, right, gained, pair.trials, flips, abi_);
        if (sight.shown) {
          ++out_.confirmed;
        } else if (!sight.unseen.empty()) {
          out_.unseen.push_back(claim + ": " + sight.unseen);
        } else {
          find(claim + ", says the diff: the kernel shows no difference (" + sight.tried + ")");
        }
      }
    }
  }
}

void Verifier::compare(const Pair& pair, const judge::RowVerdict& old_row, const judge::RowVerdict& new_row) {
  const std::string at = " on " + diff_.situations[pair.situation].host;
  for (const judge::RowVerdict* row : {&old_row, &new_row}) {
    if (row->outcome == judge::RowOutcome::agree) continue;
    // A policy that cannot be enforced on this host runs nobody there: that is the library's answer, and no witness of
    // a right.
    const bool skipped = row->outcome == judge::RowOutcome::skip || row->outcome == judge::RowOutcome::refused;
    const std::string who = row == &old_row ? diff_.old_file : diff_.new_file;
    const std::string text = printable(who) + at + ": " + std::string(judge::name(row->outcome)) +
                             (row->message.empty() ? "" : ": " + row->message);
    if (skipped) out_.unseen.push_back(text);
    if (!skipped) find(text);
    if (row->outcome != judge::RowOutcome::disagree) return;
  }
  ++out_.situations;
  std::vector<Flip> flips(pair.trials.size(), Flip::none);
  for (std::size_t i = 0; i < pair.trials.size(); ++i) {
    const judge::CellVerdict &old_cell = old_row.cells[i], &new_cell = new_row.cells[i];
    const Trial& trial = pair.trials[i];
    const wire::CellRequest& cell = pair.before.cells.cells[i];
    if (old_cell.verdict == judge::Verdict::disagree || new_cell.verdict == judge::Verdict::disagree)
      find(judge::cell_name(cell) + at + ": model and kernel disagree: " +
           (old_cell.verdict == judge::Verdict::disagree ? old_cell : new_cell).decided.text());
    const bool comparable = [&] {
      for (const judge::CellVerdict* each : {&old_cell, &new_cell})
        if (each->verdict == judge::Verdict::skip || each->verdict == judge::Verdict::not_comparable) return false;
      // What fails without any policy shows nothing of one; a program that ran into ENOEXEC was executed.
      const bool works = old_cell.control == 0 || (cell.operation == Operation::exec && old_cell.control == ENOEXEC);
      return works && old_cell.control == new_cell.control;
    }();
    if (!comparable) {
      flips[i] = Flip::unknown;
      continue;
    }
    ++out_.cells;
    // Denied is what the policy adds to the control's answer.
    const bool was = old_cell.observed == old_cell.control, is = new_cell.observed == new_cell.control;
    flips[i] = was == is ? (is ? Flip::both_allow : Flip::both_deny) : is ? Flip::gained : Flip::lost;
    if (was == is) continue;
    (is ? gains_ : loses_) = true;
    const bool expected = trial.needs.empty() ? claims_setting(cell.operation, is)
                                              : claimed(trial.path, pair.situation, is).intersects(trial.needs);
    if (!expected)
      find(judge::cell_name(cell) + at + " is " + (is ? "allowed" : "denied") +
           " under the new policy alone, and the diff says nothing of it");
  }
  check_claims(pair, flips);
}

Result<Verification> Verifier::run(harness::Workers& workers) {
  for (std::size_t i = 0; i < diff_.situations.size(); ++i) LOCKSTEP_CHECK(add(i));
  const wire::IdentityKind identity =
      workers.hello().identities.privileged ? wire::IdentityKind::root : wire::IdentityKind::self;
  std::vector<judge::Row> rows;
  for (const Pair& pair : pairs_) {
    rows.push_back({&pair.before, abi_, identity});
    rows.push_back({&pair.after, abi_, identity});
  }
  LOCKSTEP_ASSIGN(const std::vector<judge::RowVerdict> verdicts,
                  judge::run_rows(workers, rows, judge::Subject{}, kernel_, [] {}));
  for (std::size_t i = 0; i < pairs_.size(); ++i) compare(pairs_[i], verdicts[2 * i], verdicts[2 * i + 1]);
  for (const diff::SettingChange& change : diff_.settings)
    if (change.code != "ports" && change.code != "scopes")
      out_.unseen.push_back(change.code + ": a setting, which the library decides: nothing was tried for it");
  out_.observed = gains_ ? (loses_ ? Class::both : Class::widening) : loses_ ? Class::narrowing : Class::equivalent;
  return std::move(out_);
}

}  // namespace

Result<Verification> verify(harness::Workers& workers, const KernelLandlock& kernel, const Policy& before,
                            const Policy& after, const Diff& diff) {
  return Verifier(kernel, before, after, diff).run(workers);
}

std::string render(const Verification& verification) {
  std::string out = "\nverified on this kernel: " + std::to_string(verification.confirmed) + " claims confirmed, " +
                    std::to_string(verification.unseen.size()) + " not to be seen here, " +
                    std::to_string(verification.findings.size()) + " findings (" + std::to_string(verification.cells) +
                    " operations under each policy, in " + std::to_string(verification.situations) +
                    " situations); what was tried is " + std::string(diff::name(verification.observed)) + "\n";
  for (const std::string& text : verification.findings) out += "finding   " + text + "\n";
  std::map<std::string, std::size_t> reasons;  // the same right is out of sight at every path
  for (const std::string& text : verification.unseen) ++reasons[text.substr(std::min(text.find(": "), text.size()))];
  for (const auto& [reason, count] : reasons) out += "not seen  " + std::to_string(count) + " claims" + reason + "\n";
  return out;
}

int exit_code(const Verification& verification) {
  if (!verification.findings.empty()) return 1;
  return verification.cells == 0 ? 3 : 0;
}

}  // namespace lockstep::conformance::verify
