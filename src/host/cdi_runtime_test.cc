// Asks podman, where it is installed and can start a container, for every case of fixtures/cdi/read: what the
// case says a container gets is what it gets.
//
// In a mount namespace of its own: the specs, podman's state and the objects of the host that the cases are
// about are in tmpfs there.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "host/cdi_testing.h"
#include "testing/run_program.h"

namespace lockstep {
namespace {

using testing::Ended;
using testing::run_program;
using testing::TemporaryDirectory;

constexpr int seconds_for_every_container = 1200;

// $1: a folder with one folder a question: etc, run, devices, probes. It leaves rc and out there.
constexpr char script[] = R"sh(
set -eu
cd "$1"
mount --make-rprivate /
for each in /sys/fs/cgroup/unified; do if mountpoint -q $each; then umount -l $each; fi; done  # crun takes one hierarchy
mkdir private
mount -t tmpfs none private
mkdir private/upper private/work private/rootfs private/home
mount -t overlay -o lowerdir=/etc,upperdir=$1/private/upper,workdir=$1/private/work none /etc
mount -t tmpfs none /run
mount -t tmpfs none /srv
cd private/rootfs
mkdir dev proc sys mnt opt run tmp srv etc usr
mount --rbind /usr usr
for each in bin lib lib64 sbin; do if [ -L /$each ]; then ln -s usr/$each $each; else mkdir $each; mount --rbind /$each $each; fi; done
cd "$1"
mkdir /srv/lockstep
cd /srv/lockstep
mknod gpu0 c 10 229; mknod gpu0-too c 10 229; mknod gpu1 c 10 200; mkfifo fifo; echo text > file; echo text > named.sock; mkdir m n; ln -s m link
cp /usr/bin/true m/prog; cp /usr/bin/true n/prog; echo text > m/text; echo text > n/text
perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("sock")) or die'
chmod 666 *gpu* sock
cd "$1"
for each in [0-9]*; do
  rm -rf /etc/cdi /etc/else /run/cdi  # of this namespace
  if [ -d $each/etc ]; then cp -a $each/etc /etc/cdi; fi
  if [ -d $each/run ]; then cp -a $each/run /run/cdi; fi
  if [ -d $each/else ]; then cp -a $each/else /etc/else; fi
  args=
  for device in $(cat $each/devices); do args="$args --device $device"; done
  rc=0
  HOME=$1/private/home podman --cgroup-manager cgroupfs --storage-driver vfs --root $1/private/root --runroot $1/private/state --tmpdir $1/private/tmp run --rm --network none \
    --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --log-driver none $args --rootfs $1/private/rootfs /bin/bash -c "$(cat $each/probes)" > $each/out 2>&1 || rc=$?
  echo $rc > $each/rc
done
)sh";

// "PATH r1 w0 x0 c0": what each rule's path lets in.
constexpr char probe[] = R"sh(
echo started
open() { if (eval "exec 3$1\"\$2\"") 2>&1 | grep -q 'denied\|not permitted\|Read-only'; then echo -n 0; else echo -n 1; fi; }
ask() {
  if [ -S "$1" ]; then
    echo -n "$1 r- w- x- c"
    perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); print connect(S, sockaddr_un($ARGV[0])) || $!{ECONNREFUSED} ? 1 : 0, "\n"' "$1"
    return
  fi
  echo -n "$1 r"
  if [ -d "$1" ]; then open '<' "$1/text"; else open '<' "$1"; fi
  echo -n " w"
  if [ -d "$1" ]; then open '>' "$1/text"; else open '>>' "$1"; fi
  echo -n " x"
  if [ -d "$1" ]; then if "$1/prog" 2>/dev/null; then echo -n 1; else echo -n 0; fi; else echo -n -; fi
  echo " c-"
}
)sh";

bool has(const std::string& rights, const std::string& right) {
  return rights == "all" || (" " + rights + " ").find(" " + right + " ") != std::string::npos;
}

// As the probe writes it, for a rule of the case.
std::string said(const CdiExpectation::Rule& rule) {
  const bool is_directory = rule.host.ends_with("/m") || rule.host.ends_with("/n") || rule.host.ends_with("/link"),
             is_socket = rule.host.ends_with("/sock");
  const auto bit = [&](const char* right) { return has(rule.rights, right) ? "1" : "0"; };
  if (is_socket) return rule.inside + " r- w- x- c" + bit("resolve_unix");
  return rule.inside + " r" + bit("read_file") + " w" + bit("write_file") + " x" +
         (is_directory ? bit("execute") : "-") + " c-";
}

std::array<int, 2> version_of(const std::string& text) {
  std::array<int, 2> out = {0, 0};
  std::sscanf(text.c_str(), "%d.%d", &out[0], &out[1]);
  return out;
}

std::string folder_of(std::size_t question) {
  return std::to_string(10'000 + question);
}

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string out;
  std::getline(in, out);
  return out;
}

TEST(CdiRuntime, PodmanGivesWhatTheCasesSay) {
  if (::geteuid() != 0) GTEST_SKIP() << "not-root: nodes and mounts need root";
  if (testing::run_program({"/bin/sh", "-c", "command -v podman && command -v perl && command -v unshare"}, {}).code !=
      0)
    GTEST_SKIP() << "no-podman: podman, perl or unshare is not installed";
  const std::string version =
      testing::run_program({"/bin/sh", "-c", "podman version --format '{{.Client.Version}}'"}, {}).out;
  TemporaryDirectory dir;
  struct Question {
    std::string name;
    CdiExpectation expect;
  };
  std::vector<Question> questions = {{"a container starts here", {}}};
  dir.write(folder_of(0) + "/devices", "");
  dir.write(folder_of(0) + "/probes", probe);
  for (const std::filesystem::path& file : cdi_cases(LOCKSTEP_SOURCE_DIR "/fixtures/cdi/read")) {
    TemporaryDirectory scratch;
    for (const CdiExpectation& expect : lay_out_cdi_case(file, scratch.path()).expectations) {
      // `all` is a word of ours, and a podman can be too old for a case.
      if (expect.devices == "all" || expect.podman == "no" || version_of(version) < version_of(expect.podman)) continue;
      const std::string number = folder_of(questions.size()), folder = dir.at(number);
      lay_out_cdi_case(file, folder);
      std::string probes = probe;
      for (const CdiExpectation::Rule& rule : expect.rules) probes += "ask " + rule.inside + "\n";
      dir.write(number + "/devices", expect.devices);
      dir.write(number + "/probes", probes);
      questions.push_back({file.stem(), expect});
    }
  }
  const Ended ended =
      testing::run_program({"/usr/bin/unshare", "--mount", "/bin/bash", "-c", script, "bash", dir.path()},
                           {{}, seconds_for_every_container});
  ASSERT_EQ(ended.code, 0) << ended.err;
  if (first_line(dir.at(folder_of(0) + "/rc")) != "0")
    GTEST_SKIP() << "no-container: " << dir.read(folder_of(0) + "/out");
  for (std::size_t i = 1; i < questions.size(); ++i) {
    const auto& [name, expect] = questions[i];
    const std::string out = dir.read(folder_of(i) + "/out");
    SCOPED_TRACE(name + ": " + expect.devices + ", podman " + version + out);
    const bool started = out.find("started\n") != std::string::npos;
    EXPECT_EQ(started, expect.refused.empty());
    if (!started) continue;
    for (const CdiExpectation::Rule& rule : expect.rules)
      EXPECT_NE(out.find(said(rule) + "\n"), std::string::npos) << said(rule);
  }
}

}  // namespace
}  // namespace lockstep
