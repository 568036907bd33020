// What the kernel itself recorded of a row's denials: which right was missing, on which object. It only listens and
// changes no setting of audit.
//
//   Denials denials;                       // says why where records cannot be had: denials.why_not()
//   denials.start_row();  ...run it...  denials.end_row();
//   denials.of_probes(); denials.of_cuda();
//
// A row's records are those of the domains that its two programs made: the row's child, which is this executable, and
// the helper that calls CUDA. Rows run one at a time. Where two domains of one kind were seen (another doctor runs at
// the same time), nobody can tell them apart, and no records are returned. The kernel logs no denials of programs
// executed later unless the policy asks.
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_DENIALS_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_DENIALS_H_

#include <optional>
#include <string>
#include <vector>

#include "conformance/doctor/layers.h"
#include "landlock/audit.h"

namespace lockstep::conformance::doctor {

class Denials {
 public:
  Denials();
  const std::string& why_not() const { return why_not_; }  // empty: the records are heard
  void start_row();
  void end_row();
  const std::vector<DenialRecord>& of_probes() const { return probes_; }
  const std::vector<DenialRecord>& of_cuda() const { return cuda_; }

 private:
  std::optional<AuditListener> listener_;
  std::string why_not_;
  std::size_t first_ = 0;  // of the row, in the listener's records
  std::vector<DenialRecord> probes_, cuda_;
};

// The denials among the records from `first` on, of the one domain that was made by a program for which `is_ours`
// holds. None where there are two such domains.
std::vector<DenialRecord> denials_of(const std::vector<AuditRecord>& records, std::size_t first,
                                     const std::function<bool(const AuditRecord&)>& is_ours);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_DENIALS_H_
