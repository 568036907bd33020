// CdiFields: the fields of one mapping of a CDI spec, read as runtimes read them.
//
//   LOCKSTEP_ASSIGN(CdiFields node, CdiFields::of(item, "a device node", {"path", "hostPath"}, reader));
//   LOCKSTEP_ASSIGN(const std::string path, node.text("path"));      // "" where it is absent or null
//
// An unknown field refuses the spec. A field spelt in other case (Mounts for mounts) is that field, with a warning.
// null is absent, as in Go. An unquoted scalar is what YAML 1.1 takes it for. The merge key `<<` joins the mappings
// that it names.
#ifndef LOCKSTEP_HOST_CDI_FIELDS_H_
#define LOCKSTEP_HOST_CDI_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/error.h>

#include "syntax/document.h"

namespace lockstep {

// Of one file: where its faults and warnings go.
struct CdiReading {
  std::string file;
  std::vector<std::string> warnings;  // "FILE:LINE: ..."

  Error fail(int line, std::string message) const { return input_error(file, line, std::move(message)); }
  void warn(int line, const std::string& message) {
    warnings.push_back(file + ":" + std::to_string(line) + ": " + message);
  }
};

class CdiFields {
 public:
  // `node`, `reading`: alive as long as this.
  static Result<CdiFields> of(const Node& node, std::string what, const std::vector<std::string_view>& known,
                              CdiReading& reading);

  int line() const { return line_; }
  int line_of(std::string_view field) const;       // the mapping's own where it is absent
  const Node* find(std::string_view field) const;  // nullptr where it is absent or null

  Result<std::string> text(std::string_view field) const;
  Result<std::string> need(std::string_view field) const;  // text, and not empty
  // Nothing where it is absent. 0 is a number.
  Result<std::optional<std::int64_t>> integer(std::string_view field, std::int64_t low, std::int64_t high) const;
  Result<std::vector<std::int64_t>> integers(std::string_view field, std::int64_t low,
                                             std::int64_t high) const;  // of a list
  Result<bool> truth(std::string_view field) const;
  Result<const Node*> list(std::string_view field) const;  // nullptr where it is absent or null
  Result<std::vector<std::string>> texts(std::string_view field) const;

 private:
  struct Field {
    std::string_view name;
    const Node* value;
    int line;
  };
  Result<void> add(const Node& node, const std::vector<std::string_view>& known);
  Result<void> join(const Node& merged, int line, const std::vector<std::string_view>& known);
  Result<std::int64_t> integer_of(const Node& node, std::string_view field, std::int64_t low, std::int64_t high) const;
  Result<std::string> text_of(const Node& node, std::string_view field) const;

  std::string what_;
  CdiReading* reading_ = nullptr;
  int line_ = 0;
  std::vector<Field> fields_;
};

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_CDI_FIELDS_H_
