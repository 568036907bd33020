// CdiContainer: what a runtime would put into a container for the devices chosen, and what of it a policy can say.
//
//   CdiContainer container(host);
//   container.add(chosen);                        // in the order asked for: the spec's edits once, then the device's
//   LOCKSTEP_ASSIGN(CdiChoice choice, std::move(container).on_host());
//
// Device nodes: of two on one path the last counts. Permissions are the device cgroup's: for each device (type and
// numbers) they add up over all that is chosen. Mounts: of two on one path the last counts. A mount is writable unless
// ro, executable unless noexec, may hold devices unless nodev, and lets sockets be connected to whatever its options.
// A directory with device nodes in it is not granted: the device cgroup keeps those closed that no device node names,
// and a rule on the directory would open them all. Those that are named are granted there one by one.
//
// Rules are about objects of the host. Where the container gets an object of its own (a node with other numbers than
// the host's, a FIFO, a tmpfs), nothing of the host is granted, and a warning says so. There is also a warning where
// one mount hides a part of another, which rules cannot express. Where no container would start, on_host() fails.
#ifndef LOCKSTEP_HOST_CDI_CONTAINER_H_
#define LOCKSTEP_HOST_CDI_CONTAINER_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/error.h>

#include "host/cdi.h"
#include "host/cdi_stack.h"

namespace lockstep {

class CdiContainer {
 public:
  explicit CdiContainer(const CdiHost& host) : host_(host) {}
  void add(const CdiChosen& chosen);
  Result<CdiChoice> on_host() &&;

 private:
  // An edit and whose it is.
  struct Source {
    std::string device;  // "vendor/class=name", or the kind
    std::string file;
  };
  template <typename Edit>
  struct Placed {
    Edit edit;
    Source source;
    std::string number;  // of a node: which device it is
  };

  void add(const CdiEdits& edits, const Source& source);
  Error refuse(const Source& source, int line, const std::string& message) const;
  void warn(const Source& source, int line, const std::string& message);
  CdiObject look(const std::string& written, bool follow) const;
  Result<std::string> usable_path(const std::string& written, const Source& source, int line) const;
  Result<void> identify(Placed<CdiDeviceNode>& node);
  Result<void> place_nodes();
  Result<void> place_mount(const Placed<CdiMount>& mount);
  bool has_devices(const Placed<CdiMount>& mount, const std::string& path);
  void grant_device(const std::string& path, const CdiObject& object, AccessSet access, const Source& source, int line);
  Result<void> place_mounts();
  Result<void> check_hooks() const;
  static std::string device_of(const std::string& path, const CdiObject& object);  // which device the node is
  AccessSet allowed(const std::string& number) const;                              // by the device cgroup
  void grant(const std::string& path, AccessSet access, const Source& source, int line);

  const CdiHost& host_;
  std::vector<Placed<CdiDeviceNode>> nodes_;
  std::vector<Placed<CdiMount>> mounts_;
  std::vector<Placed<CdiHook>> hooks_;
  std::set<const CdiSpec*> used_;
  std::map<std::string, std::string> letters_;  // permissions by device
  std::map<std::string, CdiPath> paths_;
  CdiChoice out_;
};

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_CDI_CONTAINER_H_
