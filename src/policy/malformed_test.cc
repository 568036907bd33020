// What a policy, a host or a conflicts file may not say: one row each, with the line and a distinctive part
// of the answer.
#include <gtest/gtest.h>

#include <chrono>

#include <lockstep/host.h>
#include <lockstep/policy.h>

#include "syntax/document.h"
#include "testing/temporary_directory.h"

namespace lockstep {
namespace {

enum class Kind { yaml, json, host, conflicts };

struct Row {
  Kind kind;
  std::string text;
  int line;
  std::string_view says;
};

using namespace std::string_literals;

std::string with_list(const std::string& list, const std::string& item) {
  return "version: 1\nfilesystem_policy:\n  " + list + ":\n    - " + item + "\n";
}
std::string ro(const std::string& item) {
  return with_list("read_only", item);
}
std::string rw(const std::string& item) {
  return with_list("read_write", item);
}
std::string grant(const std::string& item) {
  return with_list("grants", item);
}
std::string section(const std::string& text) {
  return "version: 1\n" + text + "\n";
}
std::string host(const std::string& more) {
  return "{\"schema\": \"lockstep.host/1\",\n\"gpu\": \"nvidia\",\n" + more + "}";
}
std::string rule(const std::string& text) {
  return "runtime_baseline_conflicts:\n  - " + text + "\n";
}

const std::vector<Row>& rows() {
  constexpr Kind Y = Kind::yaml, J = Kind::json, H = Kind::host, C = Kind::conflicts;
  static const std::vector<Row> table = {
      // The text itself.
      {Y, "", 0, "empty"},
      {Y, "# nothing\n", 0, "empty"},
      {Y, "~\n", 0, "empty"},
      {Y, "---\n", 0, "empty"},
      {Y, "hello\n", 1, "must be a mapping"},
      {Y, "- version\n", 1, "must be a mapping"},
      {Y, "version: 1\n---\nversion: 1\n", 2, "second document"},
      {Y, "version: 1\n--- \n", 2, "second document"},
      {Y, "version: 1\n\"\xff\"\n", 2, "UTF-8"},
      {Y, "version: 1\n# \xc0\xaf\n", 2, "UTF-8"},
      {Y, "version: 1\n# \xed\xa0\x80\n", 2, "UTF-8"},
      {Y, "\xff\xfev\0e\0"s, 1, "UTF-8"},
      {Y, "version: 1\n\0"s, 2, "NUL"},
      {Y, "version: 1\nprocess:\n  run_as_user: \"a\\0b\"\n", 3, "NUL"},
      {Y, "version: [1\n", 2, "not valid YAML"},
      {Y, "version: 1\n\tprocess: {}\n", 2, "not valid YAML: a tab"},
      {Y, "version: 1\nprocess:\n\trun_as_user: a\n", 3, "not valid YAML: a tab"},
      {Y, "version: 1\nfilesystem_policy:\n  read_only:\n  \t- /usr\n", 4, "not valid YAML: a tab"},
      {Y, "version: 1\nprocess: {run_as_user: \"a\n", 3, "not valid YAML"},
      {Y, "version: &v 1\n", 1, "anchor"},
      {Y, "version: &v\n", 1, "anchor"},
      {Y, "version: 1\nprocess: &p {}\n", 2, "anchor"},
      {Y, ro("&a /usr") + "    - *a\n", 4, "anchor"},
      {Y, "version: 1\nprocess: *p\n", 2, "not valid YAML"},
      {Y, "version: 1\nprocess: ! {}\n", 2, "tag"},
      {Y, "version: 1\nprocess:\n  run_as_user: !binary aGk=\n", 3, "tag"},
      {Y, "version: 1\nprocess: {}\nversion: 1\n", 3, "\"version\" stands here twice, first on line 1"},
      {Y, "version: 1\nnetwork_policies:\n  a: {b: 1,\n     b: 2}\n", 4, "\"b\" stands here twice"},
      {Y, "version: 1\n\"version\": 1\n", 2, "twice"},
      {Y, "version: 1\n? [a]\n: 1\n", 2, "a key must be"},
      {Y, "version: 1\n~: 1\n", 2, "key is missing"},
      {Y, "version: 1\n<<: {process: {}}\n", 2, "no key \"<<\""},
      {Y, "version: 1\nnetwork_policies: " + std::string(70, '[') + std::string(70, ']') + "\n", 2, "64 levels"},
      {J, "", 1, "not valid JSON"},
      {J, "null", 0, "empty"},
      {J, "{\"version\": 1,}", 1, "not valid JSON: a comma too many"},
      {J, "{\"version\": 1 // why\n}", 1, "JSON has no comments"},
      {J, "{\"version\": 1,\n # why\n}", 2, "JSON has no comments"},
      {J, "{\"version\": 1,\n /* why */ \"process\": {}}", 2, "JSON has no comments"},
      {J, "{'version': 1}", 1, "double quotes"},
      {J, "{version: 1}", 1, "double quotes"},
      {J, "{\"version\": 1,\n\"process\": {\"run_as_user\": \"a\n\"}}", 2, "the quote is not closed"},
      {J, "{\"version\": 1,\n\"filesystem_policy\": {\"include_workdir\": True}}", 2, "written small"},
      {J, "{\"version\": 1}\n{}", 2, "not valid JSON"},
      {J, "{\"version\": 1,\n // why\n\"process\": {}}", 2, "not valid JSON: JSON has no comments"},
      {J, "{\"version\": 01}", 1, "not valid JSON"},
      {J, "{\"version\": 1,\n\"version\": 1}", 2, "twice"},
      {J, "{\"version\": 1,\n\"process\": {\"run_as_user\":\n\"a\\u0000b\"}}", 3, "NUL"},
      {J, "{\"version\": 1,\n\"a\\u0000\": 1}", 2, "NUL"},
      {J, "{\"version\": 1,\n\"network_policies\": " + std::string(70, '[') + std::string(70, ']') + "}", 2,
       "64 levels"},
      {J, "{\"version\": 1,\n\"landlock\": {\"min_abi\":\n0\n}}", 3, "landlock.min_abi"},
      {J, "{\"version\": 1,\n\"filesystem_policy\": {\"read_only\": [\"/usr\",\n\"usr\"]}}", 3, "absolute"},
      // The top.
      {Y, "process: {}\n", 1, "version is missing"},
      {Y, "version: 2\n", 1, "version: write 1, the only one there is, not 2"},
      {Y, "version: !!str 1\n", 1, "without quotes"},
      {Y, "version: !!int one\n", 1, "not what its tag !!int says"},
      {Y, "version: !!float 1.0\n", 1, "write 1, not 1.0"},
      {Y, "version: 1\nprocess: !!seq {}\n", 2, "not what its tag !!seq says"},
      {Y, "version: \"1\"\n", 1, "without quotes"},
      {Y, "version: 1.0\n", 1, "version"},
      {Y, "version: 99999999999999999999\n", 1, "version"},
      {Y, "version:\n", 1, "version"},
      {Y, "Version: 1\n", 1, "did you mean version?"},
      {Y, section("filesystem: {}"), 2, "no key \"filesystem\"; did you mean filesystem_policy?"},
      {Y, section("rules: {}"), 2, "its keys: version, filesystem_policy"},
      {Y, "{\"schema\": \"lockstep.host/1\", \"gpu\": \"none\", \"present\": []}", 1,
       "this file is a host file, and a policy is needed"},
      {Y, "cdiVersion: 0.6.0\nkind: a/b\n", 1, "this file is a CDI spec"},
      {Y, "accepted: []\n", 1, "this file is a file of accepted changes"},
      {Y, section("filesystem-policy: {}"), 2, "did you mean filesystem_policy?"},
      {Y, section("network_policy: {}"), 2, "did you mean network_policies?"},
      {Y, section("\"a\\x1bb\": {}"), 2, "a\\x1bb"},
      {Y, section("network_policies: []"), 2, "network_policies must be a mapping"},
      {Y, section("network_policies:"), 2, "network_policies must be a mapping"},
      {Y, section("network_middlewares: on"), 2, "network_middlewares must be a mapping"},
      // filesystem_policy.
      {Y, section("filesystem_policy:"), 2, "filesystem_policy must be a mapping"},
      {Y, section("filesystem_policy: [/usr]"), 2, "filesystem_policy must be a mapping"},
      {Y, section("filesystem_policy:\n  readonly: [/usr]"), 3, "did you mean read_only?"},
      {Y, section("filesystem_policy:\n  include_workdir: yes"), 3, "true or false"},
      {Y, section("filesystem_policy:\n  include_workdir: \"true\""), 3, "true or false"},
      {Y, section("filesystem_policy:\n  include_workdir: tRUE"), 3, "true or false"},
      {Y, section("filesystem_policy:\n  include_workdir: !!str true"), 3, "true or false"},
      {Y, section("filesystem_policy:\n  read_only:"), 3, "write []"},
      {Y, section("filesystem_policy:\n  read_only: /usr"), 3, "list of paths"},
      {Y, section("filesystem_policy:\n  read_write: {/tmp: true}"), 3, "list of paths"},
      {Y, ro("usr"), 4, "absolute path, not \"usr\""},
      {Y, ro("~/data"), 4, "absolute"},
      {Y, ro("$HOME"), 4, "absolute"},
      {Y, ro("\" /usr\""), 4, "absolute"},
      {Y, ro("\"\""), 4, "empty"},
      {Y, ro("~"), 4, "must be a string"},
      {Y, ro("[/usr]"), 4, "must be a string"},
      {Y, ro("/usr/../etc"), 4, ".. component"},
      {Y, ro("/.."), 4, ".. component"},
      {Y, ro("/usr/.."), 4, ".. component"},
      {Y, ro("/" + std::string(4096, 'a')), 4, "4096 bytes"},
      {Y, ro("\"/usr\\n\""), 4, "control character"},
      {Y, ro("\"/usr\\x7f\""), 4, "control character"},
      {Y, rw("/"), 4, "root directory"},
      {Y, rw("//"), 4, "root directory"},
      {Y, rw("/."), 4, "root directory"},
      {Y, rw("///././"), 4, "root directory"},
      {Y, rw("\"/\""), 4, "root directory"},
      {Y, grant("{path: /, access: [write_file]}"), 4, "root directory"},
      {Y, grant("{path: /., access: [all]}"), 4, "root directory"},
      {Y, grant("{path: /, access: [read, ioctl_dev]}"), 4, "root directory"},
      {Y, grant("{path: /proc}"), 4, "path and access"},
      {Y, grant("{access: [read]}"), 4, "path and access"},
      {Y, grant("{path: /proc, access: []}"), 4, "list of rights"},
      {Y, grant("{path: /proc, access: read}"), 4, "list of rights"},
      {Y, grant("{path: /proc, access: [write-file]}"), 4, "no right is called \"write-file\""},
      {Y, grant("{path: /proc, access: [READ_FILE]}"), 4, "did you mean read_file?"},
      {Y, grant("{path: /proc, access: [rw]}"), 4, "did you mean all?"},
      {Y, grant("{path: /proc, access: [read-write]}"), 4, "did you mean all?"},
      {Y, grant("{path: /proc, access: [r]}"), 4, "did you mean read?"},
      {Y, grant("{path: /proc, access: [Read-Only]}"), 4, "did you mean read?"},
      {Y, grant("{path: /proc, access: [w]}"), 4, "did you mean write?"},
      {Y, grant("{path: /proc, access: [rx]}"), 4, "did you mean read?"},
      {Y, grant("{path: /proc, access: [x]}"), 4, "did you mean execute?"},
      {Y, grant("{path: /proc, access: [ioctl]}"), 4, "did you mean ioctl_dev?"},
      {Y, grant("{path: /proc, access: [truncat]}"), 4, "did you mean truncate?"},
      {Y, grant("{path: proc, access: [read]}"), 4, "absolute"},
      {Y, grant("{path: /proc, access: [read], why: x}"), 4, "no key \"why\""},
      {Y, grant("/proc"), 4, "a grant must be a mapping"},
      {Y, section("filesystem_policy:\n  grants: {}"), 3, "must be a list"},
      // landlock, process.
      {Y, section("landlock: best_effort"), 2, "landlock must be a mapping"},
      {Y, section("landlock:\n  compatability: best_effort"), 3, "did you mean compatibility?"},
      {Y, section("landlock:\n  compatibility: hard-requirement"), 3, "best_effort or hard_requirement"},
      {Y, section("landlock:\n  compatibility: Best_effort"), 3, "best_effort or hard_requirement"},
      {Y, section("landlock:\n  compatibility:"), 3, "must be a string"},
      {Y, section("landlock:\n  scopes: signal"), 3, "landlock.scopes must be a list"},
      {Y, section("landlock:\n  scopes:\n    - signals"), 4, "abstract_unix_socket or signal"},
      {Y, section("landlock:\n  ports: [80]"), 3, "landlock.ports must be a mapping"},
      {Y, section("landlock:\n  ports:"), 3, "landlock.ports must be a mapping"},
      {Y, section("landlock:\n  ports:\n    bind: [80]"), 4, "no key"},
      {Y, section("landlock:\n  ports:\n    bind_tcp: 80"), 4, "must be a list of ports"},
      {Y, section("landlock:\n  ports:\n    bind_tcp:"), 4, "must be a list of ports"},
      {Y, section("landlock:\n  ports:\n    bind_tcp:\n      - 65536"), 5, "from 0 to 65535"},
      {Y, section("landlock:\n  ports:\n    bind_tcp: [-1]"), 4, "from 0 to 65535"},
      {Y, section("landlock:\n  ports:\n    bind_tcp: [\"80\"]"), 4, "without quotes"},
      {Y, section("landlock:\n  ports:\n    bind_tcp: [80-90]"), 4, "whole number"},
      {Y, section("landlock:\n  log: off"), 3, "landlock.log must be a mapping"},
      {Y, section("landlock:\n  log: {same_exec: 1}"), 3, "true or false"},
      {Y, section("landlock:\n  log: {sub_domains: true}"), 3, "did you mean subdomains?"},
      {Y, section("landlock:\n  threads: 2"), 3, "write one or all"},
      {Y, grant("{path: /x, access: [read], quiet: maybe}"), 4, "grants.quiet"},
      {Y, section("landlock:\n  min_abi: 0"), 3, "from 1 to 11"},
      {Y, section("landlock:\n  min_abi: 12"), 3, "from 1 to 11"},
      {Y, section("landlock:\n  min_abi: \"3\""), 3, "without quotes"},
      {Y, section("landlock:\n  min_abi: 0xc"), 3, "from 1 to 11, not 0xc"},
      {Y, section("landlock:\n  min_abi: 010"), 3, "octal"},
      {Y, section("landlock:\n  min_abi: 0b11"), 3, "from 1 to 11, not 0b11"},
      {Y, section("process: root"), 2, "process must be a mapping"},
      {Y, section("process:\n  user: root"), 3, "no key \"user\""},
      {Y, section("process:\n  run_as_user: \"\""), 3, "a name or a number"},
      {Y, section("process:\n  run_as_group: \"a\\nb\""), 3, "a name or a number"},
      {Y, section("process:\n  run_as_user: [a]"), 3, "must be a string"},
      // Conflicts, in a policy and in an administrator's file.
      {Y, section("runtime_baseline_conflicts: {}"), 2, "must be a list"},
      {Y, section(rule("{paths: [/proc], mode: ignore}")), 3, "promote, keep or reject"},
      {C, "version: 1\n", 1, "no key \"version\": this file is a policy"},
      {C, "{}\n", 1, "is missing"},
      {C, rule("{paths: [/proc]}"), 2, "needs paths and mode"},
      {C, rule("{mode: keep}"), 2, "needs paths and mode"},
      {C, rule("{paths: [], mode: keep}"), 2, "list of paths"},
      {C, rule("{paths: /proc, mode: keep}"), 2, "list of paths"},
      {C, rule("{paths: [proc], mode: keep}"), 2, "absolute"},
      {C, rule("{paths: [/proc], mode: Keep}"), 2, "promote, keep or reject"},
      {C, rule("{paths: [/proc], mode: keep, sources: []}"), 2, "leave it out for any"},
      {C, rule("{paths: [/proc], mode: keep, sources: [admin]}"), 2, "default, gateway, image or user"},
      {C, rule("{paths: [/proc], mode: keep, source: user}"), 2, "did you mean sources?"},
      // Hosts.
      {H, "{\"gpu\": \"none\",\n\"present\": []}", 1, "lockstep.host/1"},
      {H, "{\"gpu\": \"none\",\n\"schema\": \"lockstep.host/2\", \"present\": []}", 2, "lockstep.host/1"},
      {H, "[]", 1, "must be a mapping"},
      {H, "{\"version\": 1,\n\"filesystem_policy\": {}}", 1, "this file is a policy, and a host file is needed here"},
      {H, "{\"schema\": \"lockstep.host/1\", \"gpu\": \"none\"}", 1, "needs gpu and present"},
      {H, "{\"schema\": \"lockstep.host/1\", \"present\": []}", 1, "needs gpu and present"},
      {H, "{\"schema\": \"lockstep.host/1\",\n\"gpu\": \"AMD\", \"present\": []}", 2,
       "none, nvidia, wsl2, amd or intel"},
      {H, "{\"schema\": \"lockstep.host/1\",\n\"gpu\": \"NVIDIA\", \"present\": []}", 2,
       "none, nvidia, wsl2, amd or intel"},
      {H, host("\"present\": \"Real\""), 3, "\"real\""},
      {H, host("\"present\": null"), 3, "must be a string"},
      {H, host("\"present\": [\"usr\"]"), 3, "absolute"},
      {H, host("\"present\": [\"/a/../b\"]"), 3, "absolute"},
      {H, host("\"present\": [\"/a\\u0001\"]"), 3, "control"},
      {H, host("\"present\": [\"/a\",\n\"/a/\"]"), 4, "/a twice"},
      {H, host("\"present\": [{\"path\": \"/a\"}]"), 3, "needs path and kind"},
      {H, host("\"present\": [{\"path\": \"/a\", \"kind\": \"fifo\"}]"), 3, "dir, file, char, socket or link"},
      {H, host("\"present\": [{\"path\": \"/a\", \"kind\": \"dir\", \"x\": 1}]"), 3, "no key \"x\""},
      {H, host("\"present\": [{\"path\": \"/a\", \"kind\": \"link\"}]"), 3, "a link needs target"},
      {H, host("\"present\": [{\"path\": \"/a\", \"kind\": \"dir\", \"target\": \"/b\"}]"), 3, "nothing else has one"},
      {H, host("\"present\": [{\"path\": \"/a\", \"kind\": \"link\", \"target\": \"\"}]"), 3, "what the link leads to"},
      {H, host("\"present\": [], \"gpu_nodes\": [\"/dev/nvidiactl\"]"), 3, "no GPU node"},
      {H, host("\"present\": [], \"gpu_nodes\": [\"/dev/nvidia0\",\n\"/dev//nvidia0\"]"), 4, "twice"},
      {H, host("\"present\": [], \"gpu_nodes\": \"/dev/nvidia0\""), 3, "must be a list"},
      {H, host("\"present\": [], \"absent\": [\"/\"]"), 3, "root"},
      {H, host("\"present\": [], \"absent\": {}"), 3, "must be a list"},
      {H, host("\"present\": [], \"kernel\": {\"errata\": 1}"), 3, "needs abi"},
      {H, host("\"present\": [], \"kernel\": {\"abi\": -1}"), 3, "kernel.abi"},
      {H, host("\"present\": [], \"kernel\": {\"abi\": \"7\"}"), 3, "without quotes"},
      {H, host("\"present\": [], \"kernel\": {\"abi\": 7, \"errata\": 4294967296}"), 3, "kernel.errata"},
      {H, host("\"present\": [], \"gpus\": 1"), 3, "did you mean gpu?"},
  };
  return table;
}

template <typename T>
std::optional<Error> error_of(const Result<T>& result) {
  return result.ok() ? std::nullopt : std::optional<Error>(result.error());
}

TEST(Malformed, EveryInputIsRefusedWithItsLineAndReason) {
  ASSERT_GE(rows().size(), 90U);
  const testing::TemporaryDirectory dir;
  for (const Row& row : rows()) {
    SCOPED_TRACE(printable(row.text.substr(0, 120)));
    std::optional<Error> error;
    std::string name = row.kind == Kind::json ? "p.json" : row.kind == Kind::host ? "h.json" : "p.yaml";
    if (row.kind == Kind::host) {
      error = error_of(decode_host(row.text, name));
    } else if (row.kind == Kind::conflicts) {
      name = dir.write("conflicts.yaml", row.text);
      error = error_of(load_conflicts(name));
    } else {
      error = error_of(decode_policy(row.text, name));
    }
    if (!error) {
      ADD_FAILURE() << "was accepted";
      continue;
    }
    EXPECT_EQ(error->kind, ErrorKind::input);
    EXPECT_EQ(error->file, name);
    EXPECT_EQ(error->line, row.line) << error->message;
    EXPECT_NE(error->message.find(row.says), std::string::npos) << error->message;
    EXPECT_LT(error->message.size(), 600U);
    for (char c : error->message)
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20) << "a control character reaches the terminal";
  }
}

TEST(Malformed, HugeInputsAreRefusedQuickly) {
  const std::size_t size = policy_size_limit - 100;
  std::string pairs = "version: 1\nnetwork_policies:\n";
  for (int i = 0; i < 20000; ++i) pairs += "  k" + std::to_string(i) + ": 1\n";
  std::string random(size, '\0');
  for (std::size_t i = 0, state = 1; i < size; ++i)
    random[i] = static_cast<char>((state = state * 6364136223846793005U + 1) >> 56U);
  std::string indents = "version: 1\nnetwork_policies:\n ";
  for (int i = 0; i < 100000; ++i) indents += "- ";
  const std::string texts[] = {
      std::string(size, '['),           std::string(size, '{'), std::string(10U << 20, '['),  random, indents,
      std::string(size, '\n') + "\xff", pairs + "  k0: 1\n",    "\"" + std::string(size, 'a')};
  for (const std::string& text : texts)
    for (const char* name : {"p.yaml", "p.json"}) {
      SCOPED_TRACE(name + (" " + printable(text.substr(0, 20))));
      const auto start = std::chrono::steady_clock::now();
      const Result<Policy> policy = decode_policy(text, name);
      const auto took = std::chrono::steady_clock::now() - start;
      ASSERT_FALSE(policy.ok());
      EXPECT_EQ(policy.error().kind, ErrorKind::input);
      EXPECT_LT(policy.error().message.size(), 1200U);
      // Generous: what is meant is that nothing here is quadratic.
      EXPECT_LT(std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), 20000);
    }
}

}  // namespace
}  // namespace lockstep
