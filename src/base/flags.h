// FlagReader: a command line, word by word, in one grammar for every program: --flag VALUE and --flag=VALUE, switches, words that are
// no flags, and -- before a command.
//
//   FlagReader reader(argc, argv, {"--policy=*", "--seed=", "--list"});   // "=": takes a value; "*": may be given again
//   while (reader.more()) {
//     LOCKSTEP_ASSIGN(const Flag flag, reader.next());
//     if (flag.name == "--list") ...
//   }
//
// --help, and -h for it, is known everywhere. Where "--" is among the known, it ends the flags, and rest() is what follows.
#ifndef LOCKSTEP_BASE_FLAGS_H_
#define LOCKSTEP_BASE_FLAGS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lockstep/error.h>

namespace lockstep {

struct Flag {
  std::string name;  // with its dashes; empty: a word that is no flag
  std::string value;
  bool has_value = false;  // a switch and a word have none
};

class FlagReader {
 public:
  // `kind` is what an unknown one is called.
  FlagReader(std::vector<std::string> words, std::vector<std::string> known, const char* kind = "flag");
  FlagReader(int argc, char** argv, std::vector<std::string> known, const char* kind = "flag")
      : FlagReader(argc > 0 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>(),
                   std::move(known), kind) {}

  bool more() const { return at_ < words_.size(); }
  // An error where the flag is unknown, is given twice, or has no value and needs one.
  Result<Flag> next();
  std::vector<std::string> rest() const { return rest_; }

 private:
  struct Known {
    std::string name;
    bool takes_value = false;
    bool again = false;
    bool given = false;
  };

  std::vector<std::string> words_;
  std::vector<Known> known_;
  const char* kind_;
  std::size_t at_ = 0;
  std::vector<std::string> rest_;
};

// The value as a whole number; `unit` is what the flag takes.
Result<std::uint64_t> read_number(const Flag& flag, std::uint64_t low, std::uint64_t high,
                                  const char* unit = "a number");

}  // namespace lockstep

#endif  // LOCKSTEP_BASE_FLAGS_H_
