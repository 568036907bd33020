// What a worker says to its driver.

#include "conformance/prove/prove.h"
#include "syntax/json.h"

namespace lockstep::conformance::prove {

void Tally::add(const Tally& other) {
  pairs += other.pairs, trees += other.trees, attempts += other.attempts, confirmed += other.confirmed;
  for (std::size_t i = 0; i < observed.size(); ++i) observed[i] += other.observed[i];
  for (std::size_t i = 0; i < changes.size(); ++i) changes[i] += other.changes[i];
  for (const auto& [why, count] : other.unseen) unseen[why] += count;
  not_tried.insert(other.not_tried.begin(), other.not_tried.end());
  found.insert(found.end(), other.found.begin(), other.found.end());
}

std::string to_json(const Tally& tally) {
  Json found = Json::array();
  for (const Found& each : tally.found)
    found.push_back({static_cast<int>(each.fault), each.words, each.text, each.json});
  const Json out = {{"pairs", tally.pairs},       {"trees", tally.trees},         {"attempts", tally.attempts},
                    {"observed", tally.observed}, {"changes", tally.changes},     {"confirmed", tally.confirmed},
                    {"unseen", tally.unseen},     {"not_tried", tally.not_tried}, {"found", found}};
  return out.dump();
}

Result<Tally> tally_from_json(const std::string& line) {
  try {
    const Json read = Json::parse(line);
    Tally out;
    for (const auto& [key, count] : {std::pair("pairs", &out.pairs),
                                     {"trees", &out.trees},
                                     {"attempts", &out.attempts},
                                     {"confirmed", &out.confirmed}})
      *count = read.at(key).get<std::uint64_t>();
    for (std::size_t i = 0; i < out.observed.size(); ++i) out.observed[i] = read.at("observed").at(i);
    for (std::size_t i = 0; i < out.changes.size(); ++i) out.changes[i] = read.at("changes").at(i);
    for (const auto& [why, count] : read.at("unseen").entries()) out.unseen[why] = count;
    out.not_tried = read.at("not_tried").get<std::set<std::string>>();
    for (const Json& each : read.at("found"))
      out.found.push_back({static_cast<Fault>(each.at(0).get<int>()), each.at(1), each.at(2), each.at(3)});
    return out;
  } catch (const JsonError& error) {
    return internal_error(std::string("a worker's line: ") + error.what());
  }
}

}  // namespace lockstep::conformance::prove
