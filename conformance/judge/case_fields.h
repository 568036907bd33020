// Fields of a case file: words, lists and ABIs, and errors that carry the file and the line.
//
//   const CaseFields fields(file);
//   LOCKSTEP_ASSIGN(out.name, fields.text(*name, "name"));
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_CASE_FIELDS_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_CASE_FIELDS_H_

#include <string>
#include <utility>
#include <vector>

#include <lockstep/error.h>

#include "conformance/judge/case.h"
#include "syntax/document.h"

namespace lockstep::conformance::judge {

class CaseFields {
 public:
  explicit CaseFields(std::string file) : file_(std::move(file)) {}

  const std::string& file() const { return file_; }
  Error fail(const Node& node, std::string message) const { return input_error(file_, node.line, std::move(message)); }
  Result<std::string> text(const Node& node, const std::string& what) const { return read_string(node, file_, what); }
  Result<std::vector<std::string>> strings(const Node& node, const std::string& what) const;
  Result<AbiSet> abis(const Node& node, const std::string& what) const;

  // One of a few words. Leaves `out` as it is where the key is not there.
  template <typename FromName, typename T>
  Result<void> choice(const Node& node, const char* key, FromName from_name, const char* words, T& out) const {
    const Node* value = node.find(key);
    if (value == nullptr) return {};
    LOCKSTEP_ASSIGN(const std::string word, text(*value, key));
    const auto found = from_name(word);
    if (!found) return fail(*value, std::string(key) + ": write " + words + ", not \"" + printable(word) + "\"");
    out = *found;
    return {};
  }

 private:
  std::string file_;
};

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_CASE_FIELDS_H_
