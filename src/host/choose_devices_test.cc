// choose_devices() on this machine: what stands at the paths of a spec decides.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <functional>

#include <lockstep/context.h>

#include "base/unique_fd.h"
#include "testing/temporary_directory.h"

namespace lockstep {
namespace {

using testing::TemporaryDirectory;

class ChooseDevicesTest : public ::testing::Test {
 protected:
  // "PATH RIGHTS; ...", then the warnings; or the error.
  std::string answer(
      const std::string& edits, const std::function<void(Host&)>& change = [](Host&) {}) {
    Context context;
    context.host.real = true;
    change(context.host);
    const std::string spec =
        "cdiVersion: 0.5.0\nkind: v.com/gpu\ndevices:\n  - name: \"0\"\n    containerEdits: {" + edits + "}\n";
    const Result<void> chosen = choose_devices({dir_.write("s.yaml", spec)}, "0", &context);
    if (!chosen.ok()) return chosen.error().to_string();
    std::string out;
    for (const CdiPath& each : context.cdi->paths) {
      out += each.path + " " + join_names(each.access) + "; ";
      EXPECT_TRUE(context.host.exists(each.path));
    }
    for (const std::string& warning : context.cdi->warnings) out += warning;
    return out;
  }
  std::string mount(const std::string& name, const std::string& options = "rbind, ro") {
    return "mounts: [{hostPath: " + dir_.at(name) + ", containerPath: /m, options: [" + options + "]}]";
  }
  std::string node(const std::string& path) { return "deviceNodes: [{path: " + path + "}]"; }

  TemporaryDirectory dir_;
};

TEST_F(ChooseDevicesTest, NodesAreDeviceNodes) {
  EXPECT_EQ(answer("deviceNodes: [{path: /dev/null, permissions: r}]"), "/dev/null read_file ioctl_dev; ");
  EXPECT_EQ(answer("deviceNodes: [{path: /dev/null, type: c, major: 1, minor: 3, permissions: r}]"),
            "/dev/null read_file ioctl_dev; ");
  const std::string other = answer("deviceNodes: [{path: /dev/null, type: c, major: 1, minor: 5}]");
  EXPECT_NE(other.find("c 1:5, and /dev/null of this host is c 1:3: nothing is granted for it"), std::string::npos)
      << other;
  const std::string file = dir_.write("file", "text");
  ASSERT_EQ(::mkfifo(dir_.at("fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/null", dir_.at("link"));
  for (const auto& [path, part] :
       std::vector<std::pair<std::string, std::string>>{{file, "but a regular file"},
                                                        {dir_.path(), "but a directory"},
                                                        {dir_.at("link"), "but a symbolic link"},
                                                        {dir_.at("gone"), "is not here"},
                                                        {"/dev/null/", "no name for a node"}}) {
    const std::string said = answer(node(path));
    EXPECT_NE(said.find(part), std::string::npos) << said;
    EXPECT_NE(said.find("s.yaml:5: "), std::string::npos) << said;
    EXPECT_TRUE(said.ends_with("no container with v.com/gpu=0 starts")) << said;
  }
  EXPECT_NE(answer(node(dir_.at("fifo"))).find("a FIFO of the container's own"), std::string::npos);
  EXPECT_NE(answer(node("/dev/null"), [](Host& host) { host.absent.emplace_back("/dev"); }).find("is not here"),
            std::string::npos)
      << "what the host file calls absent";
}

TEST_F(ChooseDevicesTest, SocketsAreKnownByWhatTheyAre) {
  const UniqueFd server(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  dir_.at("control").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  dir_.write("named.sock", "text");
  EXPECT_EQ(answer(mount("control")), dir_.at("control") + " read_file resolve_unix; ");
  EXPECT_EQ(answer(mount("named.sock")), dir_.at("named.sock") + " execute read_file read_dir; ");
}

TEST_F(ChooseDevicesTest, TheRootIsLeftOutByWhateverName) {
  std::filesystem::create_symlink("/", dir_.at("root"));
  std::filesystem::create_symlink("/dev", dir_.at("nodes"));
  for (const char* name : {"root", "nodes"}) {
    const std::string said = answer(mount(name) + ", " + node("/dev/null"));
    EXPECT_TRUE(said.starts_with("/dev/null ")) << said;
    EXPECT_NE(said.find("is left out: it would open every device"), std::string::npos) << said;
  }
}

TEST_F(ChooseDevicesTest, WhatNoContainerStartsWithIsRefused) {
  EXPECT_NE(answer(mount("gone")).find("which it mounts, is not here"), std::string::npos);
  EXPECT_NE(answer("hooks: [{hookName: createContainer, path: " + dir_.at("gone") + "}]")
                .find("runs as createContainer, is not here"),
            std::string::npos);
  EXPECT_EQ(answer("hooks: [{hookName: poststop, path: " + dir_.at("gone") + "}]"), "");
}

}  // namespace
}  // namespace lockstep
