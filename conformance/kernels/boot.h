// Boot: what became of one kernel that scripts/kernel-matrix started, or could not start: lockstep.boot/1.
//
//   LOCKSTEP_ASSIGN(Boot boot, record_boot("out/6.12", {"label=6.12", "expected=6", "intact=1", "qemu_exit=0", ...}));
//   LOCKSTEP_ASSIGN(Boot boot, read_boot("out/6.12"));         // what was recorded there
//
// The directory of a boot has the console (console.txt), QEMU's own words (qemu.txt) and, below out/, what the guest
// sent: release, lsm, cmdline, runs, and a text and a report for each run. The outcome is decided here from what lies
// there, not by the script: a guest is `finished` only where its parcel came whole and it said so on the console. A
// kernel without Landlock finishes too, with `landlock` none or disabled, and is never green. Whether that was expected
// is matrix.h's question.
#ifndef LOCKSTEP_CONFORMANCE_KERNELS_BOOT_H_
#define LOCKSTEP_CONFORMANCE_KERNELS_BOOT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lockstep/error.h>

namespace lockstep::conformance::kernels {

enum class BootOutcome : std::uint8_t {
  finished,
  panicked,     // the kernel said so
  hung,         // the time was up
  no_result,    // the machine ended, but what the guest sent is missing or broken
  not_started,  // QEMU failed
  unavailable,  // there was no kernel to boot: no network, or the suite has none
};
std::string_view name(BootOutcome outcome);

// One program the guest ran: "tmpfs", the suite with its scratch directory there.
struct GuestRun {
  std::string name;
  std::optional<int> exit_code;  // absent: not run
  double seconds = 0;
  std::string reason;  // why it was not run
};

// What lockstep-fuzz did in the guest (conformance/fuzz/report.h).
struct Fuzzed {
  std::uint64_t seed = 0, operations = 0, denied = 0, disagreements = 0;
  double seconds = 0;
  std::string words, found;  // of the disagreement: in words, and the case that shows it (lockstep.fuzz/1)
  double rate() const { return seconds > 0 ? static_cast<double>(operations) / seconds : 0; }
};

struct Boot {
  std::string label;  // of fixtures/kernels.txt, or the file's name
  std::string suite, package, version;
  std::string expected;   // an ABI, none, disabled, or any
  std::string arguments;  // given to the kernel beyond the console
  std::string accelerator;
  BootOutcome outcome = BootOutcome::no_result;
  std::string reason;        // of everything but finished
  std::string release;       // uname -r
  std::string command_line;  // as the kernel read it
  std::string lsm;
  std::string landlock;  // none, disabled, or empty: the reports know the ABI
  double seconds = 0;
  std::vector<GuestRun> runs;
  std::optional<Fuzzed> fuzzed;
  std::vector<std::string> complaints;    // of the kernel itself: BUG, WARNING, Oops
  std::vector<std::string> console_tail;  // where it did not finish
};

// Facts are NAME=VALUE; an unknown one is an error. Writes boot.json.
Result<Boot> record_boot(const std::string& directory, const std::vector<std::string>& facts);
Result<Boot> read_boot(const std::string& directory);

// "6.12  6.12.118+deb13-amd64  finished in 31.0 s: tmpfs 0, ext4 0"
std::string line_of(const Boot& boot);

}  // namespace lockstep::conformance::kernels

#endif  // LOCKSTEP_CONFORMANCE_KERNELS_BOOT_H_
