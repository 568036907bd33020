// What is said of a policy and of its plan, in words.
#include <lockstep/plan.h>

namespace lockstep {

std::vector<Notice> notices(const EffectivePolicy& effective) {
  std::vector<Notice> out;
  for (const PolicyWarning& each : effective.warnings)
    out.push_back({Notice::Level::warning, "policy-warning", "",
                   input_error(effective.file, each.line, each.message).to_string()});
  out.insert(out.end(), effective.notices.begin(), effective.notices.end());
  return out;
}

std::string promotion_text(const Promotion& promotion, int abi) {
  return "promoting " + printable(promotion.path) + " adds, at ABI " + std::to_string(abi) + ", " +
         join_names(promotion.added, ", ") + ": " + promotion.opens;
}

std::vector<Notice> notices(const Plan& plan) {
  std::vector<Notice> out;
  for (const Promotion& each : plan.promotions)
    out.push_back({Notice::Level::info, "promotion-adds", each.path, promotion_text(each, plan.abi)});
  for (const Missing& each : plan.dropped)
    out.push_back({Notice::Level::warning, "right-dropped", each.path,
                   std::string(each.feature->name) + " is not enforced (from ABI " +
                       std::to_string(each.feature->first_abi) + "): " + std::string(each.feature->unprotected)});
  return out;
}

}  // namespace lockstep
