#include "base/result.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace lockstep {
namespace {

struct ErrnoName {
  int err;
  std::string_view name;
};

// The errnos a policy, a probe or the harness can meet. strerrorname_np() would do, but it is newer than the oldest C
// library the runner kit supports, and the reverse direction is needed as well.
constexpr ErrnoName errno_names[] = {
    {EPERM, "EPERM"},         {ENOENT, "ENOENT"},     {ESRCH, "ESRCH"},         {EINTR, "EINTR"},
    {EIO, "EIO"},             {ENXIO, "ENXIO"},       {E2BIG, "E2BIG"},         {ENOEXEC, "ENOEXEC"},
    {EBADF, "EBADF"},         {ECHILD, "ECHILD"},     {EAGAIN, "EAGAIN"},       {ENOMEM, "ENOMEM"},
    {EACCES, "EACCES"},       {EFAULT, "EFAULT"},     {ENOTBLK, "ENOTBLK"},     {EBUSY, "EBUSY"},
    {EEXIST, "EEXIST"},       {EXDEV, "EXDEV"},       {ENODEV, "ENODEV"},       {ENOTDIR, "ENOTDIR"},
    {EISDIR, "EISDIR"},       {EINVAL, "EINVAL"},     {ENFILE, "ENFILE"},       {EMFILE, "EMFILE"},
    {ENOTTY, "ENOTTY"},       {ETXTBSY, "ETXTBSY"},   {EFBIG, "EFBIG"},         {ENOSPC, "ENOSPC"},
    {ESPIPE, "ESPIPE"},       {EROFS, "EROFS"},       {EMLINK, "EMLINK"},       {EPIPE, "EPIPE"},
    {EDOM, "EDOM"},           {ERANGE, "ERANGE"},     {EDEADLK, "EDEADLK"},     {ENAMETOOLONG, "ENAMETOOLONG"},
    {ENOSYS, "ENOSYS"},       {ENOTEMPTY, "ENOTEMPTY"}, {ELOOP, "ELOOP"},       {ENOMSG, "ENOMSG"},
    {ENODATA, "ENODATA"},     {ETIME, "ETIME"},       {EPROTO, "EPROTO"},       {EOVERFLOW, "EOVERFLOW"},
    {EBADFD, "EBADFD"},       {EILSEQ, "EILSEQ"},     {EUSERS, "EUSERS"},       {ENOTSOCK, "ENOTSOCK"},
    {EOPNOTSUPP, "EOPNOTSUPP"}, {EAFNOSUPPORT, "EAFNOSUPPORT"}, {EADDRINUSE, "EADDRINUSE"},
    {ECONNREFUSED, "ECONNREFUSED"}, {ECONNRESET, "ECONNRESET"}, {ENOTCONN, "ENOTCONN"},
    {ETIMEDOUT, "ETIMEDOUT"}, {EPROTOTYPE, "EPROTOTYPE"}, {ESTALE, "ESTALE"},   {EDQUOT, "EDQUOT"},
    {EMSGSIZE, "EMSGSIZE"},   {ENOBUFS, "ENOBUFS"},
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

Error internal_error(std::string message) { return {ErrorKind::internal, 0, std::move(message), {}, 0}; }

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
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<std::uint8_t>(text[0]);
    const std::size_t length = utf8_length(text);
    const bool escape = length == 0 || first < 0x20 || first == 0x7f || first == '\\' ||
                        (first == 0xc2 && static_cast<std::uint8_t>(text[1]) < 0xa0);  // C1 controls
    if (escape) {
      const std::size_t bytes = length == 0 ? 1 : length;
      for (std::size_t i = 0; i < bytes; ++i) {
        const auto byte = static_cast<std::uint8_t>(text[i]);
        out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      }
      text.remove_prefix(bytes);
    } else {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace lockstep
