// Replaces YAML's aliases: a filter of yaml-cpp's events that repeats, for *name, what stood at &name.
//
//   YamlEvents events(builder);
//   YamlAliases aliases(events);
//   parser.HandleNextDocument(aliases);      // `events` sees neither anchors nor aliases
//
// For CDI specs, which runtimes read so; a policy has no aliases. Throws YAML::ParserException where an alias stands
// inside what it names, or where the result grows past `most_repeated` events. The tags !!str, !!map and !!seq are
// passed on as yaml-cpp's own: they say what is so anyway.
#ifndef LOCKSTEP_SYNTAX_YAML_ALIASES_H_
#define LOCKSTEP_SYNTAX_YAML_ALIASES_H_

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace lockstep {

class YamlAliases : public YAML::EventHandler {
 public:
  static constexpr std::size_t most_repeated = 100'000;

  explicit YamlAliases(YAML::EventHandler& out) : out_(out) {}

  void OnDocumentStart(const YAML::Mark& mark) override { out_.OnDocumentStart(mark); }
  void OnDocumentEnd() override { out_.OnDocumentEnd(); }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override;
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override;

 private:
  struct Event {
    enum class Kind { null, scalar, sequence, sequence_end, mapping, mapping_end };
    Kind kind;
    YAML::Mark mark;
    std::string tag;
    std::string value;
  };
  struct Range {
    std::size_t first;
    std::size_t end;  // 0: still open
  };

  void take(Event event, YAML::anchor_t anchor);
  void pass_on(const Event& event);
  void close(Event::Kind kind);

  YAML::EventHandler& out_;
  std::vector<Event> events_;  // from the first anchor on
  std::map<YAML::anchor_t, Range> anchors_;
  std::vector<YAML::anchor_t> open_;  // of each sequence and mapping around; 0: it has none
};

}  // namespace lockstep

#endif  // LOCKSTEP_SYNTAX_YAML_ALIASES_H_
