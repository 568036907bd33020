#include <utility>

#include <lockstep/sandbox.h>

#include "sandbox/opened_policy.h"

namespace lockstep {

std::string_view name(Enforcement::Level level) {
  constexpr std::string_view names[] = {"none", "partial", "full"};
  return names[static_cast<std::size_t>(level)];
}

Sandbox::Sandbox(std::unique_ptr<OpenedPolicy> opened) : opened_(std::move(opened)) {}
Sandbox::Sandbox(Sandbox&&) noexcept = default;
Sandbox& Sandbox::operator=(Sandbox&&) noexcept = default;
Sandbox::~Sandbox() = default;

Result<Sandbox> Sandbox::open(const Policy& policy, const SandboxOptions& options) {
  LOCKSTEP_ASSIGN(EffectivePolicy effective, enrich(policy, options.context));
  return open(std::move(effective), options);
}

Result<Sandbox> Sandbox::open(EffectivePolicy effective, const SandboxOptions& options) {
  LOCKSTEP_ASSIGN(OpenedPolicy opened, plan_policy(std::move(effective), options, std::nullopt));
  LOCKSTEP_CHECK(open_paths(opened));
  return Sandbox(std::make_unique<OpenedPolicy>(std::move(opened)));
}

const EffectivePolicy& Sandbox::effective() const {
  static const EffectivePolicy none;
  return opened_ == nullptr ? none : opened_->effective;
}
const Plan& Sandbox::plan() const {
  static const Plan none;
  return opened_ == nullptr ? none : opened_->plan;
}
const std::vector<Notice>& Sandbox::notices() const {
  static const std::vector<Notice> none;
  return opened_ == nullptr ? none : opened_->notices;
}

Result<Enforcement> Sandbox::restrict_self(Pins pins) {
  if (opened_ == nullptr) return internal_error("restrict_self(): this sandbox was moved elsewhere");
  Result<Enforcement> done = enforce(*opened_, pins);
  if (done.ok()) {
    opened_->holder.keep();
  } else {
    opened_->holder.end();
  }
  return done;
}

}  // namespace lockstep
