#include "render/sarif.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "syntax/json_text.h"

namespace lockstep::render {
namespace {

// A relative path stays one; every byte that a URI cannot have as it is, is written %XX.
std::string uri(const std::string& file) {
  std::string out = file.starts_with('/') ? "file://" : "";
  for (const char c : file) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    char code[4];
    std::snprintf(code, sizeof(code), "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += plain ? std::string(1, c) : std::string(code);
  }
  return out;
}

}  // namespace

void Sarif::add(const std::string& id, const std::string& about, const std::string& level, const std::string& file,
                int line, const std::string& message) {
  const auto [rule, fresh] = known_.try_emplace(id, known_.size());
  if (fresh) rules_.push_back({{"id", id}, {"shortDescription", {{"text", about}}}});
  Json location = {{"physicalLocation",
                    {{"artifactLocation", {{"uri", uri(file)}}}, {"region", {{"startLine", std::max(line, 1)}}}}}};
  results_.push_back({{"ruleId", id},
                      {"ruleIndex", rule->second},
                      {"level", level},
                      {"message", {{"text", message}}},
                      {"locations", Json::array({std::move(location)})}});
}

std::string Sarif::document(const std::string& tool) const {
  Json driver = {{"name", tool}, {"rules", rules_}};
  Json run = {{"tool", {{"driver", std::move(driver)}}}, {"results", results_}};
  Json out = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
              {"version", "2.1.0"},
              {"runs", Json::array({std::move(run)})}};
  return json_document(out);
}

}  // namespace lockstep::render
