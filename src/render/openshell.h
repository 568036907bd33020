// The effective policy in OpenShell's own two lists, without our extensions, and what those cannot say.
//
//   LOCKSTEP_ASSIGN(const TwoLists lists, as_two_lists(effective));
//   lists.text;       // a policy file; what it cannot say stands at its top, as comments
//   lists.unsaid;     // the same, one each
//
// What the two lists cannot say is left out, so the text never allows more. Before it is returned, the text is read
// back and compared.
#ifndef LOCKSTEP_RENDER_OPENSHELL_H_
#define LOCKSTEP_RENDER_OPENSHELL_H_

#include <string>
#include <vector>

#include <lockstep/effective.h>
#include <lockstep/error.h>

namespace lockstep::render {

struct TwoLists {
  std::string text;
  std::vector<std::string> unsaid;
};

// Fails (internal) where reading the text back gives any right more, or loses one that no line of `unsaid` names.
Result<TwoLists> as_two_lists(const EffectivePolicy& effective);

}  // namespace lockstep::render

#endif  // LOCKSTEP_RENDER_OPENSHELL_H_
