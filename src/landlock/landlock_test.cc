// Names, the ABI table and the constants, against each other, the system's header and the running kernel.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>

#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif

#include <lockstep/abi.h>
#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "base/unique_fd.h"
#include "landlock/errata.h"
#include "landlock/ladder.h"
#include "landlock/ruleset.h"
#include "landlock/uapi.h"

namespace lockstep {
namespace {

TEST(Access, EveryNameRoundTripsAndNoneIsTwice) {
  AccessSet all;
  for (int bit = 0; bit < right_count; ++bit) {
    const auto right = static_cast<Right>(bit);
    ASSERT_FALSE(name(right).empty());
    EXPECT_EQ(right_from_name(name(right)), right);
    all |= right;
  }
  EXPECT_EQ(all.size(), right_count);
  EXPECT_EQ(names(all).size(), static_cast<std::size_t>(right_count));
  for (const char* wrong : {"", "EXECUTE", "write-file", "read", "execute "})
    EXPECT_FALSE(right_from_name(wrong).has_value()) << wrong;
}

TEST(Access, PortsScopesAndExtrasHaveOneNameEach) {
  for (int bit = 0; bit < net_right_count; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    EXPECT_EQ(net_right_from_name(name(right)), right);
    EXPECT_EQ(feature_info(right).name, name(right));
  }
  for (int bit = 0; bit < scope_count; ++bit) {
    const auto scope = static_cast<Scope>(bit);
    EXPECT_EQ(scope_from_name(name(scope)), scope);
    EXPECT_EQ(feature_info(scope).name, name(scope));
  }
  for (int bit = 0; bit < right_count; ++bit)
    EXPECT_EQ(feature_info(static_cast<Right>(bit)).name, name(static_cast<Right>(bit)));
  EXPECT_FALSE(net_right_from_name("bind").has_value());
  EXPECT_FALSE(scope_from_name("").has_value());
  EXPECT_EQ(join(names(NetSet::from_bits(0xf))), "bind_tcp connect_tcp bind_udp connect_send_udp");
  EXPECT_EQ(join(names(RestrictFlags::from_bits(0x18))), "tsync no_new_privs");
}

TEST(Access, SetsBehaveAsSets) {
  const AccessSet set = Right::read_file | Right::write_file;
  EXPECT_TRUE(set.contains(Right::read_file));
  EXPECT_FALSE(set.contains(access_read_only));
  EXPECT_TRUE(set.intersects(access_read_only));
  EXPECT_EQ(set - access_read_only, AccessSet(Right::write_file));
  EXPECT_EQ(join_names(set), "write_file read_file");
  EXPECT_EQ(join_names(AccessSet()), "none");
}

TEST(AbiTable, GrowsAndSaysWhatEachRightLeavesOpen) {
  ASSERT_EQ(abi_table().size(), static_cast<std::size_t>(newest_abi));
  const AbiInfo* before = nullptr;
  for (const AbiInfo& info : abi_table()) {
    EXPECT_EQ(abi_info(info.abi), &info);
    EXPECT_FALSE(info.kernel.empty() || info.added.empty() || info.on_gpu_hosts.empty());
    if (before != nullptr) {
      EXPECT_TRUE(info.fs.contains(before->fs));
      EXPECT_GE(info.attr_size, before->attr_size);
      EXPECT_TRUE(info.net.contains(before->net) && info.scope.contains(before->scope) &&
                  info.flags.contains(before->flags));
      EXPECT_GE(info.quiet, before->quiet);
    }
    before = &info;
  }
  EXPECT_EQ(abi_info(0), nullptr);
  EXPECT_EQ(abi_info(newest_abi + 1), nullptr);
  EXPECT_EQ(feature_info(Right::refer).first_abi, 2);
  EXPECT_EQ(feature_info(Right::truncate).first_abi, 3);
  EXPECT_EQ(feature_info(Right::ioctl_dev).first_abi, 5);
  EXPECT_EQ(feature_info(Right::resolve_unix).first_abi, 9);
  EXPECT_EQ(feature_info(NetRight::connect_tcp).first_abi, 4);
  EXPECT_EQ(feature_info(NetRight::bind_udp).first_abi, 10);
  EXPECT_EQ(feature_info(Scope::signal).first_abi, 6);
  int number = 0;
  for (const ErratumInfo& erratum : errata_table()) EXPECT_EQ(erratum.number, ++number);
}

#ifdef LANDLOCK_ACCESS_FS_EXECUTE
#define EXPECT_RIGHT(kernel_name, ours) \
  EXPECT_EQ(AccessSet(Right::ours).bits(), static_cast<std::uint64_t>(LANDLOCK_ACCESS_FS_##kernel_name))

// What the system's header knows must be what uapi.h and access.h say; what it does not know yet is not
// compared.
TEST(Uapi, AgreesWithTheSystemHeader) {
  EXPECT_RIGHT(EXECUTE, execute);
  EXPECT_RIGHT(WRITE_FILE, write_file);
  EXPECT_RIGHT(READ_FILE, read_file);
  EXPECT_RIGHT(READ_DIR, read_dir);
  EXPECT_RIGHT(REMOVE_DIR, remove_dir);
  EXPECT_RIGHT(REMOVE_FILE, remove_file);
  EXPECT_RIGHT(MAKE_CHAR, make_char);
  EXPECT_RIGHT(MAKE_DIR, make_dir);
  EXPECT_RIGHT(MAKE_REG, make_reg);
  EXPECT_RIGHT(MAKE_SOCK, make_sock);
  EXPECT_RIGHT(MAKE_FIFO, make_fifo);
  EXPECT_RIGHT(MAKE_BLOCK, make_block);
  EXPECT_RIGHT(MAKE_SYM, make_sym);
#ifdef LANDLOCK_ACCESS_FS_REFER
  EXPECT_RIGHT(REFER, refer);
#endif
#ifdef LANDLOCK_ACCESS_FS_TRUNCATE
  EXPECT_RIGHT(TRUNCATE, truncate);
#endif
#ifdef LANDLOCK_ACCESS_FS_IOCTL_DEV
  EXPECT_RIGHT(IOCTL_DEV, ioctl_dev);
#endif
  EXPECT_EQ(uapi::create_ruleset_version, LANDLOCK_CREATE_RULESET_VERSION);
  EXPECT_EQ(uapi::rule_path_beneath, LANDLOCK_RULE_PATH_BENEATH);
  EXPECT_EQ(sizeof(uapi::PathBeneathAttr), sizeof(landlock_path_beneath_attr));
  EXPECT_LE(sizeof(landlock_ruleset_attr), sizeof(uapi::RulesetAttr));
#ifdef SYS_landlock_create_ruleset
  EXPECT_EQ(uapi::create_ruleset_nr, SYS_landlock_create_ruleset);
  EXPECT_EQ(uapi::add_rule_nr, SYS_landlock_add_rule);
  EXPECT_EQ(uapi::restrict_self_nr, SYS_landlock_restrict_self);
#endif
}
#endif

// Which of the first seven flags of landlock_restrict_self() the kernel knows: for a descriptor that is none, EINVAL
// says that the flag is unknown and EBADF that it is not. In a child, because before all that the kernel asks for
// no_new_privs.
unsigned known_flags() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    unsigned known = 0;
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (unsigned bit = 0; bit < 7; ++bit)
      if (uapi::restrict_self(-2, 1U << bit) != 0 && errno == EBADF) known |= 1U << bit;
    ::_exit(static_cast<int>(known));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return static_cast<unsigned>(WEXITSTATUS(status));
}

TEST(Kernel, AcceptsExactlyTheRightsTheTableGivesItsAbi) {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) {
    EXPECT_EQ(kernel.error().kind, ErrorKind::unsupported);
    EXPECT_FALSE(kernel.error().message.empty());
    GTEST_SKIP() << "no Landlock here: " << kernel.error().message;
  }
  ASSERT_GE(kernel->abi, 1);
  if (kernel->abi > newest_abi) GTEST_SKIP() << "ABI " << kernel->abi << " is newer than the table's " << newest_abi;
  const AbiInfo& info = *abi_info(kernel->abi);
  // One bit at a time, past the last we know: each is taken or refused as the table says.
  for (int bit = 0; bit < 64; ++bit) {
    const AccessSet right = AccessSet::from_bits(std::uint64_t{1} << bit);
    uapi::RulesetAttr attr;
    attr.handled_access_fs = right.bits();
    errno = 0;
    const UniqueFd fd(static_cast<int>(uapi::create_ruleset(&attr, info.attr_size, 0)));
    EXPECT_EQ(static_cast<bool>(fd), info.fs.contains(right)) << "bit " << bit << ": " << errno_name(errno);
    // The same of ports and scopes; a kernel that does not know the field at all says E2BIG.
    uapi::RulesetAttr net, scope;
    net.handled_access_net = scope.scoped = right.bits();
    const UniqueFd on_net(static_cast<int>(uapi::create_ruleset(&net, sizeof(net), 0)));
    const UniqueFd on_scope(static_cast<int>(uapi::create_ruleset(&scope, sizeof(scope), 0)));
    EXPECT_EQ(static_cast<bool>(on_net), info.net.contains(NetSet::from_bits(right.bits()))) << "port bit " << bit;
    EXPECT_EQ(static_cast<bool>(on_scope), info.scope.contains(ScopeSet::from_bits(right.bits())))
        << "scope bit " << bit;
  }
  EXPECT_EQ(known_flags(), info.flags.bits());
  uapi::RulesetAttr quiet;
  quiet.handled_access_fs = quiet.quiet_access_fs = 1;
  EXPECT_EQ(static_cast<bool>(UniqueFd(static_cast<int>(uapi::create_ruleset(&quiet, sizeof(quiet), 0)))), info.quiet);
}

// That the words arrive is seen by what the kernel says against them.
TEST(Ruleset, PassesOnPortsScopesAndQuietRules) {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << "no-landlock: " << kernel.error().message;
  const AccessSet fs = Right::read_file;
  const auto error_of = [](const auto& result) { return result.ok() ? 0 : result.error().err; };
  EXPECT_EQ(error_of(Ruleset::create({fs, NetRight::bind_tcp}, newest_abi)), kernel->abi >= 4 ? 0 : E2BIG);
  EXPECT_EQ(error_of(Ruleset::create({fs, {}, Scope::signal}, newest_abi)), kernel->abi >= 6 ? 0 : E2BIG);
  EXPECT_EQ(error_of(Ruleset::create({fs, {}, {}, true}, newest_abi)), kernel->abi >= 10 ? 0 : E2BIG);

  // Not cut to what the ABI named has: a wrong mask must not become a rule set that restricts less.
  EXPECT_EQ(error_of(Ruleset::create({fs, NetRight::bind_tcp}, 3)), kernel->abi >= 4 ? 0 : E2BIG);
  EXPECT_EQ(error_of(Ruleset::create({fs, {}, ScopeSet::from_bits(1U << 20)}, 5)), kernel->abi >= 6 ? EINVAL : E2BIG);
  if (kernel->abi >= 4) {
    Result<Ruleset> below = Ruleset::create({fs, NetRight::bind_tcp}, 3);
    EXPECT_EQ(below.ok() ? error_of(below->allow_port(NetRight::bind_tcp, 80)) : EINVAL, 0);
  }

  const UniqueFd root(::open("/", O_PATH | O_CLOEXEC));
  Result<Ruleset> plain = Ruleset::create({fs}, 1);
  ASSERT_TRUE(plain.ok());
  // Nothing to be quiet about (ABI 10), or no such flag.
  EXPECT_EQ(error_of(plain->allow_beneath(root.get(), fs, "/", true)), EINVAL);
  EXPECT_EQ(error_of(plain->allow_port(NetRight::bind_tcp, 80)), EINVAL) << "a right that is not handled";
  if (kernel->abi < 4) return;
  Result<Ruleset> ports = Ruleset::create({fs, NetRight::connect_tcp}, 4);
  ASSERT_TRUE(ports.ok());
  EXPECT_EQ(error_of(ports->allow_port(NetRight::connect_tcp, 65535)), 0);
  EXPECT_EQ(error_of(ports->allow_port(NetRight::bind_tcp, 80)), EINVAL);
}

TEST(Ruleset, PassesOnWhatItIsGivenAndReportsTheKernelsRefusal) {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << "no Landlock here: " << kernel.error().message;
  Result<Ruleset> rules = Ruleset::create({abi_info(1)->fs}, 1);
  ASSERT_TRUE(rules.ok()) << rules.error().to_string();
  const UniqueFd directory(::open("/", O_PATH | O_CLOEXEC));
  ASSERT_TRUE(directory);
  EXPECT_TRUE(rules->allow_beneath(directory.get(), access_read_only, "/").ok());
  const Result<void> unhandled = rules->allow_beneath(directory.get(), Right::truncate, "/");
  ASSERT_FALSE(unhandled.ok());
  EXPECT_EQ(unhandled.error().err, EINVAL);
  const UniqueFd file(::open("/dev/null", O_PATH | O_CLOEXEC));
  const Result<void> on_file = rules->allow_beneath(file.get(), Right::read_dir, "/dev/null");
  ASSERT_FALSE(on_file.ok());
  EXPECT_EQ(on_file.error().err, EINVAL);
}

// One call an ABI, in a child that may ask all of them: the kernel's number is what it takes, and any other is noticed.
TEST(Ladder, TheKernelTakesWhatItsNumberSaysAndNothingAbove) {
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << "no Landlock here: " << kernel.error().message;
  const Result<void> honest = check_ladder_in_child(*kernel);
  EXPECT_TRUE(honest.ok()) << honest.error().message;
  if (kernel->abi > newest_abi) GTEST_SKIP() << "abi-unknown: newer than the table";
  for (int claimed = oldest_abi; claimed <= newest_abi; ++claimed) {
    if (claimed == kernel->abi) continue;
    const Result<void> lie = check_ladder_in_child({claimed, 0});
    ASSERT_FALSE(lie.ok()) << claimed;
    EXPECT_EQ(lie.error().kind, ErrorKind::unsupported);
    const std::string first = claimed < kernel->abi ? "takes what only ABI " + std::to_string(claimed + 1) + " has"
                                                    : "refuses what ABI " + std::to_string(kernel->abi + 1) + " has";
    EXPECT_NE(lie.error().message.find(first), std::string::npos) << lie.error().message;
  }
  EXPECT_FALSE(takes_abi(newest_abi + 1).has_value());
}

}  // namespace
}  // namespace lockstep
