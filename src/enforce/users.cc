#include "enforce/users.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <functional>
#include <string_view>

#include "base/fork.h"
#include "base/unique_fd.h"

namespace lockstep {
namespace {

constexpr char getent[] = "/usr/bin/getent";
constexpr unsigned patience_s = 10;
constexpr std::size_t longest_answer = 1U << 20, longest_file = 64U << 20;
constexpr int knows_none = 2, cannot_be_executed = 126;  // exit codes; the first is getent's own

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

// At most `most` parts; the last one is all that is left.
std::vector<std::string_view> split(std::string_view text, char by, std::size_t most) {
  std::vector<std::string_view> out;
  while (out.size() + 1 < most) {
    const std::size_t end = text.find(by);
    if (end == std::string_view::npos) break;
    out.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  out.push_back(text);
  return out;
}

using Fields = std::vector<std::string_view>;
// Each line in fields, until `meant` says true. What begins with #, + or - names nobody: a comment, or a word to libc.
bool any_line(std::string_view text, std::size_t fields, const std::function<bool(const Fields&)>& meant) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#' || line[0] == '+' || line[0] == '-') continue;
    if (const Fields parts = split(line, ':', fields); parts.size() == fields && meant(parts)) return true;
  }
  return false;
}

// Nothing where there is no such file. A pipe would keep us waiting, and is none.
Result<std::string> read_file(const char* path) {
  std::string out;
  const UniqueFd fd(::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return out;
  struct stat st {};
  if (!fd || ::fstat(fd.get(), &st) != 0) return system_error(errno, std::string("open(\"") + path + "\")");
  if (!S_ISREG(st.st_mode)) return system_error(EINVAL, std::string(path) + " is no file");
  char buffer[1U << 16];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, std::string("read(\"") + path + "\")");
    if (n == 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > longest_file) return system_error(EFBIG, path);
  }
}

// --- getent ---

// Standard ones may be closed, and what becomes one of them then must not be what stands for another.
Result<UniqueFd> above_standard(UniqueFd fd) {
  if (fd && fd.get() > 2) return fd;
  UniqueFd out(fd ? ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3) : -1);
  if (!out) return system_error(errno, "a descriptor for getent");
  return out;
}

// Two processes, which may be copies of one with threads: system calls alone. The first ends by itself: with us, or by
// an alarm; the program ends with it, so that no signal is ever sent to a number. The first is there because whatever
// executes a program sends SIGCHLD at its end. Without our environment: who runs us does not choose who answers.
[[noreturn]] void become_getent(const char* database, const char* key, int null, int out) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (const int number : {SIGALRM, SIGCHLD}) ::sigaction(number, &by_default, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::alarm(patience_s);
  const pid_t pid = clone_process(SIGCHLD);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::dup2(null, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(null, 2) < 0) ::_exit(cannot_be_executed);
    const char* argv[] = {getent, database, key, nullptr};
    const char* environment[] = {nullptr};
    ::execve(getent, const_cast<char**>(argv), const_cast<char**>(environment));
    ::_exit(errno == ENOENT ? knows_none : cannot_be_executed);  // without the program there are the files alone
  }
  int status = 0;
  if (pid < 0 || !wait_for(pid, &status) || !WIFEXITED(status)) ::_exit(cannot_be_executed);
  ::_exit(WEXITSTATUS(status));
}

Result<std::string> read_answer(int fd) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(patience_s + 1);
  std::string out;
  char buffer[4096];
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd wait{fd, POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&wait, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return system_error(errno, "poll()");
    if (ready == 0) return system_error(ETIMEDOUT, std::string(getent) + " does not answer");
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "read()");
    if (n == 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > longest_answer) return system_error(EFBIG, std::string("the answer of ") + getent);
  }
}

// The one line that getent(1) prints of a key, without its end; empty where it knows none.
Result<std::string> ask(const char* database, const std::string& key) {
  // It would take such a key for a flag, or for none and print everybody; and no list has such a name.
  if (key.empty() || key[0] == '-' || key.find_first_of(std::string_view(":\n\0", 3)) != std::string::npos)
    return std::string();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "pipe2()");
  UniqueFd reads(ends[0]), writes(ends[1]);
  LOCKSTEP_ASSIGN(reads, above_standard(std::move(reads)));
  LOCKSTEP_ASSIGN(writes, above_standard(std::move(writes)));
  LOCKSTEP_ASSIGN(UniqueFd null, above_standard(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC))));
  const pid_t pid = clone_process(0);
  if (pid == 0) become_getent(database, key.c_str(), null.get(), writes.get());
  if (pid < 0) return call_error("clone()");
  writes.reset();
  Result<std::string> out = read_answer(reads.get());
  reads.reset();
  int status = 0;
  if (!wait_for(pid, &status, unseen)) return call_error("waitpid()");
  LOCKSTEP_CHECK(out);
  if (WIFEXITED(status) && WEXITSTATUS(status) == knows_none) return std::string();
  const std::size_t end = out->find('\n');
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || end == std::string::npos || end + 1 != out->size())
    return system_error(EIO, std::string(getent) + " " + database + " " + printable(key) + " fails");
  out->pop_back();
  return out;
}

Error unreadable(const char* database, const std::string& key) {
  return system_error(EIO, std::string("the answer of ") + getent + " " + database + " " + printable(key) +
                               " is not what was asked for");
}

// True where the file or else getent has a line that is meant.
Result<bool> find(const char* database, const std::string& key, std::size_t fields,
                  const std::function<bool(const Fields&)>& meant) {
  LOCKSTEP_ASSIGN(const std::string file, read_file((std::string("/etc/") + database).c_str()));
  if (any_line(file, fields, meant)) return true;
  LOCKSTEP_ASSIGN(const std::string answer, ask(database, key));
  if (answer.empty()) return false;
  if (!any_line(answer, fields, meant)) return unreadable(database, key);
  return true;
}

// Whether groups have sources that list members beside /etc/group and systemd, whose members it finds by the user.
bool groups_lie_elsewhere(std::string_view configuration) {
  return any_line(configuration, 2, [](const Fields& line) {
    const std::string_view database = line[0].substr(0, line[0].find_first_of(" \t"));
    if (database != "group" && database != "initgroups") return false;
    std::string_view left = trimmed(line[1].substr(0, line[1].find('#')));
    while (!left.empty()) {
      const std::size_t end = std::min(left.find_first_of(" \t"), left.size());
      const std::string_view word = left.substr(0, end);
      left = trimmed(left.substr(end));
      if (word[0] != '[' && word != "files" && word != "compat" && word != "systemd") return true;
    }
    return false;
  });
}

}  // namespace

std::optional<unsigned> id_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (value == static_cast<unsigned>(-1) || text.empty() || ec != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

Result<std::optional<User>> find_user(const std::string& name_or_number) {
  const std::optional<unsigned> wanted = id_number(name_or_number);
  User out;
  const auto meant = [&](const Fields& fields) {
    const std::optional<unsigned> uid = id_number(fields[2]), gid = id_number(fields[3]);
    if (!uid || !gid || fields[0].empty() || (wanted ? uid != wanted : fields[0] != name_or_number)) return false;
    out = {std::string(fields[0]), *uid, *gid};
    return true;
  };
  LOCKSTEP_ASSIGN(const bool found, find("passwd", name_or_number, 7, meant));
  return found ? std::optional<User>(std::move(out)) : std::nullopt;
}

Result<std::optional<gid_t>> find_group(const std::string& name) {
  std::optional<gid_t> out;
  const auto meant = [&](const Fields& fields) {
    if (fields[0] == name) out = id_number(fields[2]);
    return out.has_value();
  };
  LOCKSTEP_CHECK(find("group", name, 4, meant));
  return out;
}

Result<std::vector<gid_t>> groups_of(const std::string& user, gid_t first) {
  std::vector<gid_t> out = {first};
  const auto add = [&](gid_t gid) {
    if (std::find(out.begin(), out.end(), gid) == out.end()) out.push_back(gid);
  };
  LOCKSTEP_ASSIGN(const std::string file, read_file("/etc/group"));
  any_line(file, 4, [&](const Fields& fields) {
    const std::optional<unsigned> gid = id_number(fields[2]);
    for (const std::string_view member : split(fields[3], ',', fields[3].size() + 1))
      if (gid && trimmed(member) == user) add(*gid);
    return false;
  });
  LOCKSTEP_ASSIGN(const std::string configuration, read_file("/etc/nsswitch.conf"));
  if (!groups_lie_elsewhere(configuration)) return out;
  // The user's name, which may have blanks and numbers in it, and the groups.
  LOCKSTEP_ASSIGN(const std::string answer, ask("initgroups", user));
  if (answer.empty()) return out;
  if (!answer.starts_with(user)) return unreadable("initgroups", user);
  std::string_view left = std::string_view(answer).substr(user.size());
  if (!left.empty() && left[0] != ' ') return unreadable("initgroups", user);
  for (left = trimmed(left); !left.empty();) {
    const std::size_t end = std::min(left.find(' '), left.size());
    const std::optional<unsigned> gid = id_number(left.substr(0, end));
    if (!gid) return unreadable("initgroups", user);
    add(*gid);
    left = trimmed(left.substr(end));
  }
  return out;
}

}  // namespace lockstep
