#include "conformance/fuzz/faults.h"

#include <algorithm>
#include <cerrno>

#include <lockstep/rights.h>

#include "conformance/fuzz/plant.h"

namespace lockstep::conformance::fuzz {
namespace {

using model::Decision;
using model::FileType;
using model::Object;
using model::Walk;
using Op = Operation;

bool is_two(const Question& question) {
  return takes_two_paths(question.operation);
}

Decision unbroken(Rules rules, Question question) {
  return ask(rules, question);
}

constexpr Fault faults[] = {
    {"ignores-above-mount", "rules above the root of a mount are ignored", 1,
     [](Rules rules, Question question) {
       cut_at_mount(question.first), cut_at_mount(question.second);
       return ask(rules, question);
     }},
    {"counts-covered", "the directory that a mount covers is walked too", 1,
     [](Rules rules, Question question) {
       add_covered(rules, question.first), add_covered(rules, question.second);
       return ask(rules, question);
     }},
    {"only-the-object", "a rule holds for its object and not below", 1,
     [](Rules rules, Question question) {
       for (Walk* walk : {&question.first, &question.second})
         if (!walk->objects.empty()) walk->objects.resize(1);
       return ask(rules, question);
     }},
    {"refer-not-implied", "a layer that does not handle refer allows moves", 2,
     [](Rules rules, Question question) {
       if (!is_two(question)) return ask(rules, question);
       for (RuleLayer& layer : rules.layers)
         if (!layer.handled.contains(Right::refer))
           for (const Walk* walk : {&question.first, &question.second})
             if (!walk->objects.empty()) layer.rules.push_back({walk->objects.back(), Right::refer});
       return ask(rules, question);
     }},
    {"any-layer", "one layer that grants is enough", 1,
     [](Rules rules, Question question) {
       if (!has_path(question.operation)) return ask(rules, question);
       return in_any_layer(rules, question);
     }},
    {"unhandled-denied", "what a layer does not handle is denied", 1,
     [](Rules rules, Question question) {
       for (RuleLayer& layer : rules.layers) layer.handled = model::rights_of_abi(rules.kernel.abi);
       return ask(rules, question);
     }},
    {"last-rule-wins", "of two rules on one object the last counts", 1,
     [](Rules rules, Question question) {
       return with_rules(rules, question, [](const RuleLayer& layer, std::size_t i) {
         return std::none_of(layer.rules.begin() + static_cast<std::ptrdiff_t>(i) + 1, layer.rules.end(),
                             [&](const model::Rule& later) { return later.object == layer.rules[i].object; });
       });
     }},
    {"name-not-inode", "a rule on a file holds for the name it was made by", 1,
     [](Rules rules, Question question) {
       return with_rules(rules, question, [&](const RuleLayer& layer, std::size_t i) {
         return layer.rules[i].object.type == FileType::directory || layer.paths[i] == question.path;
       });
     }},
    {"gain-unchecked", "a move may gain rights", 2,
     [](Rules rules, Question question) {
       const Decision out = ask(rules, question);
       return out.gain ? Decision() : out;
     }},
    {"exchange-one-way", "of an exchange only the first object may not gain", 2,
     [](Rules rules, Question question) {
       const Decision out = ask(rules, question);
       if (!out.gain || question.operation != Op::exchange || question.second.objects.size() < 2) return out;
       question.second.objects.erase(question.second.objects.begin());
       question.second.missing = true;
       const Decision one_way = as(rules, question, Op::rename);
       return one_way.gain ? out : Decision();
     }},
    {"gain-ignores-own-rule", "a moved object's own rule does not count against a gain", 2,
     [](Rules rules, Question question) {
       if (!is_two(question)) return ask(rules, question);
       return with_rules(rules, question, [&](const RuleLayer& layer, std::size_t i) {
         for (const Walk* walk : {&question.first, &question.second})
           if (!walk->missing && !walk->objects.empty() && walk->objects[0] == layer.rules[i].object) return false;
         return true;
       });
     }},
    {"exdev-wins", "where refer is missing, EXDEV hides EACCES", 2,
     [](Rules rules, Question question) {
       Decision out = ask(rules, question);
       if (out.err == EACCES && out.missing.contains(Right::refer)) out.err = EXDEV;
       return out;
     }},
    {"root-counts-in-gain", "a rule on the root takes part in the gain from another mount", 2,
     [](Rules rules, Question question) {
       for (Walk* walk : {&question.first, &question.second})
         for (Object& object : walk->objects) object.mount_root = false;
       return ask(rules, question);
     }},
    {"rename-removes-nothing", "renaming needs no right to remove", 1,
     [](Rules rules, Question question) {
       if (question.operation != Op::rename) return ask(rules, question);
       return without(rules, question, Right::remove_file | Right::remove_dir);
     }},
    {"link-removes", "linking needs the right to remove", 1,
     [](Rules rules, Question question) {
       if (question.operation != Op::link) return ask(rules, question);
       return as(rules, question, Op::rename);
     }},
    {"truncates-freely", "O_TRUNC needs no right to truncate", 3,
     [](Rules rules, Question question) {
       if (question.operation != Op::open_trunc) return ask(rules, question);
       return as(rules, question, Op::open_w);
     }},
    {"truncate-writes", "truncate() needs write_file", 3,
     [](Rules rules, Question question) {
       if (question.operation != Op::truncate) return ask(rules, question);
       return as(rules, question, Op::open_trunc);
     }},
    {"path-reads", "O_PATH needs read_file", 1,
     [](Rules rules, Question question) {
       if (question.operation != Op::open_path) return ask(rules, question);
       return as(rules, question, Op::open_r);
     }},
    {"reopen-unrestricted", "a descriptor may be opened anew", 1,
     [](Rules rules, Question question) {
       if (question.operation != Op::reopen_fd) return ask(rules, question);
       return Decision();
     }},
    {"before-is-checked", "a descriptor from before the restriction is restricted", 3,
     [](Rules rules, Question question) {
       if (question.mode != Mode::before) return ask(rules, question);
       return as(rules, question, question.operation);
     }},
    {"exec-reads-nothing", "executing needs no read_file", 1,
     [](Rules rules, Question question) {
       if (question.operation != Op::exec) return ask(rules, question);
       return without(rules, question, Right::read_file);
     }},
    {"ioctl-on-files", "ioctl_dev is asked of regular files", 5,
     [](Rules rules, Question question) {
       if (!(question.operation == Op::ioctl && !question.first.objects.empty())) return ask(rules, question);
       question.first.objects[0].type = FileType::character;
       return ask(rules, question);
     }},
    {"tmpfile-makes", "an unnamed file needs make_reg", 1,
     [](Rules rules, Question question) {
       if (!(question.operation == Op::tmpfile && question.first.error == 0)) return ask(rules, question);
       question.first.missing = true;
       return as(rules, question, Op::create);
     }},
    {"create-writes-not", "creating a file for writing needs make_reg alone", 1,
     [](Rules rules, Question question) {
       if (question.operation != Op::create) return ask(rules, question);
       return without(rules, question, Right::write_file);
     }},
    {"symlink-as-file", "a symbolic link is made by make_reg", 1,
     [](Rules rules, Question question) {
       if (question.operation != Op::symlink) return ask(rules, question);
       return with_swapped(rules, question, Right::make_sym, Right::make_reg);
     }},
    {"fifo-as-socket", "a fifo is made by make_sock", 1,
     [](Rules rules, Question question) {
       if (question.operation != Op::mkfifo) return ask(rules, question);
       return with_swapped(rules, question, Right::make_fifo, Right::make_sock);
     }},
    {"rmdir-as-unlink", "rmdir needs remove_file", 1,
     [](Rules rules, Question question) {
       if (question.operation != Op::rmdir) return ask(rules, question);
       return as(rules, question, Op::unlink);
     }},
    {"unlink-follows", "unlinking a symbolic link is asked where it leads", 1, unbroken, true},
    {"whiteouts-otherwise", "erratum 4 is the other way round", 1,
     [](Rules rules, Question question) {
       rules.kernel.errata ^= 1U << 3;
       return ask(rules, question);
     }},
    {"disconnected-otherwise", "erratum 3 is the other way round", 1,
     [](Rules rules, Question question) {
       rules.kernel.errata ^= 1U << 2;
       return ask(rules, question);
     }},
    {"port-any-layer", "one layer that names a port is enough", 4,
     [](Rules rules, Question question) {
       if (operand(question.operation) != Operand::port) return ask(rules, question);
       return in_any_layer(rules, question);
     }},
    {"port-any-right", "a port that may be bound may be connected to", 4,
     [](Rules rules, Question question) {
       if (question.operation != Op::connect_tcp) return ask(rules, question);
       return as(rules, question, Op::bind_tcp);
     }},
    {"port-rules-ignored", "a layer that handles a right of ports grants none", 4,
     [](Rules rules, Question question) {
       if (operand(question.operation) != Operand::port) return ask(rules, question);
       for (RuleLayer& layer : rules.layers) layer.restrictions.ports.clear();
       return ask(rules, question);
     }},
    {"scope-shared-ignored", "who stands in the same scope is outside as well", 6,
     [](Rules rules, Question question) {
       question.shared_layers = 0;
       return ask(rules, question);
     }},
    {"scope-newest-alone", "only the newest layer's scopes count", 6,
     [](Rules rules, Question question) {
       if (!(!has_path(question.operation) && question.shared_layers < rules.layers.size()))
         return ask(rules, question);
       for (std::size_t i = 0; i + 1 < rules.layers.size(); ++i) rules.layers[i].restrictions.scopes = {};
       return ask(rules, question);
     }},
    {"scopes-are-one", "the scope of signals is that of abstract sockets", 6,
     [](Rules rules, Question question) {
       if (question.operation != Op::signal) return ask(rules, question);
       return as(rules, question, Op::connect_abstract);
     }},
    {"own-server-outside", "a server of one's own is outside the scope", 6,
     [](Rules rules, Question question) {
       if (!(question.operation == Op::connect_abstract && question.mode == Mode::own_server))
         return ask(rules, question);
       return as(rules, question, question.operation);
     }},
    {"own-socket-is-free", "making a socket for a server of one's own needs no right", 1,
     [](Rules rules, Question question) {
       if (!(question.operation == Op::connect_unix && question.mode == Mode::own_server)) return ask(rules, question);
       return as(rules, question, question.operation);
     }},
    {"sends-from-anywhere", "sending from an unbound socket binds no port", 10,
     [](Rules rules, Question question) {
       if (question.operation != Op::send_udp) return ask(rules, question);
       for (RuleLayer& layer : rules.layers) layer.restrictions.net = layer.restrictions.net - NetRight::bind_udp;
       return ask(rules, question);
     }},
    {"executed-is-free", "a freshly executed program leaves the layers", 1,
     [](Rules rules, Question question) {
       if (question.actor != Actor::exec) return ask(rules, question);
       return Decision();
     }},
    {"executed-peer-outside", "a peer that was executed anew is outside the scope", 6,
     [](Rules rules, Question question) {
       if (question.peer_executed) question.shared_layers = 0;
       return ask(rules, question);
     }},
    {"policy-at-kernel-abi", "a policy restricts what the kernel has, not what its plan's ABI has", 2,
     [](Rules rules, Question question) {
       rules.kernel.abi = rules.kernel.kernel_abi;
       return ask(rules, question);
     }},
    {"baseline-unknown", "what is added to a policy grants nothing", 1,
     [](Rules rules, Question question) {
       change_policies(rules, [](ToldPolicy& policy) {
         for (std::size_t i = 0; i < policy.walks.size(); ++i)
           if (policy.effective.rules[i].origin != Origin::policy) policy.walks[i].error = ENOENT;
       });
       return ask(rules, question);
     }},
    {"read-only-writes", "the library grants write_file where a policy says read_only", 1, unbroken, false, false,
     [](Plan& plan) {
       for (PlanRule& rule : plan.rules)  // on the root the library would refuse it
         if (rule.path != "/" && rule.rights == (access_read_only & plan.handled)) rule.rights |= Right::write_file;
     }},
    {"refer-unhandled", "the library handles all rights but refer", 2, unbroken, false, false,
     [](Plan& plan) {
       plan.handled = plan.handled - Right::refer;
       for (PlanRule& rule : plan.rules) rule.rights = rule.rights - Right::refer;
       std::erase_if(plan.rules, [](const PlanRule& rule) { return rule.rights.empty(); });
     }},
    {"reclaim-forgotten", "a rule stays with a name of procfs, whatever is reclaimed", 1,
     [](Rules rules, Question question) {
       for (RuleLayer& layer : rules.layers)
         for (const model::Rule& rule : layer.lost) layer.rules.push_back(rule);
       return ask(rules, question);
     },
     false, true},
    {"pins-lost", "an open descriptor does not keep a rule from being lost to reclaim", 1,
     [](Rules rules, Question question) {
       return with_rules(rules, question, [](const RuleLayer& layer, std::size_t i) {
         return std::none_of(layer.pinned.begin(), layer.pinned.end(),
                             [&](const model::Rule& pinned) { return pinned.object == layer.rules[i].object; });
       });
     },
     false, true},
    {"library-pins-nothing", "the library keeps no entry of procfs open", 1, unbroken, false, true, nullptr, true},
};

}  // namespace

std::span<const Fault> all_faults() {
  return faults;
}

const Fault* find_fault(std::string_view name) {
  const auto found =
      std::find_if(std::begin(faults), std::end(faults), [&](const Fault& each) { return each.name == name; });
  return found == std::end(faults) ? nullptr : found;
}

}  // namespace lockstep::conformance::fuzz
