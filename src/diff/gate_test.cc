// Changes that give more and look as if they did not: each was called equivalent once, or hidden, and must stop the
// gate.
#include <gtest/gtest.h>
#include <unistd.h>

#include "testing/run_program.h"

namespace lockstep::diff {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;
using Words = std::vector<std::string>;

struct Row {
  const char* name;
  const char* before;  // below "version: 1\n"
  const char* after;
  const char* said;  // a part of the text; where it begins with "note: ", the change is equivalent
  Words flags = {};
};

const std::vector<Row> rows = {
    {"the root by procfs", "filesystem_policy: {read_only: [/usr, /proc]}",
     "filesystem_policy: {read_only: [/usr, /proc, /proc/self/root]}", "\n  /\n    + execute, read_file, read_dir\n"},
    {"below the root by procfs", "filesystem_policy: {read_write: [/proc]}",
     "filesystem_policy: {read_write: [/proc, /proc/thread-self/root/etc]}", "\n  /etc\n    + every right\n"},
    {"the root of another thread", "filesystem_policy: {read_only: [/usr, /proc]}",
     "filesystem_policy: {read_only: [/usr, /proc, /proc/12/task/13/root]}", "\n  /\n    + execute"},
    {"what a process has open", "filesystem_policy: {read_only: [/proc]}",
     "filesystem_policy: {read_only: [/proc, /proc/self/fd/3]}", "it leads to what the process has open"},
    {"where a process stands", "filesystem_policy: {read_write: [/proc]}",
     "filesystem_policy: {read_write: [/proc, /proc/self/cwd]}", "\n  /proc/self/cwd\n    + every right"},
    {"/var/run is /run", "filesystem_policy: {read_write: [/var]}", "filesystem_policy: {read_write: [/var, /var/run]}",
     "\n  /run\n    + every right"},
    {"a link of a host file",
     "filesystem_policy: {read_only: [/usr]}",
     "filesystem_policy: {read_only: [/usr], read_write: [/lib]}",
     "\n  /usr/lib\n    + write_file",
     {"--host", LOCKSTEP_SOURCE_DIR "/fixtures/hosts/merged-usr.json"}},
    {"it may be a link", "filesystem_policy: {read_write: [/tmp]}",
     "filesystem_policy: {read_write: [/tmp, /tmp/planted]}",
     "note: new entries that add nothing to what is granted above them, unless they are links"},
    {"the work directory", "filesystem_policy: {include_workdir: false, read_only: [/usr]}",
     "filesystem_policy: {include_workdir: true, read_only: [/usr]}", "widening (workdir)"},
    {"the work directory as written",
     "filesystem_policy: {include_workdir: false, read_only: [/usr]}",
     "filesystem_policy: {include_workdir: true, read_only: [/usr]}",
     "widening (workdir)",
     {"--as-written"}},
    {"the work directory by object",
     "filesystem_policy: {include_workdir: false, read_only: [/usr]}",
     "filesystem_policy: {include_workdir: true, read_only: [/usr]}",
     "widening (workdir)",
     {"--host", "real"}},
    {"the work directory, named",
     "filesystem_policy: {include_workdir: false, read_only: [/usr]}",
     "filesystem_policy: {include_workdir: true, read_only: [/usr]}",
     "\n  /srv\n    + every right",
     {"--workdir", "/srv"}},
    {"not there yet",
     "filesystem_policy: {read_only: [/usr]}",
     "filesystem_policy: {read_only: [/usr], read_write: [/no-such/later]}",
     "\n  /no-such/later\n    + every right",
     {"--host", "real"}},
    {"no longer refused",
     "filesystem_policy: {read_only: [/usr, /no-such]}\nlandlock: {compatibility: hard_requirement}",
     "filesystem_policy: {read_only: [/usr]}\nlandlock: {compatibility: hard_requirement}",
     "weakening (refused): the old policy is refused",
     {"--host", "real"}},
    {"a group", "process: {run_as_user: nobody}", "process: {run_as_user: nobody, run_as_group: shadow}",
     "weakening (identity): run_as_group: not set before, shadow now"},
    {"another group", "process: {run_as_group: nogroup}", "process: {run_as_group: docker}", "weakening (identity)"},
    {"root in other digits", "process: {run_as_user: nobody}", "process: {run_as_user: \"00\"}",
     "weakening (identity)"},
    {"another name of root after nobody", "process: {run_as_user: nobody}", "process: {run_as_user: root}",
     "weakening (identity)"},
    {"root in other digits, from nothing", "filesystem_policy: {read_only: [/usr]}",
     "filesystem_policy: {read_only: [/usr]}\nprocess: {run_as_user: \"000\"}", "weakening (identity)"},
    {"a node of no fixture", "filesystem_policy: {read_only: [/dev, /dev/nvidia12, /usr]}",
     "filesystem_policy: {read_only: [/dev, /usr]}", "\n  /dev/nvidia12\n    + write_file"},
    {"conflicts on a node of no fixture", "filesystem_policy: {read_only: [/dev/nvidia12]}",
     "filesystem_policy: {read_only: [/dev/nvidia12]}\nruntime_baseline_conflicts: [{paths: [/dev/nvidia12], mode: "
     "promote}]",
     "/dev/nvidia12 keep before, promote now"},
    {"conflicts by a pattern", "filesystem_policy: {read_only: [/usr]}",
     "filesystem_policy: {read_only: [/usr]}\nruntime_baseline_conflicts: [{paths: [\"/dev/dri/*\"], mode: promote}]",
     "/dev/dri/0 keep before, promote now"},
    {"conflicts by source",
     "filesystem_policy: {read_only: [/proc]}\nruntime_baseline_conflicts: [{paths: [/proc], sources: [user], mode: "
     "reject}, {paths: [/proc], "
     "mode: keep}]",
     "filesystem_policy: {read_only: [/proc]}\nruntime_baseline_conflicts: [{paths: [/proc], sources: [user], mode: "
     "keep}]",
     "/proc keep before, promote now (default, gateway, image)"},
    {"quiet at another path", "filesystem_policy: {grants: [{path: /var, access: [read], quiet: true}]}",
     "filesystem_policy: {grants: [{path: /var, access: [read], quiet: true}, {path: /var/log, access: [read], quiet: "
     "true}]}",
     "weakening (quiet): denials below /var/log are logged no more"},
    {"network policies", "network_policies: {a: {endpoints: [{host: one.example.org, port: 443}]}}",
     "network_policies: {a: {endpoints: [{host: \"*\", port: 443}]}}", "weakening (network-policies)"},
    {"middlewares", "network_middlewares: {scan: {on: true}}", "version: 1", "weakening (network-policies)"},
};

class Gate : public ::testing::Test {
 protected:
  std::string policy(const std::string& name, const std::string& text) {
    return dir_.write(name, text.starts_with("version") ? text + "\n" : "version: 1\n" + text + "\n");
  }
  Ended diff(Words words) {
    words.insert(words.begin(), {LOCKSTEP_CLI, "diff"});
    return testing::run_program(words, {});
  }
  TemporaryDirectory dir_;
};

TEST_F(Gate, StopsWhatLooksLikeNothing) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Words words = {policy("before.yaml", row.before), policy("after.yaml", row.after)};
    words.insert(words.end(), row.flags.begin(), row.flags.end());
    const Ended ended = diff(words);
    EXPECT_EQ(ended.code, std::string(row.said).starts_with("note: ") ? 0 : 1) << ended.out << ended.err;
    EXPECT_NE(ended.out.find(row.said), std::string::npos) << ended.out << ended.err;
  }
}

TEST_F(Gate, TheSameNetworkPoliciesInOtherWordsAreTheSame) {
  const std::string yaml =
      policy("a.yaml", "network_policies: {a: {endpoints: [{host: one.example.org, port: 443}]}, b: {}}  # why");
  const std::string json = dir_.write(
      "a.json",
      R"({"version": 1, "network_policies": {"b": {}, "a": {"endpoints": [{"port": 443, "host": "one.example.org"}]}}})");
  EXPECT_EQ(diff({yaml, json}).code, 0) << diff({yaml, json}).out;
}

TEST_F(Gate, RootIsOneUserHoweverItIsWritten) {
  const std::string zero = policy("zero.yaml", "process: {run_as_user: \"0\"}"),
                    root = policy("root.yaml", "process: {run_as_user: root}");
  EXPECT_EQ(diff({zero, root}).code, 0) << diff({zero, root}).out;
  EXPECT_EQ(diff({root, zero}).code, 0);
}

TEST_F(Gate, AsksEverySourceThatAnAdministratorsRuleTellsApart) {
  const std::string before = policy("before.yaml", "filesystem_policy: {read_only: [/, /proc]}"),
                    after = policy("after.yaml", "filesystem_policy: {read_only: [/]}");
  const std::string rules =
      dir_.write("admin.yaml", "runtime_baseline_conflicts: [{paths: [/proc], sources: [image], mode: keep}]\n");
  const Ended ended = diff({before, after, "--conflicts", rules});
  EXPECT_EQ(ended.code, 1) << ended.out;
  EXPECT_NE(ended.out.find("from image"), std::string::npos) << ended.out;
  // Refused under both is not the same under both.
  const std::string reject =
      dir_.write("reject.yaml", "runtime_baseline_conflicts: [{paths: [/proc], mode: reject}]\n");
  const Ended both =
      diff({before, policy("wider.yaml", "filesystem_policy: {read_only: [/, /proc], read_write: [/etc]}"),
            "--conflicts", reject, "--host", LOCKSTEP_SOURCE_DIR "/fixtures/hosts/nvidia-1.json"});
  EXPECT_NE(both.out.find("both policies are refused in"), std::string::npos) << both.out;
}

TEST_F(Gate, APathThatCannotBeLookedUpIsNotTakenForNone) {
  if (::geteuid() == 0) GTEST_SKIP() << "root looks up every path: run this as an ordinary user";
  const std::string before = policy("before.yaml", "filesystem_policy: {read_only: [/usr]}");
  const Ended ended =
      diff({before, policy("after.yaml", "filesystem_policy: {read_only: [/usr], read_write: [/root/.ssh]}"), "--host",
            "real"});
  EXPECT_EQ(ended.code, 2) << ended.out;
  EXPECT_NE(ended.err.find("/root/.ssh"), std::string::npos);
}

TEST_F(Gate, NativeIsTheKernelsAbi) {
  const std::string one = policy("one.yaml", "filesystem_policy: {read_only: [/usr]}");
  const Ended ended = diff({one, one, "--abi", "native"});
  if (ended.code == 3) GTEST_SKIP() << ended.err;
  EXPECT_EQ(ended.out.find("every ABI"), std::string::npos) << ended.out;
}

class Snapshot : public Gate {
 protected:
  std::string snapshot(const std::string& text) {
    return testing::run_program({LOCKSTEP_CLI, "show", policy("p.yaml", text), "--host",
                                 LOCKSTEP_SOURCE_DIR "/fixtures/hosts/none.json", "--abi", "7", "--format", "json"},
                                {})
        .out;
  }
  Ended compared(const std::string& before, const std::string& after) {
    return diff({dir_.write("before.json", before), dir_.write("after.json", after), "--snapshots"});
  }
};

TEST_F(Snapshot, HoldsIdentityAndWorkDirectory) {
  EXPECT_EQ(compared(snapshot("filesystem_policy: {read_only: [/usr]}\nprocess: {run_as_user: nobody}"),
                     snapshot("filesystem_policy: {read_only: [/usr]}\nprocess: {run_as_user: root}"))
                .code,
            1);
  EXPECT_EQ(compared(snapshot("filesystem_policy: {read_only: [/usr]}"),
                     snapshot("filesystem_policy: {read_only: [/usr], include_workdir: true}"))
                .code,
            1);
  const std::string network = "filesystem_policy: {read_only: [/usr]}\nnetwork_policies: {a: {host: ";
  EXPECT_EQ(compared(snapshot(network + "one}}"), snapshot(network + "two}}")).code, 1);
  // What is in no snapshot is not taken for the same.
  const Ended same = compared(snapshot(network + "one}}"), snapshot(network + "one}}"));
  EXPECT_EQ(same.code, 1);
  EXPECT_NE(same.out.find("whether it changed is not compared"), std::string::npos) << same.out;
  const std::string none = snapshot("filesystem_policy: {read_only: [/usr]}");
  EXPECT_EQ(compared(none, none).code, 0);
}

TEST_F(Gate, AWorkDirectoryAloneIsAPath) {
  const std::string before = policy("before.yaml", "filesystem_policy: {read_only: [/usr]}"),
                    after = policy("after.yaml", "filesystem_policy: {include_workdir: true}");
  const Ended ended = diff({before, after});
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.out.find("emptied"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("widening (workdir)"), std::string::npos) << ended.out;
  EXPECT_NE(diff({before, policy("nothing.yaml", "filesystem_policy: {include_workdir: false}")}).out.find("emptied"),
            std::string::npos);
  for (const char* word : {"show", "lint"}) {
    const Ended said = testing::run_program({LOCKSTEP_CLI, word, after, "--gpu", "off", "--abi", "7"}, {});
    EXPECT_NE((said.out + said.err).find("--workdir"), std::string::npos) << said.out << said.err;
  }
}

// What is not as show writes it is not half read: it would be taken for no restriction.
TEST_F(Snapshot, ThatIsNotAsItWasWrittenIsBadInput) {
  const std::string good =
      snapshot("filesystem_policy: {read_only: [/usr]}\nlandlock: {scopes: [signal], ports: {bind_tcp: [1]}}");
  ASSERT_EQ(compared(good, good).code, 0);
  const auto with = [&](const std::string& part, const std::string& instead) {
    std::string out = good;
    const std::size_t at = out.find(part);
    EXPECT_NE(at, std::string::npos) << part;
    return at == std::string::npos ? out : out.replace(at, part.size(), instead);
  };
  for (const std::string& broken :
       {with("\"scopes\": [\n      \"signal\"\n    ]", "\"scopes\": \"signal\""),
        with("\"scopes\": [\n      \"signal\"\n    ]", "\"scopes\": null"), with("\"connect_tcp\": null,", ""),
        with("\"bind_tcp\": [\n        1\n      ]", "\"bind_tcp\": {}"),
        with("\"include_workdir\"", "\"include_workdi\""), with("\"run_as_user\": \"\",", ""),
        with("\"min_abi\": 2,", "\"min_abi\": 2, \"later\": true,"),
        with("\"path\": \"/usr\"", "\"path\": \"/usr/../etc\""), with("\"path\": \"/usr\"", "\"path\": \"/usr/\""),
        with("\"path\": \"/usr\"", "\"path\": \"" + std::string(5000, '/') + "usr\""),
        with("\"threads\": \"one\"", "\"threads\": \"some\"")}) {
    const Ended ended = compared(broken, good);
    EXPECT_EQ(ended.code, 2) << ended.out << ended.err << broken.substr(0, 900);
    EXPECT_NE(ended.err.find("before.json"), std::string::npos) << ended.err;
  }
}

}  // namespace
}  // namespace lockstep::diff
