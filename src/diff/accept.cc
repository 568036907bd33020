#include "diff/accept.h"

#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "diff/settings.h"
#include "syntax/document.h"

namespace lockstep::diff {
namespace {

constexpr std::size_t file_limit = 1U << 20;
constexpr std::size_t most_said = 3;  // of the changes that one entry accepts a part of

// Whether the glob is about the path.
bool matches(const std::string& glob, const std::string& path) {
  if (!glob.ends_with("/**")) return ::fnmatch(glob.c_str(), path.c_str(), FNM_PATHNAME) == 0;
  const std::string top = glob.substr(0, glob.size() - 3);
  for (std::size_t end = path.size(); end != std::string::npos && end > 0; end = path.rfind('/', end - 1))
    if (::fnmatch(top.c_str(), path.substr(0, end).c_str(), FNM_PATHNAME) == 0) return true;
  return top.empty();
}

// A name for a place that nobody knows (what a process has open, another name of a hard link) is met by that name
// alone, or where every path is accepted: what is below /proc is procfs, and what /proc/self/fd/9 leads to is not.
bool meets(const std::string& glob, const PathChange& change) {
  if (change.exact) return glob == change.path || glob == "/**";
  return matches(glob, change.path);
}

// The path's own ** is no glob of fnmatch: it would be a * and no more.
bool is_well_formed(const std::string& glob) {
  const std::size_t stars = glob.find("**");
  return stars == std::string::npos || (stars > 0 && glob[stars - 1] == '/' && stars + 2 == glob.size());
}

// What of the glob is plain text: "/etc" of "/etc/*" and of "/etc/a*".
std::string plain_top(const std::string& glob) {
  const std::size_t special = std::min(glob.find_first_of("*?[\\"), glob.size());
  const std::size_t slash = glob.rfind('/', special);
  if (special == glob.size()) return glob;
  return slash == std::string::npos || slash == 0 ? "/" : glob.substr(0, slash);
}

// Why an entry meets no change, where one is near; empty: none is.
std::string hint_for(const Acceptance& entry, const std::vector<PathChange>& changes) {
  std::string out;
  const std::string top = plain_top(entry.path);
  for (const PathChange& change : changes) {
    if (change.gained.empty()) continue;
    const std::string path = printable(change.path);
    if (meets(entry.path, change))
      return "accepts none of the rights that " + path + " gains: " + join_names(change.gained, ", ");
    if (matches(entry.path, change.path))
      return "does not accept " + path + ", which leads to a place that is not known: write that very name";
    if (matches(entry.path, change.cause.rule))
      return "is met by an entry as it is spelt, and " + printable(change.cause.rule) + " leads to " + path +
             ": write " + path;
    if (!out.empty() || change.exact || !is_below(change.path, top) || (top == "/" && entry.path != "/*")) continue;
    out = "is met by no change: ";
    out += top == entry.path ? "it is that path alone" : "a star is one component";
    out += ", and the change begins at " + path + ": write " + path +
           (top == "/" ? "" : ", or " + printable(top) + "/** for " + printable(top) + " and everything below it");
  }
  return out;
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
  if (out.find_first_not_of(" \t\r\n") == std::string::npos) return fail(*node, std::string(key) + " is empty");
  return out;
}

Result<std::string> Reader::day(const Node& entry) const {
  LOCKSTEP_ASSIGN(std::string out, text(entry, "expires"));
  bool shaped = out.size() == 10;
  for (std::size_t i = 0; i < out.size() && shaped; ++i)
    shaped = i == 4 || i == 7 ? out[i] == '-' : out[i] >= '0' && out[i] <= '9';
  const auto number = [&](std::size_t at, std::size_t digits) {
    return shaped ? std::stoi(out.substr(at, digits)) : 0;
  };
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  if (!shaped || !date.ok())
    return fail(*entry.find("expires"), "expires: write a day as YYYY-MM-DD, not \"" + shortened(out) + "\"");
  return out;
}

Result<Acceptance> Reader::entry(const Node& node) const {
  LOCKSTEP_CHECK(
      check_keys(node, file_, "an accepted change", {"path", "rights", "change", "is", "reason", "expires"}));
  Acceptance out;
  out.line = node.line;
  const Node* path = node.find("path");
  const Node* change = node.find("change");
  if ((path == nullptr) == (change == nullptr))
    return fail(node, "an accepted change has either path and rights, or change");
  if (change != nullptr) {
    if (node.find("rights") != nullptr) return fail(node, "rights go with path, not with change");
    LOCKSTEP_ASSIGN(out.change, text(node, "change"));
    if (std::find(setting_codes.begin(), setting_codes.end(), out.change) == setting_codes.end())
      return fail(*change, "change: no setting is called " + shortened(out.change) + ": write one of " +
                               join({setting_codes.begin(), setting_codes.end()}, ", "));
    if (node.find("is") == nullptr)
      return fail(node,
                  "an accepted change of a setting needs is: its message, as the text format of lockstep "
                  "diff shows it");
    LOCKSTEP_ASSIGN(out.is, text(node, "is"));
  } else {
    if (const Node* is = node.find("is")) return fail(*is, "is goes with change, not with path");
    LOCKSTEP_ASSIGN(out.path, text(node, "path"));
    if (out.path[0] != '/' && out.path[0] != '*')
      return fail(*path, "path: write an absolute path or a glob, not \"" + shortened(out.path) + "\"");
    if (!is_well_formed(out.path))
      return fail(*path, "path: ** stands at the end alone, as in /srv/** (the directory and all below it), not in \"" +
                             shortened(out.path) + "\"");
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
  // As where main has none yet: `git show origin/main:allow.yaml` wrote nothing.
  if (content.find_first_not_of(" \t\r\n") == std::string::npos) return std::vector<Acceptance>();
  LOCKSTEP_ASSIGN(const Node root, parse_document(content, file));
  LOCKSTEP_CHECK(check_root(root, file, "a file of accepted changes", "write accepted: [] for none", {"accepted"}));
  const Node* list = root.find("accepted");
  if (list == nullptr || list->kind != Node::Kind::sequence)
    return input_error(file, root.line, "write a list of changes under accepted");
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
    std::vector<Acceptance*> by;
    for (Acceptance& entry : entries) {
      if (entry.path.empty() || entry.expires < today || !entry.rights.intersects(change.gained)) continue;
      if (!meets(entry.path, change)) continue;
      accepted |= entry.rights;
      entry.used = true;
      by.push_back(&entry);
      reasons += (reasons.empty() ? "" : "; ") + printable(entry.reason);
    }
    const AccessSet rest = change.gained - accepted;
    if (rest.empty()) change.accepted = reasons;
    for (Acceptance* entry : by)
      if (!rest.empty())
        entry->partly.push_back("accepts " + join_names(entry->rights & change.gained, ", ") + " of " +
                                printable(change.path) + ", and the change has more: " + join_names(rest, ", "));
  }
  for (Acceptance& entry : entries)
    if (!entry.path.empty() && !entry.used) entry.hint = hint_for(entry, diff->changes);
  for (SettingChange& change : diff->settings) {
    if (change.kind < Class::weakening) continue;
    for (Acceptance& entry : entries) {
      if (entry.change != change.code || entry.expires < today) continue;
      if (entry.is != change.message && entry.is != printable(change.message)) {
        entry.instead = change.message;
        continue;
      }
      entry.used = true;
      change.accepted = printable(entry.reason);
    }
  }
}

std::vector<std::string> idle_entries(const std::vector<Acceptance>& entries, const std::string& today) {
  std::vector<std::string> out;
  for (const Acceptance& entry : entries) {
    const std::string line = "line " + std::to_string(entry.line) + ": ";
    const std::string what = printable(entry.path.empty() ? entry.change : entry.path);
    if (entry.expires < today) {
      out.push_back(line + what + " expired on " + entry.expires + " and accepts nothing");
    } else if (!entry.used && !entry.instead.empty()) {
      out.push_back(line + what + " accepts nothing: the change is \"" + printable(entry.instead) + "\", not \"" +
                    shortened(entry.is) + "\"");
    } else if (!entry.used && !entry.hint.empty()) {
      out.push_back(line + what + " " + entry.hint);
    } else if (!entry.used) {
      out.push_back(line + what + " is met by no change: take it out");
    }
    for (std::size_t i = 0; i < entry.partly.size() && i < most_said; ++i) out.push_back(line + entry.partly[i]);
    if (entry.partly.size() > most_said)
      out.push_back(line + "and so with " + std::to_string(entry.partly.size() - most_said) + " more changes");
  }
  return out;
}

std::string today() {
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
  char out[40];
  std::snprintf(out, sizeof(out), "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()));
  return out;
}

}  // namespace lockstep::diff
