// What the kernel's audit records say of the denials of a policy of ours, and that what is kept out of the log is
// denied all the same: flags of the log (ABI 7) and quiet rules (ABI 10). Records are listened to, no setting of audit
// is changed.
#include "landlock/audit.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <set>

#include <lockstep/kernel.h>
#include <lockstep/plan.h>
#include <lockstep/rights.h>

#include "enforce/restrict.h"
#include "testing/temporary_directory.h"

namespace lockstep {
namespace {

using Strings = std::multiset<std::string>;

int kernel_abi() {
  const Result<KernelLandlock> kernel = query_kernel();
  return kernel.ok() ? std::min(kernel->abi, newest_abi) : 0;
}

// All the way a policy goes. hard_requirement: what this kernel lacks is an error, and not left out.
Result<void> restrict_by(const std::string& filesystem_policy, const std::string& landlock) {
  const std::string text = "{version: 1, filesystem_policy: {" + filesystem_policy +
                           "}, landlock: {compatibility: hard_requirement" + (landlock.empty() ? "" : ", " + landlock) +
                           "}}";
  LOCKSTEP_ASSIGN(const Policy policy, decode_policy(text, "audit.yaml"));
  Context context;
  context.host.real = true;
  context.gpu = context.proxy = Toggle::off;
  LOCKSTEP_ASSIGN(const EffectivePolicy effective, enrich(policy, context));
  LOCKSTEP_ASSIGN(const Plan plan, compile(effective, kernel_abi()));
  LOCKSTEP_ASSIGN(const Prepared prepared, prepare(plan, {}));
  return restrict_self(prepared);
}

// For a child: where the policy cannot be put in force it ends, with a code no body has.
void must_restrict(const std::string& filesystem_policy, const std::string& landlock = "") {
  const Result<void> done = restrict_by(filesystem_policy, landlock);
  if (done.ok()) return;
  std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
  ::_exit(250);
}

struct Child {
  pid_t pid = -1;
  int code = 251;  // of its body; 251: killed
};

Child in_child(const std::function<int()>& body) {
  Child child;
  child.pid = ::fork();
  if (child.pid == 0) ::_exit(body());
  int status = 0;
  if (child.pid > 0 && ::waitpid(child.pid, &status, 0) == child.pid && WIFEXITED(status))
    child.code = WEXITSTATUS(status);
  return child;
}

int try_open(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  return fd ? 0 : errno;
}

// Another program that opens the file for writing, and the policy it can do all but that under.
constexpr const char* read_and_silence = "grants: [{path: /, access: [read]}, {path: /dev/null, access: [write_file]}]";
int exec_that_writes(const std::string& file) {
  const UniqueFd silence(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  ::dup2(silence.get(), STDERR_FILENO);
  ::execl("/bin/sh", "sh", "-c", (": >>" + file).c_str(), nullptr);
  return 249;
}
bool shell_could_not_open(int code) {
  return code == 1 || code == 2;  // by the shell; 126 and 127 are of a program that did not start
}

class Audit : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<KernelLandlock> kernel = query_kernel();
    if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
    if (kernel->abi < 7) GTEST_SKIP() << "needs ABI 7: this kernel writes no records of denials";
    Result<AuditListener> opened = AuditListener::open();
    if (!opened.ok() && opened.error().kind == ErrorKind::unsupported) GTEST_SKIP() << opened.error().message;
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    listener_.emplace(std::move(*opened));
    scratch.write("denied", "");
    scratch.write("next", "");
  }

  // The records of denials in the domains this process restricted itself to. First a later process is denied something
  // that is logged for certain: when that was heard, so was all that came before.
  std::vector<AuditRecord> denials_of(pid_t pid) {
    const Child fence = in_child([&] {
      must_restrict("read_only: [/]");
      return try_open(scratch.at("denied"), O_WRONLY);
    });
    EXPECT_EQ(fence.code, EACCES);
    EXPECT_TRUE(listener_->until([&](const AuditRecord& record) { return is_first_of(record, fence.pid); }))
        << "a denial that is to be logged was not heard of: " << listener_->trouble()
        << " (does a rule of this machine's audit leave out types 1423 and 1424?)";
    std::set<std::string> domains;
    for (const AuditRecord& record : listener_->records())
      if (is_first_of(record, pid)) domains.insert(record.field("domain"));
    std::vector<AuditRecord> out;
    for (const AuditRecord& record : listener_->records())
      if (record.type == audit_landlock_access && domains.count(record.field("domain")) != 0) out.push_back(record);
    return out;
  }
  // A domain says who made it after its first denial.
  static bool is_first_of(const AuditRecord& record, pid_t pid) {
    return record.type == audit_landlock_domain && record.field("status") == "allocated" &&
           record.field("pid") == std::to_string(pid);
  }
  static Strings fields(const std::vector<AuditRecord>& records, std::string_view name) {
    Strings out;
    for (const AuditRecord& record : records) out.insert(record.field(name));
    return out;
  }

  testing::TemporaryDirectory scratch;
  std::optional<AuditListener> listener_;
};

TEST_F(Audit, ADenialNamesTheRightTheObjectAndTheProcess) {
  const Child child = in_child([&] {
    must_restrict("read_only: [/]");
    return try_open(scratch.at("denied"), O_RDONLY) == 0 ? try_open(scratch.at("denied"), O_RDWR) : 249;
  });
  EXPECT_EQ(child.code, EACCES);
  struct stat object {};
  ASSERT_EQ(::stat(scratch.at("denied").c_str(), &object), 0);
  const std::vector<AuditRecord> denials = denials_of(child.pid);
  ASSERT_EQ(denials.size(), 1U);
  EXPECT_EQ(denials[0].field("blockers"), "fs.write_file") << denials[0].text;
  EXPECT_EQ(denials[0].field("path"), scratch.at("denied")) << denials[0].text;
  EXPECT_EQ(denials[0].field("ino"), std::to_string(object.st_ino)) << denials[0].text;
  EXPECT_NE(denials[0].field("dev"), "") << denials[0].text;
}

TEST_F(Audit, AllRightsThatAreMissingAreNamedTogether) {
  const Child child = in_child([&] {
    must_restrict("read_only: [/usr]");
    return try_open(scratch.at("denied"), O_RDWR);
  });
  EXPECT_EQ(child.code, EACCES);
  EXPECT_EQ(fields(denials_of(child.pid), "blockers"), Strings{"fs.write_file,fs.read_file"});
}

TEST_F(Audit, ADomainThatEndsSaysHowOftenItDeniedLoggedOrNot) {
  const Child child = in_child([&] {
    must_restrict(read_and_silence);
    for (int i = 0; i < 2; ++i) try_open(scratch.at("denied"), O_WRONLY);
    return exec_that_writes(scratch.at("next"));
  });
  EXPECT_TRUE(shell_could_not_open(child.code)) << child.code;
  const std::vector<AuditRecord> denials = denials_of(child.pid);
  ASSERT_EQ(denials.size(), 2U) << "those of the next program are not logged";
  // It may have been read already.
  const auto is_end = [&](const AuditRecord& record) {
    return record.type == audit_landlock_domain && record.field("domain") == denials[0].field("domain") &&
           record.field("status") == "deallocated";
  };
  const std::vector<AuditRecord>& records = listener_->records();
  const bool heard = std::any_of(records.begin(), records.end(), is_end) || listener_->until(is_end);
  ASSERT_TRUE(heard) << listener_->trouble();
  const AuditRecord& end = *std::find_if(records.begin(), records.end(), is_end);
  EXPECT_EQ(end.field("denials"), "3") << end.text;
}

// --- the names
// ---------------------------------------------------------------------------------------------------------------

int errno_of(long result) {
  return result == 0 ? 0 : errno;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int on_port(int type, bool connects) {
  const UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(48321);
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  return errno_of(connects ? ::connect(fd.get(), any, sizeof(address)) : ::bind(fd.get(), any, sizeof(address)));
}

// Abstract where the name begins with a zero.
struct UnixAddress {
  explicit UnixAddress(const std::string& name)
      : size(static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) {
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof(address.sun_path) - 1);
  }
  const sockaddr* any() const { return reinterpret_cast<const sockaddr*>(&address); }
  sockaddr_un address{};
  socklen_t size;
};

UniqueFd listening(const std::string& name) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UnixAddress address(name);
  if (::bind(fd.get(), address.any(), address.size) != 0 || ::listen(fd.get(), 1) != 0) fd.reset();
  return fd;
}

int connect_to(const std::string& name) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UnixAddress address(name);
  return errno_of(::connect(fd.get(), address.any(), address.size));
}

// What needs this right, and of those that the policy leaves out none but it.
int attempt(Right right, const std::string& top) {
  const auto at = [&](const char* name) { return top + "/" + name; };
  const auto node = [&](mode_t type) { return errno_of(::mknod(at("new").c_str(), type | 0600, ::makedev(1, 3))); };
  switch (right) {
    case Right::execute:
      return errno_of(::execl(at("program").c_str(), "program", nullptr));
    case Right::write_file:
      return try_open(at("file"), O_WRONLY);
    case Right::read_file:
      return try_open(at("file"), O_RDONLY);
    case Right::read_dir:
      return try_open(top, O_RDONLY | O_DIRECTORY);
    case Right::remove_dir:
      return errno_of(::rmdir(at("empty").c_str()));
    case Right::remove_file:
      return errno_of(::unlink(at("file").c_str()));
    case Right::make_char:
      return node(S_IFCHR);
    case Right::make_dir:
      return errno_of(::mkdir(at("new").c_str(), 0700));
    case Right::make_reg:
      return node(S_IFREG);
    case Right::make_sock:
      return node(S_IFSOCK);
    case Right::make_fifo:
      return node(S_IFIFO);
    case Right::make_block:
      return node(S_IFBLK);
    case Right::make_sym:
      return errno_of(::symlink("file", at("new").c_str()));
    case Right::refer:
      return errno_of(::rename(at("from/file").c_str(), at("to/file").c_str()));
    case Right::truncate:
      return errno_of(::truncate(at("file").c_str(), 0));
    case Right::ioctl_dev: {
      const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      termios settings{};
      return null ? errno_of(::ioctl(null.get(), TCGETS, &settings)) : 249;
    }
    case Right::resolve_unix:
      return connect_to(at("socket"));
  }
  return 248;
}

TEST_F(Audit, EveryRightOnFilesHasTheKernelsName) {
  const std::string top = scratch.at("tree");
  for (const char* file : {"tree/file", "tree/from/file", "tree/to/other", "tree/program"})
    scratch.write(file, "#!/bin/sh\n");
  ASSERT_EQ(::chmod((top + "/program").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((top + "/empty").c_str(), 0755), 0);
  const UniqueFd server = listening(top + "/socket");
  ASSERT_TRUE(server);
  const AccessSet all = abi_info(kernel_abi())->fs;
  for (int bit = 0; bit < right_count; ++bit) {
    const auto right = static_cast<Right>(bit);
    if (!all.contains(right)) continue;
    const Child child = in_child([&] {
      must_restrict("grants: [{path: " + top + ", access: [" + join(names(all - right), ", ") +
                    "]}, {path: /dev/null, access: [read_file]}]");
      return attempt(right, top);
    });
    EXPECT_EQ(errno_name(child.code), right == Right::refer ? "EXDEV" : "EACCES") << name(right);
    // A denial on two directories has a record for each.
    const Strings blockers = fields(denials_of(child.pid), "blockers");
    EXPECT_EQ(std::set<std::string>(blockers.begin(), blockers.end()),
              std::set<std::string>{"fs." + std::string(name(right))})
        << name(right);
  }
}

TEST_F(Audit, EveryRightOnPortsHasTheKernelsName) {
  for (int bit = 0; bit < net_right_count; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    if (!abi_info(kernel_abi())->net.contains(right)) continue;
    const Child child = in_child([&] {
      must_restrict("read_only: [/]", "ports: {" + std::string(name(right)) + ": []}");
      return on_port(right == NetRight::bind_tcp || right == NetRight::connect_tcp ? SOCK_STREAM : SOCK_DGRAM,
                     right == NetRight::connect_tcp || right == NetRight::connect_send_udp);
    });
    EXPECT_EQ(errno_name(child.code), "EACCES") << name(right);
    const std::vector<AuditRecord> denials = denials_of(child.pid);
    EXPECT_EQ(fields(denials, "blockers"), Strings{"net." + std::string(name(right))});
    for (const AuditRecord& denial : denials)
      EXPECT_TRUE(denial.field("src") == "48321" || denial.field("dest") == "48321") << denial.text;
  }
}

TEST_F(Audit, EveryScopeHasTheKernelsName) {
  const std::string abstract = std::string(1, '\0') + scratch.path();
  const UniqueFd server = listening(abstract);
  ASSERT_TRUE(server);
  for (const Scope scope : {Scope::abstract_unix_socket, Scope::signal}) {
    const Child child = in_child([&] {
      must_restrict("read_only: [/]", "scopes: [" + std::string(name(scope)) + "]");
      return scope == Scope::signal ? errno_of(::kill(::getppid(), 0)) : connect_to(abstract);
    });
    EXPECT_EQ(errno_name(child.code), "EPERM") << name(scope);
    EXPECT_EQ(fields(denials_of(child.pid), "blockers"), Strings{"scope." + std::string(name(scope))});
  }
}

// --- what is kept out of the log
// ---------------------------------------------------------------------------------------------

TEST_F(Audit, ThePolicySaysWhetherThisProgramIsLoggedAndWhetherTheNext) {
  ASSERT_EQ(in_child([&] { return exec_that_writes(scratch.at("next")); }).code, 0)
      << "the program can do it where nothing is restricted";
  struct Row {
    const char* log;
    bool this_program, next_program;
  };
  for (const Row& row : std::vector<Row>{{"", true, false},
                                         {"log: {same_exec: true, new_exec: false}", true, false},
                                         {"log: {same_exec: false}", false, false},
                                         {"log: {new_exec: true}", true, true},
                                         {"log: {same_exec: false, new_exec: true}", false, true}}) {
    const Child child = in_child([&] {
      must_restrict(read_and_silence, row.log);
      return try_open(scratch.at("denied"), O_WRONLY) == EACCES ? exec_that_writes(scratch.at("next")) : 248;
    });
    EXPECT_TRUE(shell_could_not_open(child.code)) << row.log << ": " << child.code;
    Strings expected;
    if (row.this_program) expected.insert(scratch.at("denied"));
    if (row.next_program) expected.insert(scratch.at("next"));
    EXPECT_EQ(fields(denials_of(child.pid), "path"), expected) << row.log;
  }
}

TEST_F(Audit, ThePolicySaysWhetherNestedDomainsAreLogged) {
  scratch.write("outer/file", "");
  scratch.write("inner/file", "");
  for (const bool subdomains : {true, false}) {
    const Child child = in_child([&] {
      // Each domain denies what the other allows: who denied is no question.
      must_restrict("read_only: [/], read_write: [" + scratch.at("outer") + "]",
                    subdomains ? "" : "log: {subdomains: false}");
      must_restrict("read_only: [/], read_write: [" + scratch.at("inner") + "]");
      const int by_inner = try_open(scratch.at("outer/file"), O_WRONLY),
                by_outer = try_open(scratch.at("inner/file"), O_WRONLY);
      return by_inner == by_outer ? by_inner : 249;
    });
    EXPECT_EQ(child.code, EACCES);
    Strings expected{scratch.at("inner/file")};
    if (subdomains) expected.insert(scratch.at("outer/file"));
    const std::vector<AuditRecord> denials = denials_of(child.pid);
    EXPECT_EQ(fields(denials, "path"), expected) << subdomains;
    const Strings domains = fields(denials, "domain");
    EXPECT_EQ(std::set<std::string>(domains.begin(), domains.end()).size(), expected.size()) << "one each";
  }
}

TEST_F(Audit, BelowAQuietRuleNothingIsLoggedAndAllIsDenied) {
  if (kernel_abi() < 10) GTEST_SKIP() << "needs ABI 10: no quiet rules";
  scratch.write("below/deep/file", "");
  for (const bool quiet : {false, true}) {
    const Child child = in_child([&] {
      must_restrict("grants: [{path: " + scratch.at("below") + ", access: [read_dir]" + (quiet ? ", quiet: true" : "") +
                    "}]");
      const int below = try_open(scratch.at("below/deep/file"), O_WRONLY),
                elsewhere = try_open(scratch.at("denied"), O_WRONLY);
      return below == elsewhere && try_open(scratch.at("below"), O_RDONLY | O_DIRECTORY) == 0 ? below : 249;
    });
    EXPECT_EQ(child.code, EACCES);
    Strings expected{scratch.at("denied")};
    if (!quiet) expected.insert(scratch.at("below/deep/file"));
    EXPECT_EQ(fields(denials_of(child.pid), "path"), expected) << quiet;
  }
}

}  // namespace
}  // namespace lockstep
