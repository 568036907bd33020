#include "review/fix.h"

#include <algorithm>
#include <optional>

#include "review/diff.h"

namespace lockstep::review {
namespace {

struct Line {
  std::string text;                    // with its line end
  std::optional<std::string> instead;  // "": it goes
};

// "  - /usr/  # why": the pieces of an entry that is a line of its own.
struct Item {
  std::string_view indent, dash, quote, path, tail, end;
};

std::optional<Item> item_of(std::string_view line) {
  Item out;
  const std::size_t dash = line.find_first_not_of(' ');
  if (dash == std::string_view::npos || line[dash] != '-') return std::nullopt;
  const std::size_t start = line.find_first_not_of(' ', dash + 1);
  if (start == std::string_view::npos || start == dash + 1) return std::nullopt;
  const std::size_t end = std::min(line.find_last_not_of("\r\n") + 1, line.size());
  out.indent = line.substr(0, dash);
  out.dash = line.substr(dash, start - dash);
  out.end = line.substr(end);
  line = line.substr(start, end - start);
  if (line.empty()) return std::nullopt;
  std::size_t stop = line.size();
  if (line[0] == '"' || line[0] == '\'') {
    out.quote = line.substr(0, 1);
    stop = line.find(line[0], 1);
    if (stop == std::string_view::npos) return std::nullopt;
    out.path = line.substr(1, stop - 1);
    if (out.path.find('\\') != std::string_view::npos) return std::nullopt;  // an escape
    ++stop;
  } else {
    stop = std::min(line.find(" #"), line.size());
    while (stop > 0 && line[stop - 1] == ' ') --stop;
    out.path = line.substr(0, stop);
  }
  out.tail = line.substr(stop);
  const std::size_t rest = out.tail.find_first_not_of(' ');
  if (rest != std::string_view::npos && (rest == 0 || out.tail[rest] != '#')) return std::nullopt;
  return out.path.starts_with('/') ? std::optional(out) : std::nullopt;
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.push_back({std::string(text.substr(0, end)), std::nullopt});
    text.remove_prefix(end);
  }
  return out;
}

// False where the finding's entry is no line of its own.
bool edit(std::vector<Line>& lines, const Finding& finding) {
  if (finding.line <= 0 || static_cast<std::size_t>(finding.line) > lines.size()) return false;
  Line& line = lines[static_cast<std::size_t>(finding.line) - 1];
  const std::optional<Item> item = item_of(line.text);
  if (!item || normalise_path(item->path) != finding.path) return false;
  const auto joined = [](std::initializer_list<std::string_view> pieces) {
    std::string out;
    for (const std::string_view piece : pieces) out += piece;
    return out;
  };
  if (finding.id == "spelling") {
    if (!line.instead)
      line.instead =
          joined({item->indent, item->dash, item->quote, finding.path, item->quote, item->tail, item->end});
    return true;
  }
  const std::size_t comment = item->tail.find('#');
  line.instead =
      comment == std::string_view::npos ? "" : joined({item->indent, item->tail.substr(comment), item->end});
  return true;
}

// A list whose every entry goes is written [].
bool close_empty_lists(std::vector<Line>& lines) {
  for (std::size_t key = 0; key < lines.size(); ++key) {
    std::string& text = lines[key].text;
    const std::size_t word = text.find_first_not_of(' ');
    if (word == std::string::npos) continue;
    const std::size_t colon = text.find(':', word);
    const std::string name = colon == std::string::npos ? "" : text.substr(word, colon - word);
    if (name != "read_only" && name != "read_write") continue;
    const std::size_t behind = text.find_first_not_of(' ', colon + 1);
    if (behind != std::string::npos && text[behind] != '#' && text[behind] != '\n' && text[behind] != '\r')
      continue;
    bool went = false, stays = false;
    for (std::size_t i = key + 1; i < lines.size() && !stays; ++i) {
      const std::size_t first = lines[i].text.find_first_not_of(" \r\n");
      if (first == std::string::npos || lines[i].text[first] == '#') continue;
      if (lines[i].text[first] != '-' || first < word) break;  // the next key
      (lines[i].instead && !item_of(*lines[i].instead) ? went : stays) = true;
    }
    if (went && !stays) lines[key].instead = text.substr(0, colon + 1) + " []" + text.substr(colon + 1);
  }
  return true;
}

std::string patched(const std::vector<Line>& lines) {
  std::string out;
  for (const Line& line : lines) out += line.instead ? *line.instead : line.text;
  return out;
}

void append(std::string& out, char mark, const std::string& line) {
  out += mark + line;
  if (!line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
}

std::string unified(const std::vector<Line>& lines, const std::string& file) {
  constexpr std::size_t context = 3;
  std::string out;
  long shift = 0;  // lines gained or lost so far
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].instead) continue;
    const std::size_t first = i < context ? 0 : i - context;
    std::size_t last = i;  // the last changed line of the hunk
    for (std::size_t next = i; next < lines.size() && next <= last + 2 * context + 1; ++next)
      if (lines[next].instead) last = next;
    const std::size_t end = std::min(lines.size(), last + context + 1);
    std::string body;
    std::size_t after = 0;
    for (std::size_t at = first; at < end; ++at) {
      const Line& line = lines[at];
      append(body, line.instead ? '-' : ' ', line.text);
      if (line.instead && !line.instead->empty()) append(body, '+', *line.instead);
      after += !line.instead || !line.instead->empty() ? 1 : 0;
    }
    const std::size_t before = end - first;
    const long start = static_cast<long>(first) + 1 + shift - (after == 0 ? 1 : 0);
    out += "@@ -" + std::to_string(first + 1) + "," + std::to_string(before) + " +" + std::to_string(start) +
           "," + std::to_string(after) + " @@\n" + body;
    shift += static_cast<long>(after) - static_cast<long>(before);
    i = end - 1;
  }
  if (out.empty()) return out;
  const std::string name = printable(file) + (file.find(' ') == std::string::npos ? "" : "\t");
  return "--- " + name + "\n+++ " + name + "\n" + out;
}

// As written, and where a baseline is added to it.
Result<void> check_equivalent(const Policy& before, const Policy& after) {
  Situation written, gpu;
  written.as_written = true;
  for (const std::string_view path : baseline_paths())
    gpu.context.host.present.push_back({std::string(path)});
  gpu.context.proxy = Toggle::on;
  gpu.context.workdir = "/(the work directory)";
  LOCKSTEP_ASSIGN(const Diff diff, compare(before, after, {{written, gpu}, false, 0}));
  if (diff.worst() != Class::equivalent)
    return internal_error(printable(before.file) + ": the fix would change the policy (" +
                          std::string(name(diff.worst())) + "): nothing is written");
  return {};
}

}  // namespace

Result<Fix> fix_findings(std::string_view text, const Policy& policy, const std::vector<Finding>& findings) {
  std::vector<Line> lines = lines_of(text);
  Fix out;
  // What goes need not be spelt well.
  for (const bool spelling : {false, true})
    for (const Finding& finding : findings)
      if (finding.fixable && (finding.id == "spelling") == spelling && !edit(lines, finding))
        out.untouched.push_back(finding);
  close_empty_lists(lines);
  out.text = patched(lines);
  LOCKSTEP_ASSIGN(const Policy after, decode_policy(out.text, policy.file));
  LOCKSTEP_CHECK(check_equivalent(policy, after));
  out.patch = unified(lines, policy.file);
  return out;
}

}  // namespace lockstep::review
