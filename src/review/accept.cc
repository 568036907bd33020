#include "review/accept.h"

#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "policy/document.h"
#include "review/settings.h"

namespace lockstep::review {
namespace {

constexpr std::size_t file_limit = 1U << 20;
constexpr std::string_view and_below = "/**";

// With and_below the directory itself, or any above the path, meets what stands before it.
bool meets(std::string_view glob, const std::string& path) {
  const auto is_met = [](std::string_view pattern, const std::string& by) {
    return ::fnmatch(std::string(pattern).c_str(), by.c_str(), FNM_PATHNAME) == 0;
  };
  if (!glob.ends_with(and_below)) return is_met(glob, path);
  glob.remove_suffix(and_below.size());
  if (glob.empty()) return true;
  for (std::size_t end = path.size(); end != 0 && end != std::string::npos; end = path.rfind('/', end - 1))
    if (is_met(glob, path.substr(0, end))) return true;
  return false;
}

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}
  Result<Acceptance> entry(const Node& node) const;

 private:
  Error fail(const Node& node, std::string message) const { return input_error(file_, node.line, std::move(message)); }
  Result<std::string> text(const Node& entry, const char* key) const;
  Result<std::string> day(const Node& entry) const;

  const std::string& file_;
};

Result<std::string> Reader::text(const Node& entry, const char* key) const {
  const Node* node = entry.find(key);
  if (node == nullptr) return fail(entry, std::string("an accepted change needs ") + key);
  LOCKSTEP_ASSIGN(std::string out, read_string(*node, file_, key));
  if (out.empty()) return fail(*node, std::string(key) + " is empty");
  return out;
}

Result<std::string> Reader::day(const Node& entry) const {
  LOCKSTEP_ASSIGN(std::string out, text(entry, "expires"));
  bool shaped = out.size() == 10;
  for (std::size_t i = 0; i < out.size() && shaped; ++i) shaped = i == 4 || i == 7 ? out[i] == '-' : out[i] >= '0' && out[i] <= '9';
  const auto number = [&](std::size_t at, std::size_t digits) { return shaped ? std::stoi(out.substr(at, digits)) : 0; };
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)}, std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  if (!shaped || !date.ok()) return fail(*entry.find("expires"), "expires: write a day as YYYY-MM-DD, not \"" + shortened(out) + "\"");
  return out;
}

Result<Acceptance> Reader::entry(const Node& node) const {
  LOCKSTEP_CHECK(check_keys(node, file_, "an accepted change", {"path", "rights", "change", "reason", "expires"}));
  Acceptance out;
  out.line = node.line;
  const Node* path = node.find("path");
  const Node* change = node.find("change");
  if ((path == nullptr) == (change == nullptr)) return fail(node, "an accepted change has either path and rights, or change");
  if (change != nullptr) {
    if (node.find("rights") != nullptr) return fail(node, "rights go with path, not with change");
    LOCKSTEP_ASSIGN(out.change, text(node, "change"));
    if (std::find(setting_codes.begin(), setting_codes.end(), out.change) == setting_codes.end())
      return fail(*change, "change: no setting is called " + shortened(out.change) + ": write one of " + join({setting_codes.begin(), setting_codes.end()}, ", "));
  } else {
    LOCKSTEP_ASSIGN(out.path, text(node, "path"));
    if (out.path[0] != '/' && out.path[0] != '*') return fail(*path, "path: write an absolute path or a glob, not \"" + shortened(out.path) + "\"");
    const std::size_t stars = out.path.find("**");
    if (stars != std::string::npos && (!out.path.ends_with(and_below) || stars + 2 != out.path.size()))
      return fail(*path, "path: ** stands at the end alone, as in /srv/** (the directory and all below it), not in \"" + shortened(out.path) + "\"");
    const Node* rights = node.find("rights");
    if (rights == nullptr) return fail(node, "an accepted change needs rights");
    LOCKSTEP_ASSIGN(out.rights, read_rights(*rights, file_, "rights"));
  }
  LOCKSTEP_ASSIGN(out.reason, text(node, "reason"));
  LOCKSTEP_ASSIGN(out.expires, day(node));
  return out;
}

}  // namespace

Result<std::vector<Acceptance>> load_acceptances(const std::string& file) {
  LOCKSTEP_ASSIGN(const std::string content, read_input_file(file, file_limit));
  LOCKSTEP_ASSIGN(const Node root, parse_document(content, file));
  LOCKSTEP_CHECK(check_keys(root, file, "the file of accepted changes", {"accepted"}));
  const Node* list = root.find("accepted");
  if (list == nullptr || list->kind != Node::Kind::sequence) return input_error(file, root.line, "write a list of changes under accepted");
  std::vector<Acceptance> out;
  for (const Node& node : list->items) {
    LOCKSTEP_ASSIGN(Acceptance entry, Reader(file).entry(node));
    out.push_back(std::move(entry));
  }
  return out;
}

void accept(std::vector<Acceptance>& entries, const std::string& today, Diff* diff) {
  for (PathChange& change : diff->changes) {
    if (change.gained.empty()) continue;
    AccessSet accepted;
    std::string reasons;
    for (Acceptance& entry : entries) {
      if (entry.path.empty() || entry.expires < today || !entry.rights.intersects(change.gained)) continue;
      if (!meets(entry.path, change.path)) continue;
      accepted |= entry.rights;
      entry.used = true;
      reasons += (reasons.empty() ? "" : "; ") + printable(entry.reason);
    }
    if (accepted.contains(change.gained)) change.accepted = reasons;
  }
  for (SettingChange& change : diff->settings) {
    if (change.kind < Class::weakening) continue;
    for (Acceptance& entry : entries) {
      if (entry.change != change.code || entry.expires < today) continue;
      entry.used = true;
      change.accepted = printable(entry.reason);
    }
  }
}

std::vector<std::string> idle_entries(const std::vector<Acceptance>& entries, const std::string& today) {
  std::vector<std::string> out;
  for (const Acceptance& entry : entries) {
    const std::string what = printable(entry.path.empty() ? entry.change : entry.path);
    if (entry.expires < today) {
      out.push_back("line " + std::to_string(entry.line) + ": " + what + " expired on " + entry.expires + " and accepts nothing");
    } else if (!entry.used) {
      out.push_back("line " + std::to_string(entry.line) + ": " + what + " is met by no change: take it out");
    }
  }
  return out;
}

std::string today() {
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
  char out[40];
  std::snprintf(out, sizeof(out), "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return out;
}

}  // namespace lockstep::review
