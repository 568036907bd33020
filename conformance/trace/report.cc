#include <algorithm>
#include <fstream>
#include <sstream>

#include "conformance/trace/trace.h"
#include "syntax/document.h"
#include "syntax/json.h"

namespace lockstep::conformance::trace {
namespace {

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string end_of(const Trace& trace) {
  if (trace.timed_out) return "timed out";
  if (trace.signal != 0) return "killed by signal " + std::to_string(trace.signal);
  return "exit " + std::to_string(trace.exit_code);
}

}  // namespace

std::string to_text(const Trace& trace) {
  std::string out;
  for (const TraceEvent& event : trace.events) {
    const auto& thread = trace.threads.at(static_cast<std::size_t>(event.thread) - 1);
    out += padded(std::to_string(thread.process) + "." + std::to_string(event.thread), 6) + padded(event.result, 8) +
           padded(event.call, 11) + " " + padded(event.flags, 18) + " " + printable(event.path) +
           (event.times > 1 ? "  (" + std::to_string(event.times) + " times)" : "") + "\n";
  }
  out += std::to_string(trace.events.size()) + " accesses of " + std::to_string(trace.threads.size()) + " threads, " +
         end_of(trace);
  if (trace.foreign_calls > 0)
    out += ", " + std::to_string(trace.foreign_calls) + " calls of another architecture not listed";
  return out + "\n";
}

std::string to_json(const Trace& trace, const std::vector<std::string>& not_in_probe) {
  Json out;
  out["schema"] = "lockstep.trace/1";
  out["kernel"] = trace.kernel;
  out["machine"] = trace.machine;
  out["nvidia_driver"] = printable(trace.driver);
  for (const std::string& each : trace.command) out["command"].push_back(printable(each));
  if (trace.exit_code >= 0) out["exit"] = trace.exit_code;
  if (trace.signal != 0) out["signal"] = trace.signal;
  out["timed_out"] = trace.timed_out;
  out["foreign_calls"] = trace.foreign_calls;
  out["not_in_probe"] = Json::array();
  for (const std::string& each : not_in_probe) out["not_in_probe"].push_back(printable(each));
  for (const TraceThread& thread : trace.threads)
    out["threads"].push_back({{"process", thread.process}, {"tid", thread.tid}});
  out["events"] = Json::array();
  for (const TraceEvent& event : trace.events) {
    Json each = {{"thread", event.thread}, {"call", event.call}, {"path", printable(event.path)}};
    if (!event.flags.empty()) each["flags"] = event.flags;
    each["result"] = event.result;
    if (event.times > 1) each["times"] = event.times;
    out["events"].push_back(std::move(each));
  }
  // A line an event: to be read, and compared between drivers.
  std::string text = out.dump(1);
  std::string lines;
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      const std::size_t from = at;
      for (++at; text[at] != '"'; ++at) at += text[at] == '\\' ? 1U : 0U;
      lines += text.substr(from, at - from + 1);
      continue;
    }
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    const bool inner = depth > 2 || (depth == 2 && (c == '}' || c == ']'));
    if (c == '\n' && depth > 2) {
      while (text[at + 1] == ' ') ++at;
      if (lines.back() == ',') lines += ' ';
      continue;
    }
    if (inner && c == '}' && lines.back() == ' ') lines.pop_back();
    lines += c;
  }
  return lines + "\n";
}

Result<Trace> read_trace(const std::string& file) {
  LOCKSTEP_ASSIGN(const std::string text, read_input_file(file, std::size_t{256} << 20));
  const Json json = Json::parse_or_null(text);
  if (!json.is_object() || json.value("schema", "") != "lockstep.trace/1")
    return input_error(file, 0, "is no lockstep.trace/1");
  Trace out;
  try {
    out.kernel = json.at("kernel").get<std::string>();
    out.machine = json.at("machine").get<std::string>();
    out.driver = json.at("nvidia_driver").get<std::string>();
    out.command = json.at("command").get<std::vector<std::string>>();
    out.exit_code = json.value("exit", -1);
    out.signal = json.value("signal", 0);
    out.timed_out = json.at("timed_out").get<bool>();
    out.foreign_calls = json.at("foreign_calls").get<std::size_t>();
    for (const Json& each : json.at("threads"))
      out.threads.push_back({each.at("process").get<int>(), each.at("tid").get<pid_t>()});
    for (const Json& each : json.at("events")) {
      TraceEvent event;
      event.thread = each.at("thread").get<int>();
      event.call = each.at("call").get<std::string>();
      event.path = each.at("path").get<std::string>();
      event.flags = each.value("flags", "");
      event.result = each.at("result").get<std::string>();
      event.times = each.value("times", 1U);
      if (event.thread < 1 || static_cast<std::size_t>(event.thread) > out.threads.size())
        return input_error(file, 0,
                           "an event of thread " + std::to_string(event.thread) + ", which is not in its list");
      out.events.push_back(std::move(event));
    }
  } catch (const JsonError& error) {
    return input_error(file, 0, printable(error.what()));
  }
  return out;
}

}  // namespace lockstep::conformance::trace
