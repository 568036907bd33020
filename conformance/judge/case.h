// Case: a fixture file that says, by hand, what must happen for one policy on one host.
//
//   LOCKSTEP_ASSIGN(std::vector<Case> cases, load_cases("fixtures"));
//
// The format is lockstep.case/1, a JSON object. Paths of files are relative to the fixtures directory:
//   name             the file's name without .json
//   why              one sentence: the claim
//   policy, host     policies/...yaml, hosts/...json
//   source, gpu, proxy, workdir, administrator_conflicts (a file)    the context; all optional
//   stacked          more policies (files), each in force on top of the one before; on simulated hosts
//   cdi, gpu_devices a CDI spec (a file) and the devices chosen
//   identities       of user, container-root, root, self; default ["user"]
//   plan_abis        "1-7", "3-", "5", or a list of these; default "1-"
//   expect_effective {read_only, read_write}: the literal lists
//   expect_notices   the codes of all notices, sorted
//   expect_error     a part of the message with which enriching or compiling must refuse; nothing below then
//   expect_refusal   a part of the message with which opening the paths must refuse, in both children; nothing below
//   readiness        ready | degraded | blocked | blocked-elsewhere, or a list of {abi, is}
//   expect           a list of {op, mode, actor, target, path, path2, port, server, identity, abi, result}
//
// Of `expect` the first match wins. `result` is allow or an errno. An expectation adds its cell where the sweep does
// not make it. One that no selected row could match is an error. `mode` defaults to plain (comm-open: rdwr), `actor` to
// self, `target` to own (comm-open: other-thread). "$scratch" at the start of a path is a directory the harness makes.
// A destructive operation needs a path of its own. An operation on a port takes `port` instead of `path`, on simulated
// hosts, where it meets a server. signal and connect-abstract take neither: they are about the harness's sibling and
// server. Mode own-server connects to a server that the acting process makes. Actor early-thread is a thread that ran
// before the restriction. `server` is the type of the server that connect-unix finds: stream (the default), seqpacket
// or dgram. The client has the server's type, unless a mode names one.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_CASE_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_CASE_H_

#include <optional>
#include <string>
#include <vector>

#include <lockstep/effective.h>
#include <lockstep/error.h>

#include "conformance/wire/wire.h"
#include "gpu/readiness.h"

namespace lockstep {
struct ContextFlags;
}

namespace lockstep::conformance::judge {

// Plan ABIs, as bits 1 to newest_abi.
class AbiSet {
 public:
  static std::optional<AbiSet> parse(std::string_view text);  // "1-7", "3-", "5", "all", "1,3,5-7"
  static AbiSet all();
  bool contains(int abi) const { return (bits_ >> abi & 1) != 0; }
  bool empty() const { return bits_ == 0; }
  void add(int abi) { bits_ |= 1U << abi; }
  friend AbiSet operator&(AbiSet a, AbiSet b);
  friend AbiSet operator|(AbiSet a, AbiSet b);

 private:
  unsigned bits_ = 0;
};

struct Expectation {
  wire::CellRequest cell;
  AbiSet abis = AbiSet::all();
  std::optional<wire::IdentityKind> identity;  // absent: any
  int err = 0;                                 // 0: allow
  std::optional<wire::SocketType> server;
  int line = 0;
};

struct ReadinessExpectation {
  AbiSet abis = AbiSet::all();
  gpu::Readiness is = gpu::Readiness::ready;
};

struct Case {
  std::string file;
  std::string name;
  bool own_policy = false;  // a user's, not a fixture
  std::string why;
  Policy policy;
  std::vector<Policy> stacked;
  Context context;  // host included
  std::vector<wire::IdentityKind> identities;
  AbiSet plan_abis = AbiSet::all();
  std::optional<std::vector<std::string>> read_only;
  std::optional<std::vector<std::string>> read_write;
  std::optional<std::vector<std::string>> notices;
  std::optional<std::string> error;
  std::optional<std::string> refusal;
  std::vector<ReadinessExpectation> readiness;
  std::vector<Expectation> expectations;
};

Result<Case> load_case(const std::string& file, const std::string& fixtures);
// Every fixtures/cases/*.json, sorted by name. One bad case fails the whole, with its file and line.
Result<std::vector<Case>> load_cases(const std::string& fixtures);

// A case for a user's own policy, on this machine or on the host of a file. It has no expectations: the model and the
// kernel are the witnesses.
Result<Case> case_for_policy(const std::string& policy_file, const ContextFlags& flags);

// Sets the path of operations that take none in a case: the sibling's, or the server's name.
void set_implied_path(wire::CellRequest* cell);
// "open-w /etc/hostname", "bind-tcp 8080", "comm-open rdwr other-thread by grandchild": names a cell within its row,
// uniquely.
std::string cell_name(const wire::CellRequest& cell);
// Whether the operation changes its paths (and so needs paths of its own).
bool is_destructive(const wire::CellRequest& cell);

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_CASE_H_
