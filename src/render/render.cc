#include "render/render.h"

#include <algorithm>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

namespace lockstep::render {
namespace {

constexpr std::size_t most_annotations = 10;  // GitHub shows no more of a step

// "write_file, truncate (ABI 3)": which ABI brought the right.
std::string with_abis(AccessSet rights) {
  if (rights == abi_info(newest_abi)->fs) return "every right";
  std::string out;
  for (int bit = 0; bit < right_count; ++bit) {
    const auto right = static_cast<Right>(bit);
    if (!rights.contains(right)) continue;
    const int first = feature_info(right).first_abi;
    out.append(out.empty() ? "" : ", ").append(name(right));
    if (first > oldest_abi) out += " (ABI " + std::to_string(first) + ")";
  }
  return out;
}

std::string cause_text(const diff::Cause& cause) {
  if (cause.line > 0) return printable(cause.file) + ":" + std::to_string(cause.line) + ": " + printable(cause.rule);
  const std::string who =
      cause.origin == Origin::workdir ? "include_workdir" : "the " + std::string(name(cause.origin));
  return who + ": " + printable(cause.rule);
}

std::string headline(const diff::Diff& diff) {
  std::string out = std::string(diff::name(diff.worst()));
  if (diff.worst() == diff::Class::both) out = "widening and narrowing";
  out += ", compared in " + std::to_string(diff.situations.size()) +
         (diff.situations.size() == 1 ? " situation" : " situations");
  out += diff.abi == 0 ? " at every ABI" : " at ABI " + std::to_string(diff.abi);
  return out + (diff.by_object ? ", paths as objects of this machine" : ", paths as they are spelt");
}

// A host is called as its file is: whatever somebody named that.
std::string place(const diff::Diff& diff, const std::vector<std::size_t>& situations) {
  return printable(diff::where(diff, situations));
}

// What both lists say below their first line.
std::string details(const diff::Diff& diff, const std::vector<std::size_t>& situations, const std::string& accepted) {
  std::string out = situations.empty() ? "" : "      " + place(diff, situations) + "\n";
  if (!accepted.empty()) out += "      accepted: " + accepted + "\n";
  return out;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// A code span, for text of one line: the one place where GitHub looks for no mention, link, emoji, formula, issue or
// entity. Escaped, or written as entities, they are still found: GitHub looks for them in what the markup became.
std::string code(std::string_view text) {
  std::size_t longest = 0, run = 0;
  for (const char c : text) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
  const std::string fence(longest + 1, '`');
  const auto edge = [](char c) { return c == '`' || c == ' '; };
  const char* pad = !text.empty() && (edge(text.front()) || edge(text.back())) ? " " : "";
  return fence + pad + std::string(text) + pad + fence;
}

// Prose with foreign words in it: every word that is more than letters, or a number, stands in a code span.
std::string markdown(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80 || c == '-' ||
           c == '\'';
  };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    std::string_view word = text.substr(at, end - at);
    const std::size_t opens = std::min(word.find_first_not_of('('), word.size());
    out += word.substr(0, opens);
    word.remove_prefix(opens);
    const std::size_t last = word.find_last_not_of(").,;:");
    const std::string_view core = word.substr(0, last == std::string_view::npos ? 0 : last + 1);
    const bool plain = std::all_of(core.begin(), core.end(), letter) || std::all_of(core.begin(), core.end(), digit);
    out += plain ? std::string(core) : code(core);
    out += word.substr(core.size());
    if (end < text.size()) out += ' ';
    at = end + 1;
  }
  return out;
}

// A cell of a table ends at a bar, in a code span too.
std::string cell(const std::string& markup) {
  std::string out = " ";
  for (const char c : markup) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out + " |";
}

std::string cause_markdown(const diff::Cause& cause) {
  if (cause.line > 0) return code(cause_text(cause));
  return code(printable(cause.rule)) + markdown(" by the " + std::string(name(cause.origin)));
}

std::string escaped(std::string_view text, std::string_view also) {
  std::string out;
  for (const char c : text) {
    if (c == '%' || c == '\r' || c == '\n' || also.find(c) != std::string_view::npos) {
      char code[4];
      std::snprintf(code, sizeof(code), "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += code;
    } else {
      out += c;
    }
  }
  return out;
}

std::string annotation(const char* level, const std::string& file, int line, const std::string& title,
                       const std::string& message) {
  return std::string("::") + level + " file=" + github_property(printable(file)) +
         ",line=" + std::to_string(std::max(line, 1)) + ",title=" + github_property(title) +
         "::" + github_message(message) + "\n";
}

}  // namespace

std::string title(const diff::PathChange& change) {
  std::string out = printable(change.path);
  if (!change.gained.empty()) out += " gains " + with_abis(change.gained);
  if (!change.lost.empty())
    out += std::string(change.gained.empty() ? "" : " and") + " loses " + with_abis(change.lost);
  return out;
}

std::string github_message(std::string_view text) {
  return escaped(text, "");
}
std::string github_property(std::string_view text) {
  return escaped(text, ":,");
}

std::string diff_text(const diff::Diff& diff, const std::vector<std::string>& notes) {
  std::string out = printable(diff.old_file) + " -> " + printable(diff.new_file) + ": " + headline(diff) + "\n";
  for (const diff::PathChange& change : diff.changes) {
    out += "\n  " + printable(change.path) + "\n";
    if (!change.gained.empty()) out += "    + " + with_abis(change.gained) + "\n";
    if (!change.lost.empty()) out += "    - " + with_abis(change.lost) + "\n";
    if (!change.consequence.empty()) out += "      " + change.consequence + "\n";
    out += "      by " + cause_text(change.cause) + "\n" + details(diff, change.situations, change.accepted);
  }
  if (!diff.settings.empty()) out += "\n";
  for (const diff::SettingChange& change : diff.settings)
    out += "  " + std::string(diff::name(change.kind)) + " (" + change.code + "): " + one_line(change.message) + "\n" +
           details(diff, change.situations, change.accepted);
  if (!notes.empty()) out += "\n";
  for (const std::string& note : notes) out += "note: " + note + "\n";
  return out;
}

std::string diff_markdown(const diff::Diff& diff, const std::vector<std::string>& notes) {
  std::string out = "### Policy change: " + headline(diff) + "\n\n";
  if (diff.changes.empty() && diff.settings.empty()) out += "Nothing is gained and nothing is lost.\n";
  if (!diff.changes.empty())
    out += "| path | gains | loses | what it means | where | by |\n|---|---|---|---|---|---|\n";
  for (const diff::PathChange& change : diff.changes) {
    std::string means = change.consequence;
    if (!change.accepted.empty()) means += (means.empty() ? "" : "; ") + ("accepted: " + change.accepted);
    out += "|" + cell(code(printable(change.path))) + cell(markdown(with_abis(change.gained))) +
           cell(markdown(with_abis(change.lost))) + cell(markdown(means)) +
           cell(markdown(place(diff, change.situations))) + cell(cause_markdown(change.cause)) + "\n";
  }
  if (!diff.settings.empty()) out += "\n";
  for (const diff::SettingChange& change : diff.settings) {
    out += "- **" + std::string(diff::name(change.kind)) + "** " + markdown(change.message);
    if (!change.situations.empty()) out += " (" + markdown(place(diff, change.situations)) + ")";
    out += (change.accepted.empty() ? "" : " (accepted: " + markdown(change.accepted) + ")") + "\n";
  }
  if (!notes.empty()) out += "\n";
  for (const std::string& note : notes) out += "- note: " + markdown(note) + "\n";
  return out;
}

std::string diff_github(const diff::Diff& diff, const std::vector<std::string>& notes) {
  struct Line {
    bool stops;
    int line;  // a cause in the old file cannot be shown at a line of the new one
    std::string title, message;
  };
  const auto accepted = [](const std::string& reason) { return reason.empty() ? "" : " (accepted: " + reason + ")"; };
  std::vector<Line> lines;
  for (const diff::SettingChange& change : diff.settings) {
    const std::string at = change.situations.empty() ? "" : ", " + place(diff, change.situations);
    lines.push_back({change.kind >= diff::Class::weakening && change.accepted.empty(), change.line,
                     "policy: " + std::string(diff::name(change.kind)),
                     one_line(change.message) + at + accepted(change.accepted)});
  }
  for (const diff::PathChange& change : diff.changes) {
    const bool gains = !change.gained.empty();
    std::string message = title(change) + ", " + place(diff, change.situations) + ", by " + cause_text(change.cause);
    if (!change.consequence.empty()) message += ": " + change.consequence;
    lines.push_back({gains && change.accepted.empty(), gains ? change.cause.line : 0,
                     gains ? "policy widened" : "policy narrowed", message + accepted(change.accepted)});
  }
  std::stable_partition(lines.begin(), lines.end(), [](const Line& line) { return line.stops; });
  std::string out, rest;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Line& each = lines[i];
    const char* level = each.stops ? "error" : "notice";
    if (i < most_annotations)
      out += annotation(level, diff.new_file, each.line, each.title, each.message);
    else
      rest += std::string(level) + ": " + each.title + ": " + one_line(each.message) + "\n";
  }
  if (lines.size() > most_annotations)
    out += annotation(
               "notice", diff.new_file, 1, "policy",
               std::to_string(lines.size() - most_annotations) + " more changes: in the log, below the annotations") +
           rest;
  for (const std::string& note : notes) out += "::warning ::" + github_message(note) + "\n";
  return out + headline(diff) + "\n";
}

}  // namespace lockstep::render
