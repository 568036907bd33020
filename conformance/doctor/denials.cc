#include "conformance/doctor/denials.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "base/fork.h"
#include "base/installation.h"
#include "base/unique_fd.h"
#include "conformance/harness/ending.h"
#include "enforce/restrict.h"
#include "landlock/ruleset.h"

namespace lockstep::conformance::doctor {
namespace {

constexpr std::chrono::seconds patience(2);

// A value that audit found unfit to be quoted, it wrote in hexadecimal: a blank is enough.
std::string decoded(const std::string& value) {
  const bool hex =
      value.size() >= 2 && value.size() % 2 == 0 && value.find_first_not_of("0123456789ABCDEF") == std::string::npos;
  if (!hex) return value;
  std::string out;
  for (std::size_t i = 0; i < value.size(); i += 2)
    out += static_cast<char>(std::stoi(value.substr(i, 2), nullptr, 16));
  return out;
}

bool is_made(const AuditRecord& record) {
  return record.type == audit_landlock_domain && record.field("status") == "allocated";
}

// A later process that is denied something for certain: when that was heard, so was all that came before.
pid_t fence() {
  const pid_t pid = fork_process();
  if (pid != 0) {
    if (pid > 0) harness::await_end(pid, 5000);
    return pid;
  }
  const Result<Ruleset> rules = Ruleset::create({.fs = Right::read_dir}, 1);
  if (rules.ok() && restrict_self(rules->fd()).ok()) UniqueFd(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)).reset();
  ::_exit(0);
}

}  // namespace

std::vector<DenialRecord> denials_of(const std::vector<AuditRecord>& records, std::size_t first,
                                     const std::function<bool(const AuditRecord&)>& is_ours) {
  std::set<std::string> domains;
  for (std::size_t i = first; i < records.size(); ++i)
    if (is_made(records[i]) && is_ours(records[i])) domains.insert(records[i].field("domain"));
  std::vector<DenialRecord> out;
  if (domains.size() != 1) return out;
  for (std::size_t i = first; i < records.size(); ++i) {
    const AuditRecord& record = records[i];
    if (record.type != audit_landlock_access || domains.count(record.field("domain")) == 0) continue;
    if (record.field("blockers") == "ptrace") continue;  // the canary of every row: meant to be denied
    out.push_back({printable(record.field("blockers")), printable(decoded(record.field("path")))});
  }
  return out;
}

Denials::Denials() {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok() || kernel->abi < 7) {
    why_not_ = "this kernel writes no records of denials (ABI 7 does)";
    return;
  }
  Result<AuditListener> opened = AuditListener::open();
  if (!opened.ok())
    why_not_ = opened.error().message;
  else
    listener_.emplace(std::move(*opened));
}

void Denials::start_row() {
  probes_.clear();
  cuda_.clear();
  if (listener_) first_ = listener_->records().size();
}

void Denials::end_row() {
  if (!listener_) return;
  const std::string last = std::to_string(fence());
  const auto is_last = [&](const AuditRecord& record) { return is_made(record) && record.field("pid") == last; };
  if (!listener_->until(is_last, patience)) {
    why_not_ = "records were lost, or are left out by a rule of this machine's audit: " + listener_->trouble();
    listener_.reset();
    return;
  }
  const std::string self = own_program();
  probes_ = denials_of(listener_->records(), first_, [&](const AuditRecord& record) {
    return decoded(record.field("exe")) == self && record.field("pid") != last;
  });
  cuda_ = denials_of(listener_->records(), first_, [](const AuditRecord& record) {
    return decoded(record.field("exe")).find("memfd:lockstep-cuda-helper") != std::string::npos;
  });
}

}  // namespace lockstep::conformance::doctor
