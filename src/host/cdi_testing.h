// For tests of CDI: fixtures/cdi/read, one file a case, as text.
//
//   # why
//   --- file etc/a.yaml                a file; its text follows. Also: --- link PATH TARGET, --- folder PATH
//   --- expect vendor.com/gpu=x        the devices asked for; what follows is expected of them
//   /srv/lockstep/gpu0 all @ /dev/x0   a rule's path, its rights (all, none or names), and where a container has it
//   warns: TEXT                        part of a warning
//   refused: TEXT                      part of the error: no container starts
//   nvidia: yes                        whether NVIDIA's baseline comes with it, yes or no
//   podman: VERSION                    the first podman with this answer; "no": podman is not asked, because SPEC.md is
//                                      stricter or no probe can tell
//
// The specs of a case stand in the folders etc and run, in this order.
#ifndef LOCKSTEP_HOST_CDI_TESTING_H_
#define LOCKSTEP_HOST_CDI_TESTING_H_

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace lockstep {

struct CdiExpectation {
  struct Rule {
    std::string host;
    std::string rights;
    std::string inside;
  };
  std::string devices;
  std::vector<Rule> rules;
  std::vector<std::string> warnings;
  std::string refused;  // empty: a container starts
  std::string podman;
  std::string nvidia;  // whether NVIDIA's baseline comes with it: yes, no; empty: not asked
};

struct CdiCase {
  std::string name;
  std::vector<CdiExpectation> expectations;
  std::vector<std::string> odd;  // lines that are none of the above
};

inline void read_expectation(const std::string& line, CdiCase* out) {
  const auto after = [&](std::string_view word) {
    return line.starts_with(word) ? line.substr(word.size()) : std::string();
  };
  const std::size_t space = line.find(' '), at = line.find(" @ ");
  if (out->expectations.empty()) return out->odd.push_back(line);
  CdiExpectation& expect = out->expectations.back();
  if (line.starts_with("warns: ")) return expect.warnings.push_back(after("warns: "));
  if (line.starts_with("refused: ")) return void(expect.refused = after("refused: "));
  if (line.starts_with("nvidia: ")) return void(expect.nvidia = after("nvidia: "));
  if (line.starts_with("podman: ")) return void(expect.podman = after("podman: "));
  if (!line.starts_with("/") || at == std::string::npos) return out->odd.push_back(line);
  expect.rules.push_back({line.substr(0, space), line.substr(space + 1, at - space - 1), line.substr(at + 3)});
}

// Lays the specs of the case out below `folder`.
inline CdiCase lay_out_cdi_case(const std::filesystem::path& file, const std::filesystem::path& folder) {
  CdiCase out;
  out.name = file.stem();
  std::ifstream in(file);
  std::ofstream spec;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string mark, what, path, target;
    words >> mark >> what >> path >> target;
    if (mark != "---" || what.empty()) {
      if (spec.is_open()) {
        spec << line << "\n";
      } else if (!line.starts_with("#")) {
        read_expectation(line, &out);
      }
      continue;
    }
    spec.close();
    if (what == "expect") {
      out.expectations.push_back({path, {}, {}, "", "", ""});
      continue;
    }
    std::filesystem::create_directories((folder / path).parent_path());
    if (what == "file") spec.open(folder / path);
    if (what == "link") std::filesystem::create_symlink(target, folder / path);
    if (what == "folder") std::filesystem::create_directories(folder / path);
  }
  return out;
}

inline std::vector<std::filesystem::path> cdi_cases(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_CDI_TESTING_H_
