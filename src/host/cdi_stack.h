// CdiStack: the specs of several places as runtimes hold them: a later directory stands over an earlier one.
//
//   LOCKSTEP_ASSIGN(const CdiStack stack, CdiStack::load({"/etc/cdi", "/var/run/cdi"}));
//   LOCKSTEP_ASSIGN(const CdiChosen chosen, stack.choose("nvidia.com/gpu=0"));
//
// In a directory the files *.yaml and *.json are read (through links, hidden ones too, not in folders below). One that
// is no valid spec is left out with a warning. A directory that is missing or empty is passed over. A file that is
// named itself must be a valid spec; files of one directory that are named one after the other count as one directory.
// A device that two specs of one directory have cannot be chosen, whatever other directories say.
#ifndef LOCKSTEP_HOST_CDI_STACK_H_
#define LOCKSTEP_HOST_CDI_STACK_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lockstep/error.h>

#include "host/cdi_spec.h"

namespace lockstep {

struct CdiChosen {
  const CdiSpec* spec = nullptr;  // alive as long as the stack
  const CdiDevice* device = nullptr;
};

class CdiStack {
 public:
  static Result<CdiStack> load(const std::vector<std::string>& places);

  // "vendor/class=name", or a name that one kind alone has.
  Result<CdiChosen> choose(std::string_view name) const;
  // Every GPU: the devices of the one kind there is, or of the one whose class is gpu; of a spec with a
  // device called all, that. An error that names the kinds where there are several.
  Result<std::vector<CdiChosen>> all_gpus() const;

  const std::vector<std::string>& warnings() const { return warnings_; }  // "FILE:LINE: ..."

 private:
  struct Layered {
    CdiSpec spec;
    std::size_t layer = 0;
  };
  struct Entry {
    std::size_t spec = 0, device = 0;  // places in specs_, and in its devices
    std::string conflict;              // the two files, where two of one directory have it
  };

  Result<void> read_place(const std::string& place, std::size_t layer);
  Result<void> read_file(const std::string& file, std::size_t layer);
  void settle();
  Result<CdiChosen> found(const std::string& qualified, const Entry& entry) const;
  std::string offered() const;

  std::vector<Layered> specs_;
  std::map<std::string, Entry> devices_;  // by qualified name
  std::vector<std::string> warnings_;
};

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_CDI_STACK_H_
