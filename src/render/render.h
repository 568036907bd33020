// A diff as text: for a terminal, for a pull request, for a program.
#ifndef LOCKSTEP_RENDER_RENDER_H_
#define LOCKSTEP_RENDER_RENDER_H_

#include <string>
#include <vector>

#include "diff/diff.h"

namespace lockstep::render {

// `notes`: further lines (idle entries of the file of accepted changes), shown where the format has room for them.
std::string diff_text(const diff::Diff& diff, const std::vector<std::string>& notes);
std::string diff_json(const diff::Diff& diff, const std::vector<std::string>& notes);  // lockstep.diff/1
std::string diff_markdown(const diff::Diff& diff,
                          const std::vector<std::string>& notes);  // a comment on a pull request
std::string diff_github(const diff::Diff& diff,
                        const std::vector<std::string>& notes);  // workflow commands: at most ten, then lines
std::string diff_sarif(const diff::Diff& diff);                  // 2.1.0

// "/proc gains write_file and loses execute".
std::string title(const diff::PathChange& change);

// Text, escaped as a workflow command's message and as one of its properties.
std::string github_message(std::string_view text);
std::string github_property(std::string_view text);

}  // namespace lockstep::render

#endif  // LOCKSTEP_RENDER_RENDER_H_
