// SARIF 2.1.0, as far as a policy needs it: results at lines of files.
//
//   Sarif sarif;
//   sarif.add("policy-widened", "A policy change allows more than before", "error", "p.yaml", 7,
//             "/proc gains write_file");
//   sarif.document("lockstep diff");
#ifndef LOCKSTEP_RENDER_SARIF_H_
#define LOCKSTEP_RENDER_SARIF_H_

#include <map>
#include <string>

#include "syntax/json.h"

namespace lockstep::render {

class Sarif {
 public:
  // `about` describes the rule `id`; it is listed when the rule is used first. `level` is error, warning or note. Line
  // 0 means the first.
  void add(const std::string& id, const std::string& about, const std::string& level, const std::string& file, int line,
           const std::string& message);
  std::string document(const std::string& tool) const;

 private:
  Json rules_ = Json::array();
  Json results_ = Json::array();
  std::map<std::string, std::size_t> known_;
};

}  // namespace lockstep::render

#endif  // LOCKSTEP_RENDER_SARIF_H_
