// What lint found, as text: for a terminal, for a program, for a service that reads SARIF.
#ifndef LOCKSTEP_RENDER_RENDER_LINT_H_
#define LOCKSTEP_RENDER_RENDER_LINT_H_

#include <string>
#include <vector>

#include "lint/lint.h"

namespace lockstep::render {

struct Linted {
  std::string file;
  std::vector<lint::Finding> findings;
};

std::string lint_text(const std::vector<Linted>& all);
std::string lint_json(const std::vector<Linted>& all);  // lockstep.lint/1
std::string lint_sarif(const std::vector<Linted>& all);
std::string trap_list(bool json);
bool counts(const std::vector<Linted>& all);  // any finding that is more than a note

}  // namespace lockstep::render

#endif  // LOCKSTEP_RENDER_RENDER_LINT_H_
