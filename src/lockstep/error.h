// Error and Result<T>: what can go wrong, said once, with whose fault it is.
//
//   Result<UniqueFd> open_it(...);
//   LOCKSTEP_ASSIGN(UniqueFd fd, open_it(...));      // returns the error to the caller, or binds the value
//   LOCKSTEP_CHECK(check_it(...));                   // the same for Result<void>
//
// An Error carries its kind (which decides the exit code), the errno of the failed call (0: none), a message that names
// the call with its arguments and what to do, and the file and line of the input where one is at fault. Messages hold
// printable text only: pass anything that came from outside through printable(). Not async-signal-safe: nothing between
// fork and the probes of a restricted child reports through it.
#ifndef LOCKSTEP_ERROR_H_
#define LOCKSTEP_ERROR_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace lockstep {

// A closed list. The number behind each is the exit code of the command line tools.
enum class ErrorKind {
  system = 1,       // a system call failed where it should not have
  input = 2,        // the user's file, flag or environment is wrong
  unsupported = 3,  // this kernel or machine cannot do it (no Landlock, ABI too old)
  internal = 4,     // our own bug, or the harness failed
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  int err = 0;
  std::string message;
  std::string file;  // empty: no input file is at fault
  int line = 0;      // 1-based; 0: the file as a whole

  // "FILE:LINE: message" (or "FILE: message", or "message").
  std::string to_string() const;
  int exit_code() const { return static_cast<int>(kind); }
};

// "open(\"/x\", O_PATH): Permission denied (EACCES)": `call` is the failed call with its arguments.
Error system_error(int err, std::string call);
Error input_error(std::string file, int line, std::string message);
Error unsupported_error(int err, std::string message);
Error internal_error(std::string message);

// The name of an errno, "EACCES"; "errno 4242" for one without a name; "ok" for 0.
std::string errno_name(int err);
// The errno of a name as errno_name() writes it; "allow" and "ok" are 0.
std::optional<int> errno_from_name(std::string_view name);

// The text made fit for a terminal, a log and JSON, and still distinct for distinct inputs. Written as \xNN: the
// backslash, bytes that are no UTF-8, characters that cannot be seen or that move others (error.cc lists them), and
// what a CI runner takes for a command.
std::string printable(std::string_view text);

bool is_valid_utf8(std::string_view text);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

#define LOCKSTEP_JOIN_(a, b) a##b
#define LOCKSTEP_JOIN(a, b) LOCKSTEP_JOIN_(a, b)
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define LOCKSTEP_ASSIGN(declaration, expression)                                                          \
  auto LOCKSTEP_JOIN(result_, __LINE__) = (expression);                                                   \
  if (!LOCKSTEP_JOIN(result_, __LINE__).ok()) return std::move(LOCKSTEP_JOIN(result_, __LINE__)).error(); \
  declaration = std::move(LOCKSTEP_JOIN(result_, __LINE__)).value()
// NOLINTEND(bugprone-macro-parentheses)
#define LOCKSTEP_CHECK(expression)                                                                                \
  do {                                                                                                            \
    if (auto lockstep_checked = (expression); !lockstep_checked.ok()) return std::move(lockstep_checked).error(); \
  } while (false)

}  // namespace lockstep

#endif  // LOCKSTEP_ERROR_H_
