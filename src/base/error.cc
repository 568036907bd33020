#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iterator>

#include <lockstep/error.h>

namespace lockstep {
namespace {

struct ErrnoName {
  int err;
  std::string_view name;
};

// The errnos a policy, a probe or the harness can meet. strerrorname_np() would do, but it is newer than the oldest C
// library the runner kit supports, and the reverse direction is needed as well.
constexpr ErrnoName errno_names[] = {
    {EPERM, "EPERM"},
    {ENOENT, "ENOENT"},
    {ESRCH, "ESRCH"},
    {EINTR, "EINTR"},
    {EIO, "EIO"},
    {ENXIO, "ENXIO"},
    {E2BIG, "E2BIG"},
    {ENOEXEC, "ENOEXEC"},
    {EBADF, "EBADF"},
    {ECHILD, "ECHILD"},
    {EAGAIN, "EAGAIN"},
    {ENOMEM, "ENOMEM"},
    {EACCES, "EACCES"},
    {EFAULT, "EFAULT"},
    {ENOTBLK, "ENOTBLK"},
    {EBUSY, "EBUSY"},
    {EEXIST, "EEXIST"},
    {EXDEV, "EXDEV"},
    {ENODEV, "ENODEV"},
    {ENOTDIR, "ENOTDIR"},
    {EISDIR, "EISDIR"},
    {EINVAL, "EINVAL"},
    {ENFILE, "ENFILE"},
    {EMFILE, "EMFILE"},
    {ENOTTY, "ENOTTY"},
    {ETXTBSY, "ETXTBSY"},
    {EFBIG, "EFBIG"},
    {ENOSPC, "ENOSPC"},
    {ESPIPE, "ESPIPE"},
    {EROFS, "EROFS"},
    {EMLINK, "EMLINK"},
    {EPIPE, "EPIPE"},
    {EDOM, "EDOM"},
    {ERANGE, "ERANGE"},
    {EDEADLK, "EDEADLK"},
    {ENAMETOOLONG, "ENAMETOOLONG"},
    {ENOSYS, "ENOSYS"},
    {ENOTEMPTY, "ENOTEMPTY"},
    {ELOOP, "ELOOP"},
    {ENOMSG, "ENOMSG"},
    {ENODATA, "ENODATA"},
    {ETIME, "ETIME"},
    {EPROTO, "EPROTO"},
    {EOVERFLOW, "EOVERFLOW"},
    {EBADFD, "EBADFD"},
    {EILSEQ, "EILSEQ"},
    {EUSERS, "EUSERS"},
    {ENOTSOCK, "ENOTSOCK"},
    {EOPNOTSUPP, "EOPNOTSUPP"},
    {EAFNOSUPPORT, "EAFNOSUPPORT"},
    {EADDRINUSE, "EADDRINUSE"},
    {ECONNREFUSED, "ECONNREFUSED"},
    {ECONNRESET, "ECONNRESET"},
    {ENOTCONN, "ENOTCONN"},
    {ETIMEDOUT, "ETIMEDOUT"},
    {EPROTOTYPE, "EPROTOTYPE"},
    {ESTALE, "ESTALE"},
    {EDQUOT, "EDQUOT"},
    {EMSGSIZE, "EMSGSIZE"},
    {ENOBUFS, "ENOBUFS"},
};

// Length of the valid UTF-8 sequence at the start of `text`; 0 where there is none. Rejects overlong forms, surrogates
// and code points above U+10FFFF.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

char32_t code_point(std::string_view sequence) {
  const auto first = static_cast<std::uint8_t>(sequence[0]);
  if (sequence.size() == 1) return first;
  auto out = static_cast<char32_t>(first & (0xffU >> (sequence.size() + 1)));
  for (const char c : sequence.substr(1)) out = out << 6 | (static_cast<std::uint8_t>(c) & 0x3fU);
  return out;
}

// What nobody sees, and what moves the text around it: controls, every space but the plain one, line separators,
// bidirectional controls, joiners and other zero-width characters, variation selectors, tags.
constexpr struct {
  char32_t first, last;
} unseen[] = {
    {0x0000, 0x001f}, {0x007f, 0x00a0}, {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x061c, 0x061c},
    {0x115f, 0x1160}, {0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x2000, 0x200f},
    {0x2028, 0x202f}, {0x205f, 0x206f}, {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},
    {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
};

bool is_unseen(char32_t code) {
  return std::any_of(std::begin(unseen), std::end(unseen),
                     [&](const auto& range) { return code >= range.first && code <= range.last; });
}

}  // namespace

std::string Error::to_string() const {
  if (file.empty()) return message;
  const std::string where = printable(file);
  return line > 0 ? where + ":" + std::to_string(line) + ": " + message : where + ": " + message;
}

Error system_error(int err, std::string call) {
  return {ErrorKind::system, err, std::move(call) + ": " + std::strerror(err) + " (" + errno_name(err) + ")", {}, 0};
}

Error input_error(std::string file, int line, std::string message) {
  return {ErrorKind::input, 0, std::move(message), std::move(file), line};
}

Error unsupported_error(int err, std::string message) {
  return {ErrorKind::unsupported, err, std::move(message), {}, 0};
}

Error internal_error(std::string message) {
  return {ErrorKind::internal, 0, std::move(message), {}, 0};
}

std::string errno_name(int err) {
  if (err == 0) return "ok";
  for (const ErrnoName& entry : errno_names)
    if (entry.err == err) return std::string(entry.name);
  return "errno " + std::to_string(err);
}

std::optional<int> errno_from_name(std::string_view name) {
  if (name == "allow" || name == "ok") return 0;
  for (const ErrnoName& entry : errno_names)
    if (entry.name == name) return entry.err;
  return std::nullopt;
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  // A CI runner takes a line that begins with "::" and what follows "##" anywhere in one for commands to itself.
  const std::size_t start = text.find_first_not_of(' ');
  const std::size_t command =
      start != std::string_view::npos && text.substr(start, 2) == "::" ? start : std::string_view::npos;
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t valid = utf8_length(text.substr(at)), length = valid == 0 ? 1 : valid;
    const std::string_view one = text.substr(at, length);
    const bool commands = at == command || (at > 0 && one == "#" && text[at - 1] == '#');
    if (valid != 0 && one != "\\" && !commands && !is_unseen(code_point(one))) {
      out += one;
    } else {
      for (const char c : one) {
        const auto byte = static_cast<std::uint8_t>(c);
        out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      }
    }
    at += length;
  }
  return out;
}

}  // namespace lockstep
