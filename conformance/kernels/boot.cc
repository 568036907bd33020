#include "conformance/kernels/boot.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "syntax/json.h"

namespace lockstep::conformance::kernels {
namespace {

constexpr std::size_t tail_lines = 15;
// What guest-init says last; without it a parcel that happens to be whole is not believed.
constexpr std::string_view last_words = "lockstep-guest: done";

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string first_line(const std::string& path) {
  std::string text = read_text(path);
  text.resize(std::min(text.find('\n'), text.size()));
  return printable(text);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    while (!line.empty() && line.back() == '\r') line.pop_back();
    out.push_back(printable(line));
  }
  return out;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

template <typename Number>
bool parse_number(const std::string& text, Number* out) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return ec == std::errc() && end == text.data() + text.size();
}

// "NAME EXIT SECONDS" or "NAME skip REASON".
Result<std::vector<GuestRun>> read_runs(const std::string& path) {
  std::vector<GuestRun> out;
  int number = 0;
  for (const std::string& line : lines_of(read_text(path))) {
    ++number;
    std::istringstream in(line);
    GuestRun run;
    std::string word, rest;
    in >> run.name >> word;
    std::getline(in >> std::ws, rest);
    int code = 0;
    if (word == "skip") {
      run.reason = rest;
    } else if (parse_number(word, &code) && parse_number(rest, &run.seconds)) {
      run.exit_code = code;
    } else {
      return input_error(path, number, "expected NAME EXIT SECONDS or NAME skip REASON, got \"" + line + "\"");
    }
    out.push_back(std::move(run));
  }
  return out;
}

// The report of the guest's fuzzer; a broken one is none, which is a problem of the kernel's (matrix.cc).
std::optional<Fuzzed> read_fuzzed(const std::string& path) {
  const Json json = Json::parse_or_null(read_text(path));
  if (!json.is_object() || json.value("schema", "") != "lockstep.fuzz-report/1") return std::nullopt;
  try {
    Fuzzed out{json.at("seed"),
               json.at("operations"),
               json.at("denied"),
               json.at("disagreements"),
               json.at("seconds"),
               json.value("words", ""),
               {}};
    if (json.contains("case")) out.found = json.at("case").dump();
    return out;
  } catch (const JsonError&) {
    return std::nullopt;
  }
}

Json to_json(const Fuzzed& fuzzed) {
  Json out = {{"seed", fuzzed.seed},       {"operations", fuzzed.operations},
              {"denied", fuzzed.denied},   {"disagreements", fuzzed.disagreements},
              {"seconds", fuzzed.seconds}, {"rate", static_cast<std::uint64_t>(fuzzed.rate())}};
  if (fuzzed.disagreements > 0) out["words"] = fuzzed.words, out["found"] = fuzzed.found;
  return out;
}

Json to_json(const Boot& boot) {
  Json out = {{"schema", "lockstep.boot/1"},
              {"label", boot.label},
              {"suite", boot.suite},
              {"package", boot.package},
              {"version", boot.version},
              {"expected", boot.expected},
              {"arguments", boot.arguments},
              {"accelerator", boot.accelerator},
              {"outcome", name(boot.outcome)},
              {"reason", boot.reason},
              {"release", boot.release},
              {"command_line", boot.command_line},
              {"lsm", boot.lsm},
              {"landlock", boot.landlock},
              {"seconds", boot.seconds},
              {"runs", Json::array()},
              {"complaints", boot.complaints},
              {"console_tail", boot.console_tail}};
  for (const GuestRun& run : boot.runs) {
    Json each = {{"name", run.name}, {"seconds", run.seconds}};
    if (run.exit_code) each["exit"] = *run.exit_code;
    if (!run.reason.empty()) each["reason"] = run.reason;
    out["runs"].push_back(std::move(each));
  }
  if (boot.fuzzed) out["fuzz"] = to_json(*boot.fuzzed);
  return out;
}

}  // namespace

std::string_view name(BootOutcome outcome) {
  constexpr std::string_view names[] = {"finished", "panicked", "hung", "no-result", "not-started", "unavailable"};
  return names[static_cast<std::size_t>(outcome)];
}

Result<Boot> record_boot(const std::string& directory, const std::vector<std::string>& facts) {
  Boot boot;
  std::string unavailable, qemu_exit = "0", intact = "0", seconds = "0";
  const std::map<std::string, std::string*> known = {{"label", &boot.label},
                                                     {"suite", &boot.suite},
                                                     {"package", &boot.package},
                                                     {"version", &boot.version},
                                                     {"expected", &boot.expected},
                                                     {"arguments", &boot.arguments},
                                                     {"seconds", &seconds},
                                                     {"qemu_exit", &qemu_exit},
                                                     {"intact", &intact},
                                                     {"unavailable", &unavailable},
                                                     {"accelerator", &boot.accelerator}};
  for (const std::string& fact : facts) {
    const std::size_t equals = fact.find('=');
    const auto found = known.find(fact.substr(0, equals));
    if (equals == std::string::npos || found == known.end())
      return input_error("", 0, "record takes NAME=VALUE, not \"" + printable(fact) + "\"");
    *found->second = printable(fact.substr(equals + 1));
  }
  int code = 0;
  if (boot.label.empty() || !parse_number(qemu_exit, &code) || !parse_number(seconds, &boot.seconds))
    return input_error("", 0, "record needs a label, and numbers for qemu_exit and seconds");

  const std::string out = directory + "/out/";
  const std::string console = read_text(directory + "/console.txt");
  const std::vector<std::string> lines = lines_of(console);
  for (const std::string& line : lines)
    for (const char* sign : {"BUG: ", "WARNING: ", "Oops: ", "general protection fault"})
      if (contains(line, sign) && boot.complaints.size() < tail_lines) boot.complaints.push_back(line);
  if (!unavailable.empty()) {
    boot.outcome = BootOutcome::unavailable;
    boot.reason = unavailable;
  } else if (intact == "1" && contains(console, last_words)) {
    boot.outcome = BootOutcome::finished;
  } else if (contains(console, "Kernel panic - not syncing")) {
    boot.outcome = BootOutcome::panicked;
    for (const std::string& line : lines)
      if (boot.reason.empty() && contains(line, "Kernel panic - not syncing"))
        boot.reason = line.substr(line.find("Kernel panic"));
  } else if (code == 124 || code == 137) {  // timeout(1) ended it
    boot.outcome = BootOutcome::hung;
    boot.reason = "nothing more after " + seconds + " s";
  } else if (code != 0) {
    boot.outcome = BootOutcome::not_started;
    boot.reason = "QEMU ended with " + qemu_exit + ": " + first_line(directory + "/qemu.txt");
  } else {
    boot.outcome = BootOutcome::no_result;
    boot.reason = "what the guest sent is missing or broken";
  }
  if (boot.outcome != BootOutcome::finished && !lines.empty())
    boot.console_tail.assign(lines.end() - static_cast<std::ptrdiff_t>(std::min(tail_lines, lines.size())),
                             lines.end());
  if (boot.outcome == BootOutcome::finished) {
    boot.release = first_line(out + "release");
    boot.command_line = first_line(out + "cmdline");
    boot.lsm = first_line(out + "lsm");
    LOCKSTEP_ASSIGN(boot.runs, read_runs(out + "runs"));
    boot.fuzzed = read_fuzzed(out + "fuzz.json");
    // The suite's own words where it has nothing to ask (landlock/kernel.cc).
    const std::string said = read_text(out + "tmpfs.txt");
    if (!boot.runs.empty() && boot.runs.front().exit_code == 3)
      boot.landlock = contains(said, "(ENOSYS)") ? "none" : contains(said, "(EOPNOTSUPP)") ? "disabled" : "";
  }
  std::ofstream file(directory + "/boot.json", std::ios::trunc);
  file << to_json(boot).dump(1) << "\n" << std::flush;
  if (!file) return system_error(errno, "write(\"" + printable(directory) + "/boot.json\")");
  return boot;
}

Result<Boot> read_boot(const std::string& directory) {
  const std::string path = directory + "/boot.json";
  const Json json = Json::parse_or_null(read_text(path));
  if (!json.is_object() || json.value("schema", "") != "lockstep.boot/1")
    return input_error(path, 0, "not a boot of lockstep.boot/1: run scripts/kernel-matrix again");
  try {
    Boot boot;
    boot.label = json.at("label");
    boot.suite = json.at("suite");
    boot.package = json.at("package");
    boot.version = json.at("version");
    boot.expected = json.at("expected");
    boot.arguments = json.at("arguments");
    boot.accelerator = json.at("accelerator");
    boot.reason = json.at("reason");
    boot.release = json.at("release");
    boot.command_line = json.at("command_line");
    boot.lsm = json.at("lsm");
    boot.landlock = json.at("landlock");
    boot.seconds = json.at("seconds");
    boot.complaints = json.at("complaints").get<std::vector<std::string>>();
    boot.console_tail = json.at("console_tail").get<std::vector<std::string>>();
    bool known = false;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(BootOutcome::unavailable); ++i) {
      if (name(static_cast<BootOutcome>(i)) != json.at("outcome").get<std::string>()) continue;
      boot.outcome = static_cast<BootOutcome>(i);
      known = true;
    }
    if (!known) return input_error(path, 0, "unknown outcome");
    for (const Json& each : json.at("runs")) {
      GuestRun run;
      run.name = each.at("name");
      run.seconds = each.at("seconds");
      run.reason = each.value("reason", "");
      if (each.contains("exit")) run.exit_code = each.at("exit").get<int>();
      boot.runs.push_back(std::move(run));
    }
    if (json.contains("fuzz")) {
      const Json& fuzz = json.at("fuzz");
      boot.fuzzed =
          Fuzzed{fuzz.at("seed"),    fuzz.at("operations"),   fuzz.at("denied"),      fuzz.at("disagreements"),
                 fuzz.at("seconds"), fuzz.value("words", ""), fuzz.value("found", "")};
    }
    return boot;
  } catch (const JsonError& error) {
    return input_error(path, 0, printable(error.what()));
  }
}

std::string line_of(const Boot& boot) {
  char seconds[32];
  std::snprintf(seconds, sizeof(seconds), "%.1f", boot.seconds);
  std::string out =
      boot.label + (boot.release.empty() ? "" : "  " + boot.release) + "  " + std::string(name(boot.outcome));
  if (boot.outcome != BootOutcome::unavailable) out += " in " + std::string(seconds) + " s";
  if (!boot.reason.empty()) out += ": " + boot.reason;
  if (!boot.landlock.empty()) out += ", Landlock " + boot.landlock;
  for (const GuestRun& run : boot.runs)
    out += (&run == &boot.runs.front() ? ": " : ", ") + run.name + " " +
           (run.exit_code ? std::to_string(*run.exit_code) : "not run (" + run.reason + ")");
  return out;
}

}  // namespace lockstep::conformance::kernels
