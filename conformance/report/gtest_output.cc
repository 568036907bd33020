#include "conformance/report/gtest_output.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "conformance/report/findings.h"
#include "conformance/report/write_file.h"

namespace lockstep::conformance::report {
namespace {

constexpr std::string_view option = "--gtest_output=";
constexpr char program[] = "lockstep-conformance";

std::string in_directory(const std::string& directory, const std::string& format) {
  std::string path = directory + program + "." + format;
  std::error_code ignored;
  for (int number = 1; std::filesystem::exists(path, ignored); ++number)
    path = directory + program + "_" + std::to_string(number) + "." + format;
  return path;
}

// Documents of one test that failed, as GoogleTest writes them. `why` has nothing that they would have to escape.
std::string as_xml(const std::string& why) {
  const std::string totals = "tests=\"1\" failures=\"1\" disabled=\"0\" errors=\"0\" time=\"0\"";
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites " + totals +
         " name=\"AllTests\">\n  <testsuite name=\"" + run_suite + "\" " + totals +
         ">\n    <testcase name=\"untold\" status=\"run\" result=\"completed\" time=\"0\" classname=\"" + run_suite +
         "\">\n      <failure message=\"" + why +
         "\" type=\"\"></failure>\n    </testcase>\n  </testsuite>\n</testsuites>\n";
}

std::string as_json(const std::string& why) {
  const std::string totals = "\"tests\": 1, \"failures\": 1, \"disabled\": 0, \"errors\": 0, \"time\": \"0s\"";
  return "{" + totals + ", \"name\": \"AllTests\", \"testsuites\": [{\"name\": \"" + run_suite + "\", " + totals +
         ", \"testsuite\": [{\"name\": \"untold\", \"status\": \"RUN\", \"result\": \"COMPLETED\", \"time\": \"0s\", "
         "\"classname\": \"" +
         run_suite + "\", \"failures\": [{\"failure\": \"" + why + "\", \"type\": \"\"}]}]}]}\n";
}

}  // namespace

Result<GtestOutput> GtestOutput::take_over(const std::string& from_environment, int* argc, char** argv) {
  std::string value = from_environment;
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with(option)) {
      value = word.substr(option.size());
    } else {
      argv[kept++] = argv[i];
    }
  }
  argv[kept] = nullptr;
  *argc = kept;
  GtestOutput out;
  if (value.empty()) return out;
  const std::size_t colon = value.find(':');
  out.format_ = value.substr(0, colon);
  if (out.format_ != "xml" && out.format_ != "json")
    return Error{ErrorKind::input, 0, "--gtest_output takes xml or json, as xml:FILE, not " + printable(value), {}, 0};
  out.path_ = colon == std::string::npos ? "" : value.substr(colon + 1);
  if (out.path_.empty()) out.path_ = "test_detail." + out.format_;
  out.memory_.reset(static_cast<int>(::syscall(SYS_memfd_create, "gtest-output", 1U /* MFD_CLOEXEC */)));
  if (!out.memory_) return system_error(errno, "memfd_create(\"gtest-output\")");
  if (!out.path_.ends_with('/')) LOCKSTEP_CHECK(clear_report(out.path_));
  const std::string name = out.flag().substr(out.format_.size() + 1);
  if (::access(name.c_str(), W_OK) != 0)
    return system_error(errno, "access(\"" + name + "\", W_OK) for --gtest_output");
  return out;
}

std::string GtestOutput::flag() const {
  return memory_ ? format_ + ":/proc/self/fd/" + std::to_string(memory_.get()) : "";
}

Result<void> GtestOutput::deliver(const std::string& untold) const {
  if (!memory_) return {};
  if (!untold.empty()) return write(format_ == "xml" ? as_xml(untold) : as_json(untold));
  std::string text, part(1U << 16, '\0');
  for (;;) {
    const ssize_t n = ::pread(memory_.get(), part.data(), part.size(), static_cast<off_t>(text.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "pread(memory of --gtest_output)");
    if (n == 0) break;
    text.append(part, 0, static_cast<std::size_t>(n));
  }
  return text.empty() ? internal_error("GoogleTest wrote nothing for --gtest_output") : write(text);
}

Result<void> GtestOutput::write(const std::string& text) const {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(path_).parent_path();
  if (!parent.empty())
    std::filesystem::create_directories(parent, error);  // where that fails, opening the file says so
  return write_file(path_.ends_with('/') ? in_directory(path_, format_) : path_, text);
}

}  // namespace lockstep::conformance::report
