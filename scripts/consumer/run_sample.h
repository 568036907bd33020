// Behind a README's sample, which defines enter(): runs it. No header of its own comes before the sample's.
#include <cerrno>
#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto done = enter(argv[1]);
  if (!done) return std::fprintf(stderr, "%s\n", done.error().to_string().c_str()), done.error().exit_code();
  const bool denied = std::fopen("/proc/self/status", "r") == nullptr && errno == EACCES;
  std::printf("%s, /proc is %s\n", std::string(name(done->level)).c_str(), denied ? "denied" : "NOT denied");
  return denied ? 0 : 1;
}
