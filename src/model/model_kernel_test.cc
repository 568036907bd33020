// The model against the running kernel, claim by claim.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <lockstep/rights.h>

#include "model/kernel_tree_testing.h"

namespace lockstep::model::kernel_tree {
namespace {

TEST_F(ModelKernel, EveryOperationWithNothingAndWithEverythingGranted) {
  in_tree([&] {
    const std::vector<Operation> on_files = {Operation::open_r,    Operation::open_w,    Operation::open_rw,
                                             Operation::open_path, Operation::truncate,  Operation::ftruncate,
                                             Operation::exec,      Operation::stat,      Operation::chmod,
                                             Operation::reopen_fd, Operation::open_trunc};
    make_file(at("a/f"));
    make_file(at("a/g"));  // held open for writing by Mode::before: executing it would be ETXTBSY
    ::symlink("f", at("a/s").c_str());
    ::mknod(at("a/chr").c_str(), S_IFCHR | 0600, makedev(1, 8));
    ::mkfifo(at("a/fifo").c_str(), 0600);
    std::vector<Op> ops;
    for (const char* path : {"a/f", "a/s"})
      for (Operation operation : on_files) ops.push_back({operation, at(path)});
    for (Mode mode : {Mode::plain, Mode::before}) {
      ops.push_back({Operation::ftruncate, at("a/g"), "", mode});
      ops.push_back({Operation::ioctl, at("a/chr"), "", mode});
      ops.push_back({Operation::reopen_fd, at("a/f"), "", mode});
    }
    for (const char* path : {"a/chr", "a/fifo"})
      for (Operation operation : {Operation::open_r, Operation::open_rw, Operation::stat})
        ops.push_back({operation, at(path)});
    ops.push_back({Operation::open_trunc, at("a/chr")});
    for (Operation operation :
         {Operation::open_r, Operation::opendir, Operation::tmpfile, Operation::reopen_fd, Operation::open_path})
      ops.push_back({operation, at("a/b")});
    ops.push_back({Operation::readlink, at("a/s")});
    for (Right right = Right::execute; right <= Right::ioctl_dev;
         right = static_cast<Right>(static_cast<int>(right) + 1)) {
      if (!all().contains(right)) break;
      compare({{all(), {{at("a"), right}}}}, ops);
      if (all() != AccessSet(right)) compare({{all(), {{at("a"), all() - right}}}}, ops);
      compare({{right, {}}}, ops);
    }
  });
}

TEST_F(ModelKernel, ProcfsCommByEveryModeAndRight) {
  in_tree([&] {
    const std::vector<AccessSet> grants = {Right::read_file, Right::write_file, Right::read_file | Right::write_file,
                                           Right::write_file | Right::truncate, all()};
    for (const char* tagged : {"/proc", "/proc/self", "/proc/self/task"}) {
      for (AccessSet grant : grants) {
        in_child(shared_, [&] {  // /proc/self is the process that restricts itself
          std::vector<Op> ops;
          for (const char* path : {"/proc/self/comm", "/proc/thread-self/comm"})
            for (Mode mode : {Mode::rdwr, Mode::wronly, Mode::trunc, Mode::setname, Mode::prctl})
              ops.push_back({Operation::comm_open, path, "", mode});
          compare_here({{all(), {{tagged, grant & all()}}}}, ops, shared_);
        });
      }
    }
  });
}

TEST_F(ModelKernel, AMoveNeedsReferOnBothSidesAndMayNotGain) {
  if (abi_ < 2) GTEST_SKIP() << "needs ABI 2";
  in_tree([&] {
    const AccessSet base = Right::refer | Right::remove_file | Right::make_reg | Right::read_file;
    const std::vector<AccessSet> variants = {base,
                                             base - Right::refer,
                                             base - Right::make_reg,
                                             base - Right::remove_file,
                                             base | Right::execute,
                                             base | Right::make_dir};
    int next = 0;
    for (AccessSet from : variants) {
      for (AccessSet to : variants) {
        for (bool own : {false, true}) {
          const std::string file = at("a/x") + std::to_string(next++), other = at("d/y") + std::to_string(next);
          make_file(file), make_file(other), make_file(file + "l");
          Layers layers = {{all(), {{at("a"), from}, {at("d"), to}}}};
          if (own) layers[0].rules.push_back({file, Right::execute});
          compare(layers, {{Operation::link, file + "l", other + "l"},
                           {Operation::exchange, file, other},
                           {Operation::rename, other, file + "n"}});
          layers.push_back({});  // only the network: refer is denied all the same
          if (abi_ >= 4) compare(layers, {{Operation::rename, file, other + "m"}});
        }
      }
    }
  });
}

TEST_F(ModelKernel, ARuleOnTheRootCountsForRightsButNotForTheGainOnAnotherMount) {
  if (abi_ < 2) GTEST_SKIP() << "needs ABI 2";
  in_tree([&] {
    const AccessSet moving = Right::refer | Right::remove_file | Right::make_reg;
    make_file(at("a/f"));
    make_file(base_.at("plain/p/f"));
    // With read_dir handled and granted to nobody, no side has everything: the gain is looked at.
    int next = 0;
    for (AccessSet handled : {moving | Right::execute, moving | Right::execute | Right::read_dir}) {
      for (const std::string& granted : {std::string("/"), base_.path()}) {
        const std::string plain = base_.at("plain"), name = std::to_string(next++);
        const Layers layers = {{handled,
                                {{granted, Right::execute},
                                 {at("a"), moving},
                                 {at("d"), moving | Right::execute},
                                 {plain + "/p", moving},
                                 {plain + "/q", moving | Right::execute}}}};
        compare(layers, {{Operation::link, at("a/f"), at("d/f") + name},
                         {Operation::link, plain + "/p/f", plain + "/q/f" + name}});
      }
    }
  });
}

TEST_F(ModelKernel, ANetworkOnlyDomainRestrictsNoFile) {
  if (abi_ < 4) GTEST_SKIP() << "needs ABI 4";
  in_tree([&] {
    make_file(at("a/f"));
    compare({{}}, {{Operation::open_rw, at("a/f")}, {Operation::rename, at("a/f"), at("d/f")}});
  });
}

TEST_F(ModelKernel, ADescriptorOfAPipeOrMemfdMayBeOpenedAgain) {
  in_tree([&] {
    in_child(shared_, [&] {
      int ends[2];
      if (::pipe(ends) != 0) return say(shared_, "pipe failed\n");
      const int memfd = ::memfd_create("x", 0);
      std::vector<Op> ops;
      for (int fd : {ends[0], memfd}) {
        ops.push_back({Operation::open_r, "/proc/self/fd/" + std::to_string(fd)});
        ops.push_back({Operation::reopen_fd, "/proc/self/fd/" + std::to_string(fd)});
      }
      ops.push_back({Operation::open_r, "/proc/self/ns/mnt"});
      compare_here({{all(), {}}}, ops, shared_);
    });
  });
}
}  // namespace
}  // namespace lockstep::model::kernel_tree
