#include "base/installation.h"

#include <sys/auxv.h>

#include <filesystem>
#include <initializer_list>
#include <system_error>

namespace lockstep {
namespace {

namespace fs = std::filesystem;

fs::path own_folder() {
  const fs::path self = own_program();
  // Nowhere known: the root, where nothing of ours lies, and never the folder that somebody stands in.
  return self.has_parent_path() ? self.parent_path() : fs::path("/");
}

std::string first_of(std::initializer_list<const char*> folders, const std::string& name) {
  const fs::path own = own_folder();
  for (const char* folder : folders) {
    std::error_code error;
    if (const fs::path found = fs::canonical(own / folder / name, error); !error) return found.string();
  }
  return (own / *folders.begin() / name).lexically_normal().string();
}

}  // namespace

std::string own_program() {
  std::error_code error;
  fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    const auto* started_as = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    self = started_as == nullptr ? fs::path() : fs::canonical(started_as, error);
  }
  return self.string();
}

std::string companion_program(const std::string& name) {
  return first_of({".", "../libexec/lockstep"}, name);
}

std::string fixture_path(const std::string& name) {
  return first_of({"../fixtures", "../share/lockstep/fixtures", "../../share/lockstep/fixtures"}, name);
}

}  // namespace lockstep
