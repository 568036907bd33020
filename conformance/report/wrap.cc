#include "conformance/report/wrap.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace lockstep::conformance::report {
namespace {

constexpr std::size_t narrowest = 40;  // below it, broken text is no easier to read

// Columns, of UTF-8 and with colours left out.
std::size_t columns(std::string_view text) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80U) {
      ++out;
    }
  }
  return out;
}

// Where a line's text begins behind its first word, "skipped   553 rows": there its next line begins too.
std::size_t indent_of(std::string_view line) {
  const std::size_t start = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t gap = line.find("  ", start);
  const std::size_t text = gap == std::string_view::npos ? gap : line.find_first_not_of(' ', gap);
  constexpr std::size_t furthest = 12;
  return text != std::string_view::npos && text <= furthest ? text : std::min(start + 2, furthest);
}

void wrap_line(std::string_view line, std::size_t width, std::string* out) {
  const std::size_t indent = indent_of(line);
  std::size_t room = width;
  bool first = true;
  while (columns(line) > room) {
    // The last space within the room; where the first word is longer, the first one behind it.
    std::size_t at = std::string_view::npos;
    for (std::size_t space = line.find(' ', first ? indent : 0); space != std::string_view::npos;
         space = line.find(' ', space + 1)) {
      if (at != std::string_view::npos && columns(line.substr(0, space)) > room) break;
      at = space;
    }
    if (at == std::string_view::npos) break;
    out->append(line.substr(0, at)).append("\n").append(indent, ' ');
    line.remove_prefix(std::min(line.find_first_not_of(' ', at), line.size()));
    room = width - indent;
    first = false;
  }
  out->append(line);
}

}  // namespace

std::size_t terminal_width() {
  unsigned width = 0;
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr && *columns != '\0') {
    const char* end = columns + std::strlen(columns);
    const auto [read, error] = std::from_chars(columns, end, width);
    if (error == std::errc() && read == end && width > 0) return std::max<std::size_t>(width, narrowest);
  }
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  return std::max<std::size_t>(size.ws_col, narrowest);
}

std::string wrap(std::string_view text, std::size_t width) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (width == 0) {
      out.append(line);
    } else {
      wrap_line(line, width, &out);
    }
    if (end == std::string_view::npos) break;
    out += '\n';
    text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace lockstep::conformance::report
