#include "base/suggest.h"

#include <algorithm>

#include <lockstep/abi.h>

namespace lockstep {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// In small letters, with _ for what else stands between words.
std::string levelled(std::string_view word) {
  std::string out(word);
  for (char& c : out)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c == '-' || c == ' ' || c == '.' ? '_' : c;
  return out;
}

// What other tools call them.
struct Alias {
  std::string_view word, means;
};
constexpr Alias rights_elsewhere[] = {
    {"r", "read"},
    {"ro", "read"},
    {"rx", "read"},
    {"r_x", "read"},
    {"read_only", "read"},
    {"readonly", "read"},
    {"w", "write"},
    {"wo", "write"},
    {"write_only", "write"},
    {"rw", "all"},
    {"rwx", "all"},
    {"wx", "all"},
    {"read_write", "all"},
    {"readwrite", "all"},
    {"full", "all"},
    {"*", "all"},
    {"any", "all"},
    {"x", "execute"},
    {"exec", "execute"},
    {"list", "read_dir"},
    {"ls", "read_dir"},
    {"ioctl", "ioctl_dev"},
    {"connect", "resolve_unix"},
    {"delete", "remove_file"},
    {"unlink", "remove_file"},
    {"rmdir", "remove_dir"},
    {"mkdir", "make_dir"},
    {"create", "make_reg"},
    {"rename", "refer"},
    {"link", "refer"},
};

}  // namespace

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr std::size_t longest = 64;
  const std::string level = levelled(word);
  if (word.empty() || word.size() >= longest || known.empty()) return {};
  const auto distance = [&](std::string_view each) { return edit_distance(level, levelled(each)); };
  const auto nearest = std::min_element(
      known.begin(), known.end(), [&](std::string_view a, std::string_view b) { return distance(a) < distance(b); });
  if (distance(*nearest) <= std::min<std::size_t>(3, word.size() / 2)) return std::string(*nearest);
  // A part of a known word: user of run_as_user.
  if (word.size() < 3) return {};
  const auto whole = std::find_if(known.begin(), known.end(), [&](std::string_view each) {
    return levelled(each).find(level) != std::string::npos;
  });
  return whole == known.end() ? std::string() : std::string(*whole);
}

std::string suggestion_for_right(std::string_view word) {
  const std::string level = levelled(word);
  for (const Alias& alias : rights_elsewhere)
    if (alias.word == level) return std::string(alias.means);
  const std::vector<std::string> rights = names(abi_info(newest_abi)->fs);
  std::vector<std::string_view> known = {"read", "write", "cache", "all"};
  known.insert(known.end(), rights.begin(), rights.end());
  return suggestion(word, known);
}

std::string did_you_mean(const std::string& suggested) {
  return suggested.empty() ? "" : "; did you mean " + suggested + "?";
}

}  // namespace lockstep
