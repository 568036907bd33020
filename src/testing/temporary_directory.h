// For tests: a directory of its own, which goes with all that is in it.
//
//   const TemporaryDirectory dir;
//   Result<Policy> policy = load_policy(dir.write("p.yaml", "version: 1\n"));
//
// No link is followed when it goes. What cannot be removed then is a failure of the test.
#ifndef LOCKSTEP_TESTING_TEMPORARY_DIRECTORY_H_
#define LOCKSTEP_TESTING_TEMPORARY_DIRECTORY_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace lockstep::testing {

class TemporaryDirectory {
 public:
  // `mode`: where other users are to enter it. Below $TMPDIR or /tmp, where the test names no parent.
  explicit TemporaryDirectory(mode_t mode = 0700,
                              const std::filesystem::path& parent = std::filesystem::temp_directory_path())
      : path_(parent / "lockstep-test-XXXXXX") {
    // A test that went on without it would write into the root.
    if (::mkdtemp(path_.data()) == nullptr || ::chmod(path_.c_str(), mode) != 0)
      throw std::system_error(errno, std::generic_category(), path_);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    EXPECT_FALSE(error) << path_ << ": " << error.message();
  }
  const std::string& path() const { return path_; }
  std::string at(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(at(name)).parent_path());
    std::ofstream(at(name), std::ios::binary) << text;
    return at(name);
  }
  std::string read(const std::string& name) const {
    std::ifstream in(at(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Every entry below it, sorted: two of these compared show what a program left behind.
  std::vector<std::string> entries() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  std::string path_;
};

}  // namespace lockstep::testing

#endif  // LOCKSTEP_TESTING_TEMPORARY_DIRECTORY_H_
