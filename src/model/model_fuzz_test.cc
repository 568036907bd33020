// The model against the running kernel, at random.
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "model/kernel_tree.h"

namespace lockstep::model::kernel_tree {
namespace {

namespace fs = std::filesystem;

// Random trees, rules, layers and operations. The seed is fixed: a failure reproduces.
class Fuzz {
 public:
  Fuzz(std::string root, std::string plain, int abi, unsigned seed)
      : root_(std::move(root)), plain_(std::move(plain)), abi_(abi), random_(seed) {}

  Layers layers;
  std::vector<Op> ops;

  void make() {
    for (int i = 0; i < 24; ++i) add_op();
    const std::size_t count = 1 + pick(3);
    for (std::size_t i = 0; i < count; ++i) add_layer(count > 1);
  }

  // The directories, by the mount they stand on.
  std::vector<std::vector<std::string>> places() const {
    return {{root_, root_ + "/a", root_ + "/a/b", root_ + "/a/b/c", root_ + "/d", root_ + "/d/e"},
            {root_ + "/m", root_ + "/m/c"},
            {root_ + "/d/t", root_ + "/d/t/u"},
            {plain_, plain_ + "/p", plain_ + "/q"}};
  }

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }
  const std::string& any(const std::vector<std::string>& list) { return list[pick(list.size())]; }

  AccessSet some_of(AccessSet set) {
    switch (pick(4)) {
      case 0:
        return set;
      case 1:
        return set & AccessSet::from_bits(random_() | random_() |
                                          random_());  // most of it: moves need several at once
      default:
        return set & AccessSet::from_bits(random_() | random_());
    }
  }

  std::string fresh(const std::string& directory, bool exists, bool directories = true) {
    const std::string path = directory + "/x" + std::to_string(next_++);
    if (!exists) return path;
    switch (pick(directories ? 7 : 6)) {
      case 0:
        ::mkfifo(path.c_str(), 0700);
        break;
      case 1:
        ::mknod(path.c_str(), S_IFCHR | 0700, makedev(1, 8));
        break;
      case 2:
        ::symlink("nowhere", path.c_str());
        break;
      case 3:
        make_socket(path);
        break;
      case 6:
        ::mkdir(path.c_str(), 0700);
        break;
      default:
        make_file(path), files_.push_back(path);
    }
    return path;
  }

  std::string fresh_file(const std::string& directory) {
    const std::string path = directory + "/x" + std::to_string(next_++);
    make_file(path);
    files_.push_back(path);
    return path;
  }

  void add_op() {
    const auto all_places = places();
    const std::vector<std::string>& mount = all_places[pick(2) == 0 ? 0 : pick(all_places.size())];
    const std::string directory = any(mount), other = any(mount);
    const auto operation = static_cast<Operation>(pick(3) == 0 ? 10 + pick(3) : pick(path_operation_count));
    switch (operation) {
      case Operation::rename:
        ops.push_back({operation, fresh(directory, true), fresh(other, false)});
        break;
      case Operation::link:
        ops.push_back({operation, fresh(directory, true, false), fresh(other, false)});
        break;
      case Operation::exchange:
        ops.push_back({operation, fresh(directory, true), fresh(other, true)});
        break;
      case Operation::opendir:
      case Operation::tmpfile:
        ops.push_back({operation, directory});
        break;
      case Operation::unlink:
        ops.push_back({operation, fresh(directory, true, false)});
        break;
      case Operation::rmdir: {
        const std::string path = fresh(directory, false);
        ::mkdir(path.c_str(), 0700);
        ops.push_back({operation, path});
        break;
      }
      case Operation::readlink: {
        const std::string path = fresh(directory, false);
        ::symlink("nowhere", path.c_str());
        ops.push_back({operation, path});
        break;
      }
      case Operation::ioctl: {
        const std::string path = fresh(directory, false);
        ::mknod(path.c_str(), S_IFCHR | 0700, makedev(1, 8));
        ops.push_back({operation, path});
        break;
      }
      case Operation::connect_unix:
      case Operation::comm_open:
      case Operation::cu_init:
        break;
      default: {
        const bool makes = operation == Operation::create ||
                           (operation >= Operation::mkdir && operation <= Operation::symlink);
        ops.push_back({operation, makes ? fresh(directory, false) : fresh_file(directory)});
      }
    }
  }

  void add_layer(bool may_be_network_only) {
    TestLayer layer;
    const AccessSet rights = rights_of_abi(1 + static_cast<int>(pick(static_cast<std::size_t>(abi_))));
    if (may_be_network_only && abi_ >= 4 && pick(8) == 0) {
      layers.push_back(layer);
      return;
    }
    layer.handled = pick(2) == 0 ? rights : some_of(rights);
    if (layer.handled.empty()) layer.handled = Right::read_file;
    for (std::size_t count = pick(9); count > 0; --count) {
      TestRule rule;
      rule.rights = some_of(layer.handled);
      const auto all_places = places();
      const std::size_t where = pick(8);
      if (where == 0) {
        rule.path = "/";
      } else if (where < 3 && !files_.empty()) {
        rule.path = any(files_);
        rule.rights &= rights_on_files();
      } else {
        rule.path = any(all_places[pick(2) == 0 ? 0 : pick(all_places.size())]);
      }
      if (!rule.rights.empty()) layer.rules.push_back(rule);
    }
    layers.push_back(layer);
  }

  std::string root_, plain_;
  int abi_;
  std::mt19937 random_;
  int next_ = 0;
  std::vector<std::string> files_;
};

TEST_F(ModelKernel, SeededRandomRulesLayersAndTreesNeverDisagree) {
  in_tree([&] {
    for (unsigned seed = 1; seed <= 400; ++seed) {
      const std::size_t before = shared_->length;
      in_child(shared_, [&] {
        Fuzz fuzz(root_, base_ + "/plain", abi_, seed);
        fuzz.make();
        compare_here(fuzz.layers, fuzz.ops, shared_);
      });
      for (const auto& mount : Fuzz(root_, base_ + "/plain", abi_, seed).places())
        for (const std::string& directory : mount)
          for (const fs::directory_entry& entry : fs::directory_iterator(directory))
            if (entry.path().filename().string().starts_with("x")) fs::remove_all(entry.path());
      if (shared_->length != before) say(shared_, "seed " + std::to_string(seed) + "\n");
    }
  });
  EXPECT_GT(shared_->decisions, 5000U);
  EXPECT_GT(shared_->denials, 1000U);
}
}  // namespace
}  // namespace lockstep::model::kernel_tree
