// spawn(): a child that restricts itself and executes a command, and what it says to its parent on the way.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <lockstep/sandbox.h>

#include "base/unique_fd.h"
#include "sandbox/opened_policy.h"

namespace lockstep {
namespace {

// The child is this very program, and nobody else writes: numbers as they lie in memory, texts by their length.
class Writer {
 public:
  Writer& number(int value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Writer& text(std::string_view value) {
    number(static_cast<int>(value.size()));
    bytes_.append(value);
    return *this;
  }
  bool send(int fd) const {
    for (std::size_t at = 0; at < bytes_.size();) {
      const ssize_t n = ::write(fd, bytes_.data() + at, bytes_.size() - at);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      at += static_cast<std::size_t>(n);
    }
    return true;
  }

 private:
  std::string bytes_;
};

// What was cut off reads as 0 and as nothing, and cut_off() says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  bool cut_off() const { return cut_off_; }
  int number() {
    int value = 0;
    const std::string_view bytes = take(sizeof(value));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
  }
  std::string text() { return std::string(take(static_cast<std::size_t>(number()))); }

 private:
  std::string_view take(std::size_t size) {
    cut_off_ = cut_off_ || size > rest_.size();
    if (cut_off_) return {};
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }

  std::string_view rest_;
  bool cut_off_ = false;
};

enum Message { failed = 1, restricted = 2 };

void send_failure(const Error& error, int fd) {
  Writer out;
  out.number(failed).number(static_cast<int>(error.kind)).number(error.err).text(error.message);
  out.text(error.file).number(error.line).send(fd);
}

Error read_failure(Reader& in) {
  Error out;
  out.kind = static_cast<ErrorKind>(in.number());
  out.err = in.number();
  out.message = in.text();
  out.file = in.text();
  out.line = in.number();
  return out;
}

// What the opening of the paths added to what the parent knows.
bool send_restricted(const OpenedPolicy& opened, std::size_t known, int fd) {
  Writer out;
  out.number(restricted).number(static_cast<int>(opened.notices.size() - known));
  for (std::size_t i = known; i < opened.notices.size(); ++i) {
    const Notice& each = opened.notices[i];
    out.number(static_cast<int>(each.level)).text(each.code).text(each.path).text(each.message);
  }
  out.number(static_cast<int>(opened.enforcement.skipped.size()));
  for (const SkippedPath& each : opened.enforcement.skipped)
    out.text(each.path).number(static_cast<int>(each.origin)).text(each.reason).number(each.line);
  out.number(static_cast<int>(opened.enforcement.pinned.size()));
  for (const std::string& each : opened.enforcement.pinned) out.text(each);
  return out.send(fd);
}

void read_restricted(Reader& in, Spawned& out) {
  for (int left = in.number(); left > 0 && !in.cut_off(); --left) {
    Notice& each = out.notices.emplace_back();
    each.level = static_cast<Notice::Level>(in.number());
    each.code = in.text();
    each.path = in.text();
    each.message = in.text();
  }
  for (int left = in.number(); left > 0 && !in.cut_off(); --left) {
    SkippedPath& each = out.enforcement.skipped.emplace_back();
    each.path = in.text();
    each.origin = static_cast<Origin>(in.number());
    each.reason = in.text();
    each.line = in.number();
  }
  for (int left = in.number(); left > 0 && !in.cut_off(); --left) out.enforcement.pinned.push_back(in.text());
}

Result<Enforcement> open_and_enforce(OpenedPolicy& opened) {
  LOCKSTEP_CHECK(open_paths(opened));
  return enforce(opened, Pins::in_a_process_beside);
}

[[noreturn]] void become(OpenedPolicy& opened, const std::vector<std::string>& argv, int fd) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const std::size_t known = opened.notices.size();
  if (const Result<Enforcement> done = open_and_enforce(opened); !done.ok()) {
    send_failure(done.error(), fd);
  } else if (send_restricted(opened, known, fd)) {
    ::execvp(words[0], words.data());
    send_failure(system_error(errno, "execvp(\"" + printable(argv[0]) + "\")"), fd);
  }
  ::_exit(127);
}

// Until the child has executed, which closes its end, or has ended.
std::string read_all(int fd) {
  std::string out;
  char buffer[4096];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

Result<void> read_reply(const std::string& bytes, Spawned& out) {
  Reader in(bytes);
  int message = in.number();
  if (message == restricted) {
    read_restricted(in, out);
    if (in.at_end() && !in.cut_off()) return {};
    message = in.number();
  }
  Error error = message == failed ? read_failure(in) : Error();
  if (message != failed || in.cut_off()) return internal_error("the child ended before it had executed the command");
  return error;
}

}  // namespace

Result<Spawned> spawn(const Policy& policy, const std::vector<std::string>& argv,
                      const std::optional<Identity>& identity, const SandboxOptions& options) {
  if (argv.empty()) return input_error("", 0, "spawn(): there is no command");
  LOCKSTEP_ASSIGN(EffectivePolicy effective, enrich(policy, options.context));
  LOCKSTEP_ASSIGN(OpenedPolicy opened, plan_policy(std::move(effective), options, identity));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "pipe2()");
  const UniqueFd from_child(ends[0]);
  UniqueFd to_parent(ends[1]);
  Spawned out;
  out.notices = opened.notices;
  out.enforcement = opened.enforcement;
  out.pid = ::fork();
  if (out.pid < 0) return system_error(errno, "fork()");
  if (out.pid == 0) become(opened, argv, to_parent.get());
  to_parent.reset();
  if (Result<void> done = read_reply(read_all(from_child.get()), out); !done.ok()) {
    while (::waitpid(out.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return std::move(done).error();
  }
  return out;
}

}  // namespace lockstep
