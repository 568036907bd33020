#include "host/cdi_fields.h"

#include <algorithm>
#include <utility>

#include "syntax/yaml_1_1.h"

namespace lockstep {
namespace {

bool same_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

Result<CdiFields> CdiFields::of(const Node& node, std::string what, const std::vector<std::string_view>& known,
                                CdiReading& reading) {
  CdiFields out;
  out.what_ = std::move(what);
  out.reading_ = &reading;
  out.line_ = node.line;
  LOCKSTEP_CHECK(out.add(node, known));
  return out;
}

Result<void> CdiFields::add(const Node& node, const std::vector<std::string_view>& known) {
  if (node.kind != Node::Kind::mapping) return reading_->fail(node.line, what_ + " must be a mapping");
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    const auto& [key, value] = node.entries[i];
    const int line = node.key_lines[i];
    if (key == "<<") {
      LOCKSTEP_CHECK(join(value, line, known));
      continue;
    }
    const std::string& written = key;
    auto name = std::find(known.begin(), known.end(), key);
    if (name == known.end()) {
      name = std::find_if(known.begin(), known.end(),
                          [&](std::string_view each) { return same_but_for_case(each, written); });
      if (name == known.end())
        return reading_->fail(
            line, what_ + ": the field " + shortened(key) + " is not known: runtimes refuse the whole spec");
      if (key != "additionalGIDs")
        reading_->warn(line, what_ + ": " + shortened(key) + " is read as " + std::string(*name) + ": write it so");
    }
    if (std::any_of(fields_.begin(), fields_.end(), [&](const Field& other) { return other.name == *name; }))
      return reading_->fail(line, what_ + " has " + std::string(*name) + " twice: take one out");
    fields_.push_back({*name, &value, line});
  }
  return {};
}

Result<void> CdiFields::join(const Node& merged, int line, const std::vector<std::string_view>& known) {
  if (merged.kind == Node::Kind::mapping) return add(merged, known);
  if (merged.kind != Node::Kind::sequence) return reading_->fail(line, what_ + ": << joins mappings alone");
  for (const Node& each : merged.items) LOCKSTEP_CHECK(add(each, known));
  return {};
}

int CdiFields::line_of(std::string_view field) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const Field& each) { return each.name == field; });
  return found == fields_.end() ? line_ : found->line;
}

const Node* CdiFields::find(std::string_view field) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const Field& each) { return each.name == field; });
  return found == fields_.end() || found->value->kind == Node::Kind::null ? nullptr : found->value;
}

Result<std::string> CdiFields::text_of(const Node& node, std::string_view field) const {
  if (node.kind == Node::Kind::null) return std::string();
  if (node.kind == Node::Kind::string) return node.scalar;
  if (node.kind != Node::Kind::plain) return reading_->fail(node.line, std::string(field) + " must be a string");
  Yaml11 value = read_yaml_1_1(node.scalar);
  if (value.text != node.scalar)
    reading_->warn(node.line, std::string(field) + ": " + shortened(node.scalar) + " without quotes is read as " +
                                  printable(value.text) + ", as YAML 1.1 has it: write it in quotes");
  return std::move(value.text);
}

Result<std::string> CdiFields::text(std::string_view field) const {
  const Node* found = find(field);
  if (found == nullptr) return std::string();
  return text_of(*found, field);
}

Result<std::string> CdiFields::need(std::string_view field) const {
  LOCKSTEP_ASSIGN(std::string out, text(field));
  if (out.empty())
    return reading_->fail(line_of(field), line_of(field) == line_ && find(field) == nullptr
                                              ? what_ + " needs " + std::string(field)
                                              : std::string(field) + " is empty");
  return out;
}

Result<std::int64_t> CdiFields::integer_of(const Node& node, std::string_view field, std::int64_t low,
                                           std::int64_t high) const {
  const Yaml11 value = node.kind == Node::Kind::plain ? read_yaml_1_1(node.scalar) : Yaml11();
  if (!value.whole || value.integer < low || value.integer > high)
    return reading_->fail(node.line, std::string(field) + ": write a whole number from " + std::to_string(low) +
                                         " to " + std::to_string(high) + ", without quotes");
  return value.integer;
}

Result<std::optional<std::int64_t>> CdiFields::integer(std::string_view field, std::int64_t low,
                                                       std::int64_t high) const {
  const Node* found = find(field);
  if (found == nullptr) return std::optional<std::int64_t>();
  LOCKSTEP_ASSIGN(const std::int64_t value, integer_of(*found, field, low, high));
  return std::optional<std::int64_t>(value);
}

Result<std::vector<std::int64_t>> CdiFields::integers(std::string_view field, std::int64_t low,
                                                      std::int64_t high) const {
  std::vector<std::int64_t> out;
  LOCKSTEP_ASSIGN(const Node* found, list(field));
  if (found == nullptr) return out;
  for (const Node& item : found->items) {
    LOCKSTEP_ASSIGN(const std::int64_t value, integer_of(item, field, low, high));
    out.push_back(value);
  }
  return out;
}

Result<bool> CdiFields::truth(std::string_view field) const {
  const Node* found = find(field);
  if (found == nullptr) return false;
  const Yaml11 value = found->kind == Node::Kind::plain ? read_yaml_1_1(found->scalar) : Yaml11();
  if (value.kind != Yaml11::Kind::truth)
    return reading_->fail(found->line, std::string(field) + ": write true or false, without quotes");
  return value.text == "true";
}

Result<const Node*> CdiFields::list(std::string_view field) const {
  const Node* found = find(field);
  if (found != nullptr && found->kind != Node::Kind::sequence)
    return reading_->fail(found->line, std::string(field) + " must be a list");
  return found;
}

Result<std::vector<std::string>> CdiFields::texts(std::string_view field) const {
  std::vector<std::string> out;
  LOCKSTEP_ASSIGN(const Node* found, list(field));
  if (found == nullptr) return out;
  for (const Node& item : found->items) {
    LOCKSTEP_ASSIGN(std::string each, text_of(item, field));
    out.push_back(std::move(each));
  }
  return out;
}

}  // namespace lockstep
