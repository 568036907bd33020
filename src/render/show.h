// The effective policy and its plan as text, for people and for programs.
#ifndef LOCKSTEP_RENDER_SHOW_H_
#define LOCKSTEP_RENDER_SHOW_H_

#include <string>

#include <lockstep/effective.h>
#include <lockstep/plan.h>

namespace lockstep::render {

std::string show_json(const EffectivePolicy& effective, const Plan& plan);  // lockstep.show/1
std::string show_text(const EffectivePolicy& effective, const Plan& plan);
std::string show_two_lists(const Policy& policy);         // what OpenShell's schema knows of it
std::string show_yaml(const EffectivePolicy& effective);  // a policy file: loads, and enriches to the same

}  // namespace lockstep::render

#endif  // LOCKSTEP_RENDER_SHOW_H_
