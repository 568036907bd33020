#include "conformance/report/progress.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace lockstep::conformance::report {
namespace {

constexpr double terminal_pause = 0.1, log_pause = 10;  // seconds

}  // namespace

Progress::Output Progress::to_standard_error() {
  return {::isatty(STDERR_FILENO) == 1,
          [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); },
          [](const std::string& text) { std::fputs(text.c_str(), stderr); }};
}

Progress::Progress(std::size_t total, std::string what, Output output)
    : total_(total), what_(std::move(what)), output_(std::move(output)), start_(output_.seconds()), said_(start_) {
  if (total_ > 0) say();
}

Progress::~Progress() {
  if (output_.terminal && total_ > 0) output_.write("\r\x1b[K");
}

void Progress::step() {
  ++done_;
  if (const double now = output_.seconds();
      done_ < total_ && now - said_ >= (output_.terminal ? terminal_pause : log_pause)) {
    said_ = now;
    say();
  }
}

void Progress::say() {
  std::string text = std::to_string(done_) + " of " + std::to_string(total_) + " " + what_;
  if (done_ > 0) text += ", " + std::to_string(static_cast<long>(said_ - start_)) + " s";
  output_.write(output_.terminal ? "\r" + text + "\x1b[K" : "lockstep-conformance: " + text + "\n");
}

}  // namespace lockstep::conformance::report
