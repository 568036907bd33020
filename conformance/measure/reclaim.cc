#include "conformance/measure/reclaim.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <lockstep/abi.h>

#include "conformance/measure/held_child.h"
#include "conformance/measure/surface.h"
#include "syntax/json.h"

namespace lockstep::conformance::measure {
namespace {

constexpr int max_rounds = 20;

Result<ReclaimRow> measure(const std::string& way, const Plan& plan, wire::IdentityKind identity, bool close_pins) {
  ReclaimRow row;
  row.way = way;
  row.identity = identity;
  HeldChild child;
  LOCKSTEP_ASSIGN(const std::int32_t pins, child.start(plan, identity, close_pins));
  row.pins = pins == 0 ? Pins::none : close_pins ? Pins::closed : Pins::kept;
  LOCKSTEP_ASSIGN(const Sample before, child.ask());
  row.before = row.after = before.err[0];
  while (!row.achieved() && row.rounds < max_rounds) {
    ++row.rounds;
    LOCKSTEP_CHECK(drop_dentries(child.pid()));
    LOCKSTEP_ASSIGN(const Sample now, child.ask());
    row.after = now.err[0];
    row.entry_replaced = now.entry != before.entry;
    row.neighbour_replaced = row.neighbour_replaced || now.neighbour != before.neighbour;
  }
  return row;
}

std::string answer(int err) {
  return err == 0 ? "allow" : errno_name(err);
}

}  // namespace

const char* name(Pins pins) {
  return pins == Pins::none ? "none" : pins == Pins::kept ? "kept" : "closed";
}

const char* ReclaimRow::outcome() const {
  if (!achieved()) return "not achieved";
  if (before != 0) return after == before ? "stays denied" : "changed";
  return after == 0 ? "keeps working" : "lost";
}

Result<std::vector<ReclaimRow>> measure_reclaim(const KernelLandlock& kernel, const std::string& fixtures) {
  if (::geteuid() != 0) return unsupported_error(0, "--reclaim needs root: it drops the dentry cache of the machine");
  if (::access(drop_caches, W_OK) != 0)
    return unsupported_error(errno, std::string("--reclaim needs to write ") + drop_caches + ": " + errno_name(errno));
  std::vector<ReclaimRow> rows;
  for (const char* way : comm_ways) {
    LOCKSTEP_ASSIGN(const judge::Case source, case_of_way(way, fixtures));
    LOCKSTEP_ASSIGN(const EffectivePolicy effective, enrich(source.policy, source.context));
    LOCKSTEP_ASSIGN(const Plan plan, compile(effective, std::min(kernel.abi, newest_abi)));
    for (wire::IdentityKind identity : {wire::IdentityKind::user, wire::IdentityKind::container_root}) {
      for (const bool close_pins : {false, true}) {
        if (close_pins && rows.back().pins == Pins::none) continue;  // there is nothing to close
        LOCKSTEP_ASSIGN(ReclaimRow row, measure(way, plan, identity, close_pins));
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

std::string render(const std::vector<ReclaimRow>& rows) {
  char line[160];
  const auto format = [&](const char* way, const char* identity, const char* pins, const char* before,
                          const char* after, const char* replaced, const char* rounds, const char* outcome) {
    std::snprintf(line, sizeof(line), "%-25s %-15s %-7s %-7s %-7s %-9s %-7s %s\n", way, identity, pins, before, after,
                  replaced, rounds, outcome);
    return std::string(line);
  };
  std::string out = format("way", "identity", "pins", "before", "after", "replaced", "rounds", "");
  for (const ReclaimRow& row : rows)
    out += format(row.way.c_str(), std::string(wire::name(row.identity)).c_str(), name(row.pins),
                  answer(row.before).c_str(), answer(row.after).c_str(), row.entry_replaced ? "yes" : "no",
                  std::to_string(row.rounds).c_str(), row.outcome());
  const auto missed = std::count_if(rows.begin(), rows.end(), [](const ReclaimRow& row) { return !row.achieved(); });
  if (missed > 0)
    out += "skipped   " + std::to_string(missed) + " rows: not achieved, the kernel kept the entries for " +
           std::to_string(max_rounds) + " rounds\n";
  return out;
}

std::string to_json(const std::vector<ReclaimRow>& rows, const KernelLandlock& kernel) {
  Json out = {{"schema", "lockstep.reclaim/1"},
              {"kernel", kernel_version()},
              {"kernel_abi", kernel.abi},
              {"plan_abi", std::min(kernel.abi, newest_abi)},
              {"rows", Json::array()}};
  for (const ReclaimRow& row : rows)
    out["rows"].push_back({{"way", row.way},
                           {"identity", wire::name(row.identity)},
                           {"pins", name(row.pins)},
                           {"before", answer(row.before)},
                           {"after", answer(row.after)},
                           {"entry_replaced", row.entry_replaced},
                           {"neighbour_replaced", row.neighbour_replaced},
                           {"rounds", row.rounds},
                           {"outcome", row.outcome()}});
  return out.dump(1) + "\n";
}

}  // namespace lockstep::conformance::measure
