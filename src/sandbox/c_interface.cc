// lockstep/lockstep.h: what C can say of a sandbox. No exception leaves a function here.
#include <array>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <lockstep/lockstep.h>
#include <lockstep/sandbox.h>

struct lockstep_sandbox {
  lockstep::Sandbox sandbox;
};

namespace lockstep {
namespace {

// Of a fixed size, so that to say that there is no memory takes none.
thread_local std::array<char, 4096> last_error{};

void set_last_error(std::string_view message) {
  const std::size_t length = message.copy(last_error.data(), last_error.size() - 1);
  last_error[length] = '\0';
}

// `failed` where `call` throws: memory that is not there, and what nobody thought of.
template <typename T, typename Call>
T caught(T failed, Call call) {
  try {
    return call();
  } catch (const std::exception& error) {
    set_last_error(error.what());
  } catch (...) {
    set_last_error("an exception of an unknown kind");
  }
  return failed;
}

lockstep_sandbox* fail_open(const Error& error) {
  set_last_error(error.to_string());
  return nullptr;
}

lockstep_sandbox* open(const char* policy_file, unsigned flags) {
  constexpr unsigned known =
      LOCKSTEP_ALLOW_UNSANDBOXED | LOCKSTEP_ALLOW_FREE_THREADS | LOCKSTEP_ALLOW_KEPT_IDENTITY | LOCKSTEP_ALL_THREADS;
  if (policy_file == nullptr) return fail_open(input_error("", 0, "lockstep_open(): there is no file"));
  if ((flags & ~known) != 0) return fail_open(input_error("", 0, "lockstep_open(): an unknown flag"));
  const Result<Policy> policy = load_policy(policy_file);
  if (!policy.ok()) return fail_open(policy.error());
  SandboxOptions options{this_machine()};
  options.all_threads = (flags & LOCKSTEP_ALL_THREADS) != 0;
  if ((flags & LOCKSTEP_ALLOW_UNSANDBOXED) != 0) options.unsandboxed = Unsandboxed::allowed;
  if ((flags & LOCKSTEP_ALLOW_FREE_THREADS) != 0) options.free_threads = FreeThreads::allowed;
  if ((flags & LOCKSTEP_ALLOW_KEPT_IDENTITY) != 0) options.kept_identity = KeptIdentity::allowed;
  Result<Sandbox> sandbox = Sandbox::open(*policy, options);
  if (!sandbox.ok()) return fail_open(sandbox.error());
  return new lockstep_sandbox{std::move(*sandbox)};
}

int restrict_by(lockstep_sandbox* opened, unsigned flags) {
  const auto fail = [](const Error& error) {
    set_last_error(error.to_string());
    return LOCKSTEP_FAILED;
  };
  if (opened == nullptr) return fail(input_error("", 0, "lockstep_restrict(): there is no sandbox"));
  if ((flags & ~LOCKSTEP_PINS_BESIDE) != 0) return fail(input_error("", 0, "lockstep_restrict(): an unknown flag"));
  const Result<Enforcement> done =
      opened->sandbox.restrict_self(flags == 0 ? Pins::in_this_process : Pins::in_a_process_beside);
  if (!done.ok()) return fail(done.error());
  switch (done->level) {
    case Enforcement::Level::full:
      return LOCKSTEP_FULL;
    case Enforcement::Level::partial:
      return LOCKSTEP_PARTIAL;
    case Enforcement::Level::none:
      break;
  }
  return LOCKSTEP_NONE;
}

}  // namespace
}  // namespace lockstep

extern "C" {

lockstep_sandbox* lockstep_open(const char* policy_file, unsigned flags) {
  return lockstep::caught(static_cast<lockstep_sandbox*>(nullptr), [&] { return lockstep::open(policy_file, flags); });
}

const char* lockstep_notice(const lockstep_sandbox* sandbox, size_t index) {
  if (sandbox == nullptr || index >= sandbox->sandbox.notices().size()) return nullptr;
  return sandbox->sandbox.notices()[index].message.c_str();
}

int lockstep_restrict(lockstep_sandbox* sandbox, unsigned flags) {
  return lockstep::caught(LOCKSTEP_FAILED, [&] { return lockstep::restrict_by(sandbox, flags); });
}

void lockstep_free(lockstep_sandbox* sandbox) {
  delete sandbox;
}

const char* lockstep_last_error(void) {
  return lockstep::last_error.data();
}
}
