#include "syntax/yaml_aliases.h"

#include <yaml-cpp/exceptions.h>

#include <utility>

namespace lockstep {
namespace {

// yaml-cpp's own tags are "!" for a quoted scalar and "?" for anything plain.
std::string usual_tag(const std::string& tag) {
  constexpr std::string_view core = "tag:yaml.org,2002:";
  if (tag == std::string(core) + "str") return "!";
  return tag == std::string(core) + "map" || tag == std::string(core) + "seq" ? "?" : tag;
}

}  // namespace

void YamlAliases::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  take({Event::Kind::null, mark, "", ""}, anchor);
}

void YamlAliases::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
  take({Event::Kind::scalar, mark, usual_tag(tag), value}, anchor);
}

void YamlAliases::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                  YAML::EmitterStyle::value) {
  take({Event::Kind::sequence, mark, usual_tag(tag), ""}, anchor);
  open_.push_back(anchor);
}

void YamlAliases::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value) {
  take({Event::Kind::mapping, mark, usual_tag(tag), ""}, anchor);
  open_.push_back(anchor);
}

void YamlAliases::OnSequenceEnd() {
  close(Event::Kind::sequence_end);
}
void YamlAliases::OnMapEnd() {
  close(Event::Kind::mapping_end);
}

void YamlAliases::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const Range range = anchors_.at(anchor);  // yaml-cpp has refused a name that no anchor has
  if (range.end == 0) throw YAML::ParserException(mark, "an alias inside what it stands for");
  if (events_.size() + (range.end - range.first) > most_repeated)
    throw YAML::ParserException(mark, "aliases that grow past every use");
  // The line is that of the alias: what is wrong with it there is found there.
  for (std::size_t i = range.first; i < range.end; ++i) {
    Event event = events_[i];
    event.mark = mark;
    events_.push_back(event);
    pass_on(event);
  }
}

void YamlAliases::take(Event event, YAML::anchor_t anchor) {
  const bool opens = event.kind == Event::Kind::sequence || event.kind == Event::Kind::mapping;
  if (anchor != 0) anchors_[anchor] = {events_.size(), opens ? 0 : events_.size() + 1};
  pass_on(event);
  if (!anchors_.empty()) events_.push_back(std::move(event));
}

void YamlAliases::close(Event::Kind kind) {
  take({kind, YAML::Mark(), "", ""}, 0);
  if (open_.back() != 0) anchors_[open_.back()].end = events_.size();
  open_.pop_back();
}

void YamlAliases::pass_on(const Event& event) {
  switch (event.kind) {
    case Event::Kind::null:
      return out_.OnNull(event.mark, 0);
    case Event::Kind::scalar:
      return out_.OnScalar(event.mark, event.tag, 0, event.value);
    case Event::Kind::sequence:
      return out_.OnSequenceStart(event.mark, event.tag, 0, YAML::EmitterStyle::Default);
    case Event::Kind::sequence_end:
      return out_.OnSequenceEnd();
    case Event::Kind::mapping:
      return out_.OnMapStart(event.mark, event.tag, 0, YAML::EmitterStyle::Default);
    case Event::Kind::mapping_end:
      return out_.OnMapEnd();
  }
}

}  // namespace lockstep
