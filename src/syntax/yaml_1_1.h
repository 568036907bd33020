// What YAML 1.1 takes an unquoted scalar for, as CDI runtimes read it: 010 is 8, 1.10 is 1.1, y is true.
//
//   const Yaml11 value = read_yaml_1_1("0x10");    // kind integer, integer 16, text "16"
//
// `text` is what a field that wants text gets. Only unquoted scalars are asked about.
#ifndef LOCKSTEP_SYNTAX_YAML_1_1_H_
#define LOCKSTEP_SYNTAX_YAML_1_1_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep {

struct Yaml11 {
  enum class Kind { null, truth, integer, real, text };
  Kind kind = Kind::text;
  std::int64_t integer = 0;  // an integer, or a real number that is whole; else 0
  bool whole = false;        // nothing was lost in `integer`
  std::string text;
};

Yaml11 read_yaml_1_1(std::string_view plain);

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_YAML_1_1_H_
