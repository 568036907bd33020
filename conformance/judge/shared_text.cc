#include "conformance/judge/shared_text.h"

#include <set>

namespace lockstep::conformance::judge {

const std::string& SharedText::kept(std::string_view text) {
  static const std::string none;
  static std::set<std::string, std::less<>> texts;
  if (text.empty()) return none;
  const auto found = texts.find(text);
  return found != texts.end() ? *found : *texts.emplace(text).first;
}

}  // namespace lockstep::conformance::judge
