#include "base/flags.h"

#include <algorithm>
#include <charconv>

#include "base/complain.h"
#include "base/suggest.h"

namespace lockstep {

FlagReader::FlagReader(std::vector<std::string> words, std::vector<std::string> known, const char* kind)
    : words_(std::move(words)), kind_(kind) {
  known_.push_back({"--help", false, true});
  for (std::string& each : known) {
    Known flag;
    flag.again = each.ends_with('*');
    if (flag.again) each.pop_back();
    flag.takes_value = each.ends_with('=');
    if (flag.takes_value) each.pop_back();
    flag.name = std::move(each);
    known_.push_back(std::move(flag));
  }
}

Result<Flag> FlagReader::next() {
  const std::string word = words_[at_++];
  if (word == "-h") return Flag{"--help", {}};
  if (!word.starts_with('-') || word == "-") return Flag{{}, word};
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  const auto flag = std::find_if(known_.begin(), known_.end(), [&](const Known& each) { return each.name == name; });
  if (flag == known_.end()) {
    std::vector<std::string_view> names;
    for (const Known& each : known_) names.push_back(each.name);
    return usage_error(std::string("unknown ") + kind_ + " " + printable(name) + did_you_mean(suggestion(name, names)));
  }
  if (!flag->takes_value && equals != std::string::npos)
    return usage_error(std::string("unknown ") + kind_ + " " + printable(word) + ": " + name + " takes no value");
  if (flag->given && !flag->again) return usage_error(name + " is given twice");
  flag->given = true;
  if (name == "--") {
    rest_.assign(words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end());
    at_ = words_.size();
  }
  if (!flag->takes_value) return Flag{name, {}};
  if (equals != std::string::npos) return Flag{name, word.substr(equals + 1), true};
  if (!more()) return usage_error(name + " needs a value");
  return Flag{name, words_[at_++], true};
}

Result<std::uint64_t> read_number(const Flag& flag, std::uint64_t low, std::uint64_t high, const char* unit) {
  const std::string& text = flag.value;
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec == std::errc() && end == text.data() + text.size() && value >= low && value <= high) return value;
  const std::string to = high == UINT64_MAX ? " on" : " to " + std::to_string(high);
  return usage_error(flag.name + " takes " + unit + " from " + std::to_string(low) + to + ", not \"" +
                     printable(text.substr(0, 40)) + "\"");
}

}  // namespace lockstep
