#include "enforce/users.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <functional>
#include <sstream>

#include "base/fork.h"
#include "base/unique_fd.h"

namespace lockstep {
namespace {

using Fields = std::vector<std::string>;

Fields split(const std::string& line, char by) {
  Fields out;
  std::istringstream in(line);
  for (std::string each; std::getline(in, each, by);) out.push_back(each);
  return out;
}

// What getent(1) prints of one key; nothing where it knows none, or cannot be run. By its full name and without our
// environment: who runs us does not choose who answers.
std::string ask(const char* database, const std::string& key) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const UniqueFd from_child(ends[0]);
  UniqueFd to_us(ends[1]);
  std::string program = "/usr/bin/getent", words = database, last = key;
  char* argv[] = {program.data(), words.data(), last.data(), nullptr};
  char* environment[] = {nullptr};
  const pid_t pid = fork_process();
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (::dup2(null, 0) >= 0 && ::dup2(null, 2) >= 0 && ::dup2(to_us.get(), 1) >= 0)
      ::execve(argv[0], argv, environment);
    ::_exit(127);
  }
  to_us.reset();
  std::string out;
  if (pid < 0) return out;
  char buffer[4096];
  while (true) {
    const ssize_t n = ::read(from_child.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(buffer, static_cast<std::size_t>(n));
  }
  int status = 0;
  wait_for(pid, &status);
  return out;
}

// The fields of the first line that is meant: of the file, else of what getent says.
std::optional<Fields> find(const char* database, const std::string& key, std::size_t least,
                           const std::function<bool(const Fields&)>& is_meant) {
  const auto first_of = [&](std::istream&& in) -> std::optional<Fields> {
    for (std::string line; std::getline(in, line);)
      if (Fields fields = split(line, ':'); fields.size() >= least && is_meant(fields)) return fields;
    return std::nullopt;
  };
  std::optional<Fields> out = first_of(std::ifstream(std::string("/etc/") + database));
  // getent would take such a key for a flag or for no key at all, and print everybody.
  const bool can_be_asked = !key.empty() && key[0] != '-';
  return out || !can_be_asked ? out : first_of(std::istringstream(ask(database, key)));
}

// Whether groups have sources that list members beside /etc/group and systemd, whose members it finds by the user.
bool groups_lie_elsewhere() {
  std::ifstream in("/etc/nsswitch.conf");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word;
    if (!(words >> word) || word != "group:") continue;
    while (words >> word)
      if (word[0] != '[' && word != "files" && word != "compat" && word != "systemd") return true;
  }
  return false;
}

}  // namespace

std::optional<unsigned> id_number(const std::string& text) {
  unsigned value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (value == static_cast<unsigned>(-1) || text.empty() || ec != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

std::optional<User> find_user(const std::string& name_or_number) {
  const std::optional<unsigned> wanted = id_number(name_or_number);
  User out;
  const auto is_meant = [&](const Fields& fields) {
    const std::optional<unsigned> uid = id_number(fields[2]), gid = id_number(fields[3]);
    if (!uid || !gid || (wanted ? uid != wanted : fields[0] != name_or_number)) return false;
    out = {fields[0], *uid, *gid};
    return true;
  };
  if (!find("passwd", name_or_number, 4, is_meant)) return std::nullopt;
  return out;
}

std::optional<gid_t> find_group(const std::string& name) {
  const std::optional<Fields> found = find(
      "group", name, 3, [&](const Fields& fields) { return fields[0] == name && id_number(fields[2]).has_value(); });
  return found ? id_number((*found)[2]) : std::nullopt;
}

std::vector<gid_t> groups_of(const std::string& user, gid_t first) {
  std::vector<gid_t> out = {first};
  const auto add = [&](const std::optional<unsigned>& gid) {
    if (gid && std::find(out.begin(), out.end(), *gid) == out.end()) out.push_back(*gid);
  };
  std::ifstream in("/etc/group");
  for (std::string line; std::getline(in, line);) {
    const Fields fields = split(line, ':');
    if (fields.size() < 4) continue;
    const Fields members = split(fields[3], ',');
    if (std::find(members.begin(), members.end(), user) != members.end()) add(id_number(fields[2]));
  }
  if (groups_lie_elsewhere() && user[0] != '-') {
    std::istringstream said(ask("initgroups", user));
    std::string word;
    for (said >> word; said >> word;) add(id_number(word));
  }
  return out;
}

}  // namespace lockstep
