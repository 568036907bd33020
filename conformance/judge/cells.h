// The cells of a case, and what has to be made for them: the sweep every row runs, joined with the case's expectations.
//
//   LOCKSTEP_ASSIGN(CellPlan plan, plan_cells(a_case, effective));
//   plan.cells; plan.tree;                                    // for a RowRequest
//
// The sweep has
//   - the whole vocabulary in a directory of each kind of grant, and in one that nobody granted
//   - each device node, and a neighbour beside each rule
//   - every way and actor of the comm write, and CUDA's start-up
//   - the files that a grant on /proc opens too, and a signal
//   - where the policy restricts ports or scopes: each port it names and one it does not, and both sides of each scope
//   - on a real host, the real cuInit
//
// Where the host is simulated its root is laid out here. On a real host only paths below $scratch are made, and nothing
// else is changed.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_CELLS_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_CELLS_H_

#include <string>
#include <vector>

#include <lockstep/error.h>

#include "conformance/judge/case.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::judge {

struct CellInfo {
  std::string step;               // id of the CUDA step, else empty
  bool too_wide = false;          // a file nobody needs for CUDA: listed where it opens
  std::vector<int> expectations;  // indices of the case's expectations that name this cell, in order
};

struct CellPlan {
  std::vector<wire::CellRequest> cells;
  std::vector<CellInfo> info;  // parallel to cells
  std::vector<wire::TreeItem> tree;
  bool bind_sys = false;
  bool network = false;  // the row needs a network of its own
};

Result<CellPlan> plan_cells(const Case& each, const EffectivePolicy& effective);

// What every row tries of ports, scopes and signals: restrictions.cc.
std::vector<wire::CellRequest> restriction_cells(const Restrictions& restrictions);

// Where $scratch lies in a simulated root.
inline constexpr char simulated_scratch[] = "/scratch";
// A directory that only a rule on the root covers.
inline constexpr char outside_directory[] = "/outside";

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_CELLS_H_
