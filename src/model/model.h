// The model: Landlock's part of an answer, from the effective policy, an ABI number and a view of the file system.
//
//   Model model({.abi = 7, .errata = 0x7});
//   model.add_layer(effective, walks);      // walks[i]: what effective.rules[i].path leads to
//   Decision d = model.decide({.operation = Operation::open_w, .first = &walk});
//   d.err == EACCES && model.describe(d) == "layer 1 lacks write_file; nearest rule /proc (read_only, line 7)"
//
// Independent on purpose: it never sees a plan, a rule set or a mask of the library; its own per-ABI masks are in
// model/masks.cc. It does not know what comes before or after Landlock in the kernel (ENOENT, EROFS, file permissions,
// EISDIR of unlink, ...): the judge composes that from the control's answer. decide() makes no system call and does not
// allocate. Its rules are those of security/landlock/fs.c; quirks are named in decide.cc with the version that has
// them.
#ifndef LOCKSTEP_MODEL_MODEL_H_
#define LOCKSTEP_MODEL_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <lockstep/access_set.h>
#include <lockstep/effective.h>

#include "model/view.h"
#include "operation/operation.h"

namespace lockstep::model {

struct Kernel {
  int abi = 0;          // the ABI the policy is compiled for: what its layers handle
  int kernel_abi = 0;   // the ABI of the kernel that will decide, which may be newer; 0: the same
  unsigned errata = 0;  // of the kernel that will decide; bit N-1: erratum N is fixed
};

// A second copy of the kernel's masks, kept apart from lockstep/abi.h.
AccessSet rights_of_abi(int abi);
NetSet net_rights_of_abi(int abi);
ScopeSet scopes_of_abi(int abi);
// What Landlock accepts in a rule on anything but a directory, of all ABIs together.
AccessSet rights_on_files();
// What a rule's list means on a directory, or the rights that a grant names: the second witness of EffectiveRule::rights().
AccessSet rights_of_rule(Access access, AccessSet granted, int abi);

struct Rule {
  Object object;
  AccessSet rights;  // already cut to the ABI and, for anything but a directory, to what Landlock accepts there
  int source = -1;   // index into the effective policy's rules; -1: made by hand, its own index counts
};

struct Query {
  Operation operation = Operation::open_r;
  Mode mode = Mode::plain;
  const Walk* first = nullptr;
  const Walk* second = nullptr;  // of rename, exchange, link
  std::uint16_t port = 0;        // of the operations on ports
  // How many layers, from the first, the other side of a connection or a signal stands in too. 0: it is outside. For a
  // server of the process's own it is all of them (Mode::own_server implies that).
  std::size_t shared_layers = 0;
  // For exec: what is opened besides the program (loaders.h); each is decided like the program itself. Null: nothing.
  const std::vector<Walk>* loaders = nullptr;
};

struct Decision {
  int err = 0;        // 0: Landlock allows it; else EACCES, EXDEV or EPERM
  int layer = 0;      // which layer denied, 1-based; 0: none did
  AccessSet missing;  // what that layer lacks; where the kernel asks in several steps, of the first step that is denied
  AccessSet needed;   // what the operation needs, of what the layers handle
  // The rule that came nearest in that layer: its index, for a layer made from an effective policy into that policy's
  // rules. For an allow it is the nearest in the last layer, which need not be a rule that grants it: see granted_by().
  // -1: no rule is on the walk.
  int rule = -1;
  bool gain = false;  // EXDEV only because the object would have more rights at its new place: `missing` says which
  // In place of `needed` and `missing`: the right on a port, or the scope, that was asked for. Set where some layer
  // handles it; where denied, it is the one that decided.
  std::optional<PortRule> port = std::nullopt;
  std::optional<Scope> scope = std::nullopt;
  int loader = -1;  // for exec: the index in the query of the loader that is denied; -1: it is the program itself
};

class Model {
 public:
  explicit Model(Kernel kernel) : kernel_(kernel) {}

  // Stacks the policy as one more layer. A rule whose walk has an error is no rule. `walks` is parallel to
  // effective.rules.
  void add_layer(const EffectivePolicy& effective, const std::vector<Walk>& walks);
  // Stacks a layer made by hand (fuzzing, tests).
  void add_layer(AccessSet handled, const std::vector<Rule>& rules, const Restrictions& restrictions = {});

  Decision decide(const Query& query) const;

  // One line for people: which layer, which right, which rule.
  std::string describe(const Decision& decision) const;
  // For what is allowed: each right that some layer handles, with every rule of the policy that grants it there, the
  // nearest first: "write_file granted by /srv (read_write, line 4)". For layers made from an effective policy.
  // Allocates.
  std::string granted_by(const Query& query, const Decision& decision) const;

  const Kernel& kernel() const { return kernel_; }

 private:
  struct Granted {
    AccessSet rights;
    int rule;  // the last rule made for this object: an index into names
  };
  struct Layer {
    AccessSet handled;
    std::unordered_map<Object, Granted, ObjectHash> rules;
    Restrictions restrictions;
    std::vector<std::string> names;  // of the rules, for describe()
    std::vector<Rule> written;       // of a policy: each rule by itself, for granted_by()
  };

  struct Sum {
    AccessSet rights;
    int nearest = -1;
  };
  struct Ends {  // of a rename, exchange or link
    const Walk& from;
    const Walk& to;
    std::size_t from_start;  // where the parents begin
    std::size_t to_start;
    bool exchange;
  };

  // Every layer that restricts files denies refer, even one that does not handle it.
  static AccessSet handled(const Layer& layer);
  static Sum granted(const Layer& layer, const Walk& walk, std::size_t start, std::size_t end);
  static AccessSet gain(const Layer& layer, const Ends& ends);
  // The layers before `first_layer` do not ask.
  Decision check(const Walk& walk, std::size_t start, AccessSet rights, std::size_t first_layer = 0) const;
  Decision check_in_steps(const Walk& walk, AccessSet rights, AccessSet later, std::size_t first_layer = 0) const;
  std::string describe_without_path(const Decision& decision) const;
  Decision check_port(PortRule wanted) const;
  Decision check_scope(Scope scope, std::size_t first_layer) const;
  Decision decide_without_path(const Query& query, std::size_t shared_layers) const;
  Decision move(const Query& query) const;
  Decision reparent(const Ends& ends, AccessSet needs_from, AccessSet needs_to) const;

  Kernel kernel_;
  std::vector<Layer> layers_;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_MODEL_H_
