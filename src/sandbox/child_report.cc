#include "sandbox/child_report.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

namespace lockstep {
namespace {

enum Message { failed = 1, restricted = 2, ended_early = 3 };

bool write_all(int fd, const void* bytes, std::size_t size) noexcept {
  for (std::size_t at = 0; at < size;) {
    const ssize_t n = ::write(fd, static_cast<const char*>(bytes) + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

bool read_all(int fd, void* bytes, std::size_t size) noexcept {
  for (std::size_t at = 0; at < size;) {
    const ssize_t n = ::read(fd, static_cast<char*>(bytes) + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

// Each message begins with its own length.
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
    if (bytes_.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return false;
    const int size = static_cast<int>(bytes_.size());
    return write_all(fd, &size, sizeof(size)) && write_all(fd, bytes_.data(), bytes_.size());
  }

 private:
  std::string bytes_;
};

// What was cut off reads as 0 and as nothing, and cut_off() says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool cut_off() const { return cut_off_; }
  int number() {
    int value = 0;
    const std::string_view bytes = take(sizeof(value));
    if (!cut_off_) std::memcpy(&value, bytes.data(), sizeof(value));
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

Error read_failure(Reader& in) {
  Error out;
  out.kind = static_cast<ErrorKind>(in.number());
  out.err = in.number();
  out.message = in.text();
  out.file = in.text();
  out.line = in.number();
  return out;
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

}  // namespace

bool send_failure(const Error& error, int fd) {
  Writer out;
  out.number(failed).number(static_cast<int>(error.kind)).number(error.err).text(error.message);
  return out.text(error.file).number(error.line).send(fd);
}

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

// As a message of three numbers.
bool send_end(Ended ended, int fd) noexcept {
  const int words[] = {3 * sizeof(int), ended_early, static_cast<int>(ended.why), ended.err};
  return write_all(fd, words, sizeof(words));
}

std::optional<Ended> read_end(int fd) noexcept {
  int words[4] = {};
  if (!read_all(fd, words, sizeof(words))) return std::nullopt;
  return Ended{static_cast<Ending>(words[2]), words[3]};
}

Error error_of(Ended ended, const std::string& command) {
  if (ended.why == Ending::exec_failed) return system_error(ended.err, "execvp(\"" + printable(command) + "\")");
  if (ended.why == Ending::no_memory)
    return system_error(ENOMEM, "the child of spawn(), before it had executed the command");
  return internal_error("the child of spawn() ended by an exception before it had executed the command");
}

Result<void> read_report(int fd, Spawned& out) {
  int size = 0;
  std::string bytes;
  if (read_all(fd, &size, sizeof(size)) && size > 0) bytes.resize(static_cast<std::size_t>(size));
  const bool whole = !bytes.empty() && read_all(fd, bytes.data(), bytes.size());
  Reader in(bytes);
  const int message = whole ? in.number() : 0;
  Error error = internal_error("the child ended before it had executed the command");
  if (message == restricted) {
    read_restricted(in, out);
    if (!in.cut_off()) return {};
  } else if (message == failed) {
    Error said = read_failure(in);
    if (!in.cut_off()) return said;
  } else if (message == ended_early) {
    const Ended ended{static_cast<Ending>(in.number()), in.number()};
    if (!in.cut_off()) return error_of(ended, "");
  }
  return error;
}

}  // namespace lockstep
