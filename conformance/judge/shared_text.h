// A text that many cells have in common, kept once and for as long as the process lives: a run has a quarter of a
// million cells and some thousand such texts. Not for threads.
#ifndef LOCKSTEP_CONFORMANCE_JUDGE_SHARED_TEXT_H_
#define LOCKSTEP_CONFORMANCE_JUDGE_SHARED_TEXT_H_

#include <concepts>
#include <string>
#include <string_view>

namespace lockstep::conformance::judge {

class SharedText {
 public:
  SharedText() : SharedText(std::string_view()) {}
  template <std::convertible_to<std::string_view> Text>
  SharedText(const Text& text) : text_(&kept(text)) {}  // not explicit: a text stands for itself
  const std::string& text() const { return *text_; }
  bool empty() const { return text_->empty(); }

 private:
  static const std::string& kept(std::string_view text);
  const std::string* text_;
};

}  // namespace lockstep::conformance::judge

#endif  // LOCKSTEP_CONFORMANCE_JUDGE_SHARED_TEXT_H_
