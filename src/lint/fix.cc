#include "lint/fix.h"

#include <algorithm>
#include <optional>

#include <lockstep/abi.h>

#include "diff/diff.h"
#include "lint/lint_subject.h"
#include "syntax/document.h"

namespace lockstep::lint {
namespace {

struct Line {
  std::string text;                    // with its line end
  std::optional<std::string> instead;  // "": it goes
  bool hidden = false;                 // of network_policies, which may hold secrets: not for the context of a patch
};

// "  - /usr/  # why": the pieces of an entry that is a line of its own.
struct Item {
  std::string_view indent, dash, quote, path, tail, end;
};

constexpr std::string_view blanks = " \t";

std::optional<Item> item_of(std::string_view line) {
  Item out;
  const std::size_t dash = line.find_first_not_of(' ');
  if (dash == std::string_view::npos || line[dash] != '-') return std::nullopt;
  const std::size_t start = line.find_first_not_of(blanks, dash + 1);
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
    stop = std::min({line.find(" #"), line.find("\t#"), line.size()});
    while (stop > 0 && blanks.find(line[stop - 1]) != std::string_view::npos) --stop;
    out.path = line.substr(0, stop);
  }
  out.tail = line.substr(stop);
  const std::size_t rest = out.tail.find_first_not_of(blanks);
  if (rest != std::string_view::npos && (rest == 0 || out.tail[rest] != '#')) return std::nullopt;
  return out.path.starts_with('/') ? std::optional(out) : std::nullopt;
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.push_back({std::string(text.substr(0, end)), std::nullopt, false});
    text.remove_prefix(end);
  }
  return out;
}

void hide_network(std::string_view text, const std::string& file, std::vector<Line>& lines) {
  const Result<Node> root = parse_document(text, file);
  if (!root.ok()) return;
  for (std::size_t i = 0; i < root->entries.size(); ++i) {
    if (!root->entries[i].first.starts_with("network_")) continue;
    const auto first = static_cast<std::size_t>(root->key_lines[i]) - 1;
    const std::size_t next =
        i + 1 < root->entries.size() ? static_cast<std::size_t>(root->key_lines[i + 1]) - 1 : lines.size();
    for (std::size_t at = first; at < std::max(next, first + 1) && at < lines.size(); ++at) lines[at].hidden = true;
  }
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
      line.instead = joined({item->indent, item->dash, item->quote, finding.path, item->quote, item->tail, item->end});
    return true;
  }
  const std::size_t comment = item->tail.find('#');
  line.instead = comment == std::string_view::npos ? "" : joined({item->indent, item->tail.substr(comment), item->end});
  return true;
}

// A list whose every entry goes is written [].
void close_empty_lists(std::vector<Line>& lines) {
  for (std::size_t key = 0; key < lines.size(); ++key) {
    std::string& text = lines[key].text;
    const std::size_t word = text.find_first_not_of(' ');
    if (word == std::string::npos) continue;
    const std::size_t colon = text.find(':', word);
    const std::string name = colon == std::string::npos ? "" : text.substr(word, colon - word);
    if (name != "read_only" && name != "read_write") continue;
    const std::size_t behind = text.find_first_not_of(' ', colon + 1);
    if (behind != std::string::npos && text[behind] != '#' && text[behind] != '\n' && text[behind] != '\r') continue;
    bool went = false, stays = false;
    for (std::size_t i = key + 1; i < lines.size() && !stays; ++i) {
      const std::size_t first = lines[i].text.find_first_not_of(" \r\n");
      if (first == std::string::npos || lines[i].text[first] == '#') continue;
      if (lines[i].text[first] != '-' || first < word) break;  // the next key
      (lines[i].instead && !item_of(*lines[i].instead) ? went : stays) = true;
    }
    if (went && !stays) lines[key].instead = text.substr(0, colon + 1) + " []" + text.substr(colon + 1);
  }
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

// As git writes it and patch(1) reads it.
std::string quoted(const std::string& file) {
  if (printable(file) == file && file.find('"') == std::string::npos)
    return file + (file.find(' ') == std::string::npos ? "" : "\t");
  std::string out = "\"";
  for (const char c : file) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\')
      out += c;
    else
      for (const int shift : {6, 3, 0})
        out += std::string(shift == 6 ? "\\" : "") + static_cast<char>('0' + ((byte >> shift) & 7));
  }
  return out + "\"";
}

std::string unified(const std::vector<Line>& lines, const std::string& file) {
  constexpr std::size_t context = 3;
  std::string out;
  long shift = 0;  // lines gained or lost so far
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].instead) continue;
    std::size_t first = i < context ? 0 : i - context;
    std::size_t last = i;  // the last changed line of the hunk
    for (std::size_t next = i; next < lines.size() && next <= last + 2 * context + 1 && !lines[next].hidden; ++next)
      if (lines[next].instead) last = next;
    std::size_t end = std::min(lines.size(), last + context + 1);
    // As much on both sides as neither needs a hidden line for: patch(1) takes less on one side for an end of the file.
    const auto is_hidden = [](const Line& line) { return line.hidden; };
    const auto place = [&](std::size_t line) { return lines.begin() + static_cast<std::ptrdiff_t>(line); };
    for (std::size_t around = context; around > 0 && std::any_of(place(first), place(end), is_hidden);) {
      --around;
      first = i - std::min(around, i);
      end = std::min(lines.size(), last + around + 1);
    }
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
    out += "@@ -" + std::to_string(first + 1) + "," + std::to_string(before) + " +" + std::to_string(start) + "," +
           std::to_string(after) + " @@\n" + body;
    shift += static_cast<long>(after) - static_cast<long>(before);
    i = end - 1;
  }
  if (out.empty()) return out;
  const std::string name = quoted(file);
  return "--- " + name + "\n+++ " + name + "\n" + out;
}

// A device of every kind that the policy names, as a CDI spec would bring it.
CdiChoice every_device(const Policy& policy) {
  CdiChoice out;
  out.nvidia = true;
  const auto add = [&](const PathEntry& each) {
    const auto same = [&](const CdiPath& other) { return other.path == each.path; };
    if (each.path.starts_with("/dev/") && std::none_of(out.paths.begin(), out.paths.end(), same))
      out.paths.push_back({each.path, abi_info(newest_abi)->fs, "every device", "a CDI spec"});
  };
  for (const PathEntry& each : policy.read_only) add(each);
  for (const Grant& each : policy.grants) add(each.entry);
  return out;
}

// As written; and with every baseline and none, from every source that a rule can tell apart, under the
// context's administrator.
std::vector<diff::Situation> all_that_can_tell(const Policy& policy, const Context& context) {
  std::vector<Source> sources{context.source};
  for (const std::vector<ConflictRule>* rules : {&policy.conflicts, &context.administrator_conflicts})
    if (std::any_of(rules->begin(), rules->end(), [](const ConflictRule& rule) { return !rule.sources.empty(); }))
      sources = {Source::default_policy, Source::gateway, Source::image, Source::user};
  diff::Situation written;
  written.as_written = true;
  written.context.administrator_conflicts = context.administrator_conflicts;
  std::vector<diff::Situation> out{written};
  std::vector<diff::Situation> hosts(4, written);
  hosts[0].host = "the context's", hosts[0].context = context;
  hosts[1].host = "no GPU", hosts[1].context.gpu = Toggle::off;
  hosts[2].host = "every baseline", hosts[2].context.gpu = Toggle::on;
  hosts[3].host = "every device", hosts[3].context.gpu = Toggle::on, hosts[3].context.cdi = every_device(policy);
  for (diff::Situation& each : hosts) {
    each.as_written = false;
    if (&each != hosts.data()) each.context.host = complete_host(policy);
    if (each.context.cdi)
      for (const CdiPath& path : each.context.cdi->paths)
        each.context.host.present.push_back({path.path, NodeKind::character});
    each.context.workdir =
        context.workdir && normalise_path(*context.workdir) != "/" ? *context.workdir : "/(the work directory)";
    for (const Source source : sources)
      for (const Toggle proxy : {Toggle::on, Toggle::off}) {
        out.push_back(each);
        out.back().context.source = source;
        out.back().context.proxy = proxy;
      }
  }
  return out;
}

using Findings = std::vector<const Finding*>;

class Fixer {
 public:
  Fixer(std::string_view text, const Policy& policy, const Context& context)
      : policy_(policy), situations_(all_that_can_tell(policy, context)), lines_(lines_of(text)) {
    hide_network(text, policy.file, lines_);
    if (!context.host.real) return;
    here_.host = "this machine";
    here_.context = context;
    by_object_ = diff::compare(policy_, policy_, {{here_}, true, 0}).ok();
  }

  std::vector<Line> with(const Findings& findings) const;
  // Adds to `kept` those that leave the policy what it is, and the others to `left`.
  void choose(const Findings& candidates, Findings& kept, Findings& left) const;

 private:
  bool is_same(const Findings& findings) const;

  const Policy& policy_;
  const std::vector<diff::Situation> situations_;
  diff::Situation here_;    // this machine, where it is the context's
  bool by_object_ = false;  // its objects can be looked at
  std::vector<Line> lines_;
};

std::vector<Line> Fixer::with(const Findings& findings) const {
  std::vector<Line> out = lines_;
  // What goes need not be spelt well.
  for (const bool spelling : {false, true})
    for (const Finding* finding : findings)
      if ((finding->id == "spelling") == spelling) edit(out, *finding);
  close_empty_lists(out);
  return out;
}

bool Fixer::is_same(const Findings& findings) const {
  const Result<Policy> after = decode_policy(patched(with(findings)), policy_.file);
  if (!after.ok()) return false;
  const auto equivalent = [&](diff::Options options) {
    const Result<diff::Diff> diff = diff::compare(policy_, *after, std::move(options));
    return diff.ok() && diff->worst() == diff::Class::equivalent;
  };
  return equivalent({situations_, false, 0}) && (!by_object_ || equivalent({{here_}, true, 0}));
}

void Fixer::choose(const Findings& candidates, Findings& kept, Findings& left) const {
  if (candidates.empty()) return;
  Findings all = kept;
  all.insert(all.end(), candidates.begin(), candidates.end());
  if (is_same(all)) {
    kept = std::move(all);
  } else if (candidates.size() == 1) {
    left.push_back(candidates[0]);
  } else {
    const auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(candidates.size() / 2);
    choose({candidates.begin(), middle}, kept, left);
    choose({middle, candidates.end()}, kept, left);
  }
}

}  // namespace

Result<Fix> fix_findings(std::string_view text, const Policy& policy, const std::vector<Finding>& findings,
                         const Context& context) {
  const Fixer fixer(text, policy, context);
  Fix out;
  Findings candidates, kept, left;
  std::vector<Line> scratch = lines_of(text);
  for (const Finding& finding : findings) {
    if (!finding.fixable) continue;
    if (edit(scratch, finding))
      candidates.push_back(&finding);
    else
      out.untouched.push_back({finding, "it is not written as a plain line of its own, - PATH"});
  }
  fixer.choose(candidates, kept, left);
  for (const Finding* finding : left)
    out.untouched.push_back({*finding, "that would change what the policy grants somewhere"});
  const std::vector<Line> lines = fixer.with(kept);
  out.text = patched(lines);
  out.patch = unified(lines, policy.file);
  return out;
}

}  // namespace lockstep::lint
