// Matrix: the reports of many kernels side by side: lockstep.matrix/1.
//
//   LOCKSTEP_ASSIGN(Matrix matrix, join_boots({"out/6.1", "out/6.12", "out/7.3"}));
//   render(matrix);  to_json(matrix);  exit_code(matrix);
//
// Five questions, each answered by cells that were observed:
//   - What did each kernel make of each case, at the plan ABI it has itself? Verdict and readiness.
//   - What changed from one kernel to the next, and why? The reason is a right and its first ABI, an erratum, or the
//     kernel's own answer without Landlock. A change with none of these is "unexplained", and a finding.
//   - Does a plan for ABI N, enforced on a newer kernel, do what it does on the kernel of ABI N?
//   - Do the answers depend on the file system below the scratch directory?
//   - Did the model withstand fuzzing there?
// A kernel that gave no report is in the matrix with what became of it, and is never green.
#ifndef LOCKSTEP_CONFORMANCE_KERNELS_MATRIX_H_
#define LOCKSTEP_CONFORMANCE_KERNELS_MATRIX_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <lockstep/error.h>

#include "conformance/kernels/boot.h"
#include "conformance/kernels/read_report.h"

namespace lockstep::conformance::kernels {

struct Kernel {
  Boot boot;
  std::map<std::string, ReadReport> reports;  // by the run's name; tmpfs is the suite as a whole
  std::string problem;                        // why this kernel is not as it should be; empty: it is
  int code = 0;                               // the exit code that stands for the problem
  const ReadReport* main() const;             // null: no Landlock, or no report
};

// A case on a kernel: the verdict over all its rows, and its most blocked readiness.
struct Mark {
  std::size_t rows = 0, cells = 0;
  std::string verdict;    // agree, disagree, error, skip
  std::string readiness;  // ready, degraded, blocked, blocked-elsewhere
  std::string why;
};

// Cells that answer differently in two places, counted by reason.
struct Difference {
  std::string name;                            // of the case
  std::string from, to;                        // labels of kernels
  std::map<std::string, std::size_t> reasons;  // "truncate (ABI 3)": cells
  std::string readiness;                       // "ready -> blocked: comm needs ..."; empty: the same
  std::vector<std::string> unexplained;        // the cells, a line each
};

struct Masking {
  int plan_abi = 0;
  std::string real, masked;  // labels: the kernel that has the ABI, the newer one that enforced its plans
  std::size_t rows = 0, cells = 0, same = 0;
  std::vector<Difference> differences;
};

struct FileSystem {
  std::string kernel, name;
  std::size_t rows = 0, cells = 0, disagree = 0;
  std::string reason;                    // why it was not run
  std::vector<std::string> differences;  // from the same cells on tmpfs, a line each
};

struct Matrix {
  std::vector<Kernel> kernels;                               // as given
  std::map<std::string, std::map<std::string, Mark>> cases;  // case, label
  std::vector<Difference> changes;
  std::vector<Masking> masking;
  std::vector<FileSystem> file_systems;
  std::vector<std::string> disagreements;  // full lines
};

Result<Matrix> join_boots(const std::vector<std::string>& directories);

std::string render(const Matrix& matrix);
// Fit to be committed: figures and their relations, no machine's name, and no times but the fuzzer's.
std::string to_json(const Matrix& matrix);

// The first of these that holds: 4 a kernel hung, panicked or its harness failed; 1 a disagreement, an ABI that is not
// the expected one, or an unexplained difference; 3 a kernel that could not be had, or none that is green; 0 all else.
int exit_code(const Matrix& matrix);

}  // namespace lockstep::conformance::kernels

#endif  // LOCKSTEP_CONFORMANCE_KERNELS_MATRIX_H_
