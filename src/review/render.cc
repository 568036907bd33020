#include "review/render.h"

#include <algorithm>

#include "landlock/abi.h"

namespace lockstep::review {
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

std::string cause_text(const Cause& cause) {
  if (cause.line > 0) return printable(cause.file) + ":" + std::to_string(cause.line) + ": " + printable(cause.rule);
  const std::string who = cause.origin == Origin::workdir ? "include_workdir" : "the " + std::string(name(cause.origin));
  return who + ": " + printable(cause.rule);
}

std::string headline(const Diff& diff) {
  std::string out = std::string(name(diff.worst()));
  if (diff.worst() == Class::both) out = "widening and narrowing";
  out += ", compared in " + std::to_string(diff.situations.size()) + (diff.situations.size() == 1 ? " situation" : " situations");
  out += diff.abi == 0 ? " at every ABI" : " at ABI " + std::to_string(diff.abi);
  return out + (diff.by_object ? ", paths as objects of this machine" : ", paths as they are spelt");
}


// What both lists say below their first line.
std::string details(const Diff& diff, const std::vector<std::size_t>& situations, const std::string& accepted) {
  std::string out = situations.empty() ? "" : "      " + where(diff, situations) + "\n";
  if (!accepted.empty()) out += "      accepted: " + accepted + "\n";
  return out;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// No cell of a table may end it, and no path may be read as markup.
std::string markdown(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += ' ';
      continue;
    }
    if (std::string_view("\\`*_{}[]<>()#|!~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
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

std::string annotation(const char* level, const std::string& file, int line, const std::string& title, const std::string& message) {
  return std::string("::") + level + " file=" + github_property(file) + ",line=" + std::to_string(std::max(line, 1)) +
         ",title=" + github_property(title) + "::" + github_message(message) + "\n";
}

}  // namespace

std::string title(const PathChange& change) {
  std::string out = printable(change.path);
  if (!change.gained.empty()) out += " gains " + with_abis(change.gained);
  if (!change.lost.empty()) out += std::string(change.gained.empty() ? "" : " and") + " loses " + with_abis(change.lost);
  return out;
}

std::string github_message(std::string_view text) { return escaped(text, ""); }
std::string github_property(std::string_view text) { return escaped(text, ":,"); }

std::string diff_text(const Diff& diff, const std::vector<std::string>& notes) {
  std::string out = printable(diff.old_file) + " -> " + printable(diff.new_file) + ": " + headline(diff) + "\n";
  for (const PathChange& change : diff.changes) {
    out += "\n  " + printable(change.path) + "\n";
    if (!change.gained.empty()) out += "    + " + with_abis(change.gained) + "\n";
    if (!change.lost.empty()) out += "    - " + with_abis(change.lost) + "\n";
    if (!change.consequence.empty()) out += "      " + change.consequence + "\n";
    out += "      by " + cause_text(change.cause) + "\n" + details(diff, change.situations, change.accepted);
  }
  if (!diff.settings.empty()) out += "\n";
  for (const SettingChange& change : diff.settings)
    out += "  " + std::string(name(change.kind)) + " (" + change.code + "): " + change.message + "\n" + details(diff, change.situations, change.accepted);
  if (!notes.empty()) out += "\n";
  for (const std::string& note : notes) out += "note: " + note + "\n";
  return out;
}

std::string diff_markdown(const Diff& diff, const std::vector<std::string>& notes) {
  std::string out = "### Policy change: " + markdown(headline(diff)) + "\n\n";
  if (diff.changes.empty() && diff.settings.empty()) return out + "Nothing is gained and nothing is lost.\n";
  if (!diff.changes.empty()) out += "| path | gains | loses | what it means | where | by |\n|---|---|---|---|---|---|\n";
  for (const PathChange& change : diff.changes) {
    std::string means = change.consequence;
    if (!change.accepted.empty()) means += (means.empty() ? "" : "; ") + ("accepted: " + change.accepted);
    out += "| " + markdown(printable(change.path)) + " | " + markdown(with_abis(change.gained)) + " | " + markdown(with_abis(change.lost)) + " | " +
           markdown(means) + " | " + markdown(where(diff, change.situations)) + " | " + markdown(cause_text(change.cause)) + " |\n";
  }
  if (!diff.settings.empty()) out += "\n";
  for (const SettingChange& change : diff.settings) {
    out += "- **" + std::string(name(change.kind)) + "** " + markdown(change.message);
    if (!change.situations.empty()) out += " (" + markdown(where(diff, change.situations)) + ")";
    out += (change.accepted.empty() ? "" : " (accepted: " + markdown(change.accepted) + ")") + "\n";
  }
  if (!notes.empty()) out += "\n";
  for (const std::string& note : notes) out += "- note: " + markdown(note) + "\n";
  return out;
}

std::string diff_github(const Diff& diff, const std::vector<std::string>& notes) {
  std::vector<std::string> lines;
  for (const PathChange& change : diff.changes) {
    const bool gains = !change.gained.empty();
    // A cause in the old file cannot be shown at a line of the new one.
    const int line = gains ? change.cause.line : 0;
    std::string message = title(change) + ", " + where(diff, change.situations) + ", by " + cause_text(change.cause);
    if (!change.consequence.empty()) message += ": " + change.consequence;
    if (!change.accepted.empty()) message += " (accepted: " + change.accepted + ")";
    lines.push_back(annotation(gains && change.accepted.empty() ? "error" : "notice", diff.new_file, line, gains ? "policy widened" : "policy narrowed", message));
  }
  for (const SettingChange& change : diff.settings) {
    const bool stops = change.kind >= Class::weakening && change.accepted.empty();
    lines.push_back(annotation(stops ? "error" : "notice", diff.new_file, change.line, "policy: " + std::string(name(change.kind)), one_line(change.message)));
  }
  std::stable_partition(lines.begin(), lines.end(), [](const std::string& line) { return line.starts_with("::error"); });
  std::string out;
  for (std::size_t i = 0; i < lines.size() && i < most_annotations; ++i) out += lines[i];
  if (lines.size() > most_annotations) out += annotation("notice", diff.new_file, 1, "policy", std::to_string(lines.size() - most_annotations) + " more changes: see the log");
  for (const std::string& note : notes) out += "::warning ::" + github_message(note) + "\n";
  return out + headline(diff) + "\n";
}

}  // namespace lockstep::review
