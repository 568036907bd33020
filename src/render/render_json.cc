// The two formats for programs.
#include <algorithm>

#include "render/render.h"
#include "render/sarif.h"
#include "syntax/json.h"
#include "syntax/json_text.h"

namespace lockstep::render {
namespace {

Json list_of(const std::vector<std::size_t>& situations, const diff::Diff& diff) {
  Json out = Json::array();
  for (std::size_t i = 0; i < diff.situations.size(); ++i)
    if (situations.empty() || std::binary_search(situations.begin(), situations.end(), i)) out.push_back(i);
  return out;
}

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}
Json or_null(int line) {
  return line > 0 ? Json(line) : Json(nullptr);
}

std::string_view toggle_name(Toggle toggle) {
  return toggle == Toggle::on ? "on" : toggle == Toggle::off ? "off" : "auto";
}

}  // namespace

std::string diff_json(const diff::Diff& diff, const std::vector<std::string>& notes) {
  Json out;
  out["schema"] = "lockstep.diff/1";
  out["old"] = json_text(diff.old_file);
  out["new"] = json_text(diff.new_file);
  out["class"] = diff::name(diff.worst());
  out["stops"] = diff.stops();
  out["paths"] = diff.by_object ? "by object" : "by spelling";
  out["abi"] = diff.abi == 0 ? Json("all") : Json(diff.abi);
  out["situations"] = Json::array();
  for (std::size_t i = 0; i < diff.situations.size(); ++i) {
    const diff::Situation& each = diff.situations[i];
    out["situations"].push_back({{"host", json_text(each.host)},
                                 {"source", name(each.context.source)},
                                 {"proxy", toggle_name(each.context.proxy)},
                                 {"as_written", each.as_written},
                                 {"class", diff::name(diff.worst_in(i))}});
  }
  out["changes"] = Json::array();
  for (const diff::PathChange& change : diff.changes)
    out["changes"].push_back({{"path", json_text(change.path)},
                              {"gained", names(change.gained)},
                              {"lost", names(change.lost)},
                              {"danger", change.gained.empty() ? Json(nullptr) : Json(change.danger)},
                              {"consequence", or_null(change.consequence)},
                              {"where", json_text(diff::where(diff, change.situations))},
                              {"situations", list_of(change.situations, diff)},
                              {"cause",
                               {{"file", json_text(change.cause.file)},
                                {"line", or_null(change.cause.line)},
                                {"rule", or_null(json_text(change.cause.rule))},
                                {"origin", name(change.cause.origin)}}},
                              {"accepted", or_null(change.accepted)}});
  out["settings"] = Json::array();
  for (const diff::SettingChange& change : diff.settings)
    out["settings"].push_back({{"class", diff::name(change.kind)},
                               {"code", change.code},
                               {"message", change.message},
                               {"line", or_null(change.line)},
                               {"situations", list_of(change.situations, diff)},
                               {"accepted", or_null(change.accepted)}});
  out["notes"] = notes;
  return json_document(out);
}

std::string diff_sarif(const diff::Diff& diff) {
  Sarif sarif;
  for (const diff::PathChange& change : diff.changes) {
    const bool gains = !change.gained.empty();
    std::string message = title(change);
    message += " (" + printable(diff::where(diff, change.situations)) + ")";
    if (!change.consequence.empty()) message += ": " + change.consequence;
    if (!change.accepted.empty()) message += ". Accepted: " + change.accepted;
    sarif.add(gains ? "policy-widened" : "policy-narrowed",
              gains ? "A policy change allows more than before" : "A policy change allows less than before",
              gains && change.accepted.empty() ? "error" : "note", diff.new_file, gains ? change.cause.line : 0,
              message);
  }
  for (const diff::SettingChange& change : diff.settings)
    sarif.add("policy-" + change.code, "A policy change that names no path: " + change.code,
              change.kind >= diff::Class::weakening && change.accepted.empty() ? "error" : "note", diff.new_file,
              change.line, change.message);
  return sarif.document("lockstep diff");
}

}  // namespace lockstep::render
