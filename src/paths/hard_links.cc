#include "paths/hard_links.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <unordered_set>

#include <lockstep/policy.h>

namespace lockstep::paths {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

class Search {
 public:
  Search(const std::vector<model::Object>& wanted, std::size_t most) : most_(most) {
    for (const model::Object& each : wanted) {
      wanted_.insert(each);
      inodes_.insert(each.ino);
      devices_.insert(each.dev);
    }
  }
  void below(const std::string& top);
  HardLinks out;

 private:
  void look(const std::string& directory);
  void entry(const std::string& path, const dirent& each);

  std::unordered_set<model::Object, model::ObjectHash> wanted_;
  std::unordered_set<std::uint64_t> inodes_, devices_;
  std::vector<std::string> todo_;
  std::size_t most_, seen_ = 0;
};

void Search::entry(const std::string& path, const dirent& each) {
  if (each.d_type == DT_DIR) {
    todo_.push_back(path);
  } else if (each.d_type == DT_UNKNOWN || inodes_.contains(each.d_ino)) {
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) return;
    if (S_ISDIR(st.st_mode)) todo_.push_back(path);
    const model::Object object{st.st_dev, st.st_ino};
    if (wanted_.contains(object)) out.names[object].push_back(path);
  }
}

void Search::look(const std::string& directory) {
  const std::unique_ptr<DIR, CloseDirectory> open(::opendir(directory.c_str()));
  struct stat st {};
  if (open == nullptr || ::fstat(::dirfd(open.get()), &st) != 0) {
    out.complete = out.complete && errno == ENOENT;
    return;
  }
  if (!devices_.contains(st.st_dev)) return;
  const std::string prefix = directory == "/" ? "/" : directory + "/";
  while (const dirent* each = ::readdir(open.get())) {
    const std::string_view name = each->d_name;
    if (name == "." || name == "..") continue;
    if (++seen_ > most_) {
      out.complete = false;
      todo_.clear();
      return;
    }
    entry(prefix + each->d_name, *each);
  }
}

void Search::below(const std::string& top) {
  todo_.push_back(top);
  while (!todo_.empty()) {
    const std::string directory = std::move(todo_.back());
    todo_.pop_back();
    look(directory);
  }
}

}  // namespace

HardLinks find_hard_links(const std::vector<model::Object>& wanted, std::vector<std::string> directories,
                          std::size_t most) {
  Search search(wanted, most);
  std::sort(directories.begin(), directories.end());
  const std::string* last = nullptr;
  for (const std::string& each : directories) {
    if (last != nullptr && is_below(each, *last)) continue;  // looked through already
    search.below(each);
    last = &each;
  }
  return std::move(search.out);
}

}  // namespace lockstep::paths
