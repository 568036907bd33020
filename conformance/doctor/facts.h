// What this machine is, as far as it decides whether CUDA starts: the kernel and what already confines us, procfs, the
// GPU's nodes, the driver, libcuda, and signs of a container. Read once, as this process.
//
//   Machine here = read_machine();
//   here.layers;            // Landlock layers that are around us already; absent: see layers_how
//
// Never fails: what cannot be seen is empty or absent, and unseen() says in words what that is. Opens the GPU's nodes
// and closes them again; calls nothing of the driver, and loads no library of it. It does NOT say what another identity
// may open: that is a row's business (diagnose.h).
#ifndef LOCKSTEP_CONFORMANCE_DOCTOR_FACTS_H_
#define LOCKSTEP_CONFORMANCE_DOCTOR_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lockstep/host.h>
#include <lockstep/kernel.h>

#include "conformance/doctor/layers.h"
#include "host/own_procfs.h"

namespace lockstep::conformance::doctor {

struct Node {
  std::string path;
  char kind = '?';  // c, d, s, f as in ls(1); ? where it cannot be told
  unsigned mode = 0, uid = 0, gid = 0, major = 0, minor = 0;
  int opens = 0;  // errno of open(O_RDWR), of a directory of opendir()
  // False for /dev/nvidiactl or /dev/nvidia<digits> that is another device under the name: a stand-in, say.
  bool is_nvidias() const { return kind != 'c' || major == 195 || (path != "/dev/nvidiactl" && !is_gpu_node(path)); }
};

struct Machine {
  Host host;
  std::string kernel, architecture;
  std::string no_landlock;       // why there is none; empty where host.kernel has it
  std::string security_modules;  // the kernel's list; empty: securityfs cannot be read
  std::optional<int> layers;     // of Landlock, around this process
  std::string layers_how;        // how they were counted, or why they could not be
  bool no_new_privs = false;
  std::vector<std::string>
      filtered;             // calls that this program or CUDA makes and a filter denies: "memfd_create (EPERM)"
  int seccomp = -1;         // 0 none, 1 strict, 2 filter; -1: procfs does not say
  std::string confined_by;  // the label of another security module that confines us: "AppArmor docker-default
                            // (enforce)"
  unsigned uid = 0, gid = 0;
  std::string capabilities, bounding;  // hexadecimal, as procfs has them
  bool first_user_namespace = true;
  std::string user_namespace;               // "can be made", or why not
  std::string procfs;                       // the options /proc is mounted with
  ProcfsFacts own_procfs;                   // whose it is
  std::vector<std::string> procfs_covered;  // what is mounted below /proc: "/proc/sys (ro)"
  std::string cgroup;
  std::vector<std::string> container;  // marks of one: "/.dockerenv"
  std::vector<Node> nodes;             // of the GPU, in order
  std::vector<DriverNumber> numbers;   // what drivers have registered: /proc/devices
  std::string driver;                  // of the kernel: "580.65.06"; empty: not loaded, or not in sight
  std::vector<std::string> mig;        // MIG capability nodes in procfs
  std::vector<std::string> cdi;        // specification files
  int numa_nodes = 0;
  std::string libcuda, libcuda_by;  // the file, and what leads the loader to it; empty: none found
  bool has_gpu() const { return host.gpu != GpuKind::none; }
};

Machine read_machine();

// What could not be seen for want of a GPU or a driver, one sentence each. Empty where everything was there.
std::vector<std::string> unseen(const Machine& machine);

}  // namespace lockstep::conformance::doctor

#endif  // LOCKSTEP_CONFORMANCE_DOCTOR_FACTS_H_
