// gate FILE.json...: holds the figures of the benchmarks against what they may be, by Google Benchmark's own output
// (--benchmark_out): of several repetitions the least disturbed one, on both sides. One line a gate: figure, floor,
// ratio, limit, ok or over.
//
// Exit: 0 all within; 1 one is over; 2 a file cannot be read; 3 none is over but one was not measured (no Landlock, a
// filter).
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace {

struct Gate {
  const char* figure;
  const char* floor;  // nullptr: `limit` is items a second that must be reached
  double limit;
};

constexpr Gate gates[] = {
    {"prepare/7", "floor_system_calls/7", 1.10},
    {"prepare/64", "floor_system_calls/64", 1.10},
    {"prepare/256", "floor_system_calls/256", 1.10},
    {"decode_policy/16", "floor_yaml_load/16", 1.5},
    {"decode_policy/256", "floor_yaml_load/256", 1.5},
    {"row/iterations:10/manual_time", "floor_bare_child/iterations:10/manual_time", 1.25},
    {"row_beside_512_mib/iterations:10/manual_time", "row/iterations:10/manual_time", 1.10},
    {"decide", nullptr, 1e6},
};

struct Figure {
  double time = 0;  // of one iteration, in nanoseconds
  double items_per_second = 0;
};

double nanoseconds(double time, const std::string& unit) {
  return time * (unit == "s" ? 1e9 : unit == "ms" ? 1e6 : unit == "us" ? 1e3 : 1);
}

// False where the file is none of Google Benchmark's.
bool read_figures(const char* file, std::map<std::string, Figure>& out) {
  std::ifstream in(file);
  const nlohmann::json document = nlohmann::json::parse(in, nullptr, false);
  if (!document.is_object() || !document.contains("benchmarks") || !document["benchmarks"].is_array()) return false;
  for (const nlohmann::json& each : document["benchmarks"]) {
    const std::string name = each.value("run_name", each.value("name", ""));
    if (each.value("error_occurred", false) || each.value("run_type", "") != "iteration") continue;
    // CPU time: on a shared machine the clock on the wall tells what the others do. Manual time is CPU time of several
    // processes.
    const bool real = name.ends_with("/manual_time");
    const double time = nanoseconds(each.value(real ? "real_time" : "cpu_time", 0.0), each.value("time_unit", "ns"));
    Figure& figure = out[name];
    if (figure.time > 0 && figure.time <= time) continue;
    figure = {time, each.value("items_per_second", 0.0)};
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "gate: name the files that --benchmark_out wrote\n");
    return 2;
  }
  std::map<std::string, Figure> figures;
  for (int i = 1; i < argc; ++i)
    if (!read_figures(argv[i], figures)) {
      std::fprintf(stderr, "gate: %s: not what --benchmark_out writes as JSON\n", argv[i]);
      return 2;
    }
  bool over = false, missing = false;
  std::printf("%-44s %14s %14s %9s %9s\n", "gate", "floor", "figure", "ratio", "limit");
  for (const Gate& gate : gates) {
    const auto figure = figures.find(gate.figure);
    const auto floor = gate.floor == nullptr ? figure : figures.find(gate.floor);
    if (figure == figures.end() || floor == figures.end() || (gate.floor != nullptr && floor->second.time <= 0)) {
      missing = true;
      std::printf("%-44s not measured\n", gate.figure);
      continue;
    }
    bool ok = false;
    if (gate.floor == nullptr) {
      ok = figure->second.items_per_second >= gate.limit;
      std::printf("%-44s %14s %11.1f M/s %9s >= %3.0f M  %s\n", gate.figure, "-", figure->second.items_per_second / 1e6,
                  "-", gate.limit / 1e6, ok ? "ok" : "OVER");
    } else {
      const double ratio = figure->second.time / floor->second.time;
      ok = ratio <= gate.limit;
      std::printf("%-44s %11.2f us %11.2f us %9.2f %9.2f  %s\n", gate.figure, floor->second.time / 1e3,
                  figure->second.time / 1e3, ratio, gate.limit, ok ? "ok" : "OVER");
    }
    over = over || !ok;
  }
  return over ? 1 : missing ? 3 : 0;
}
