#include "conformance/doctor/denials.h"

#include <gtest/gtest.h>

namespace lockstep::conformance::doctor {
namespace {

AuditRecord made(const std::string& domain, const std::string& exe) {
  return {audit_landlock_domain,
          "audit(1.0:1): domain=" + domain + " status=allocated mode=enforcing pid=7 uid=0 exe=" + exe + " comm=\"x\""};
}
AuditRecord denied(const std::string& domain, const std::string& blockers, const std::string& path) {
  return {audit_landlock_access,
          "audit(1.0:1): domain=" + domain + " blockers=" + blockers + " path=" + path + " dev=\"proc\" ino=4"};
}
bool is_doctor(const AuditRecord& record) {
  return record.field("exe") == "/doctor";
}

TEST(Denials, AreThoseOfTheDomainThatTheProgramMade) {
  const std::vector<AuditRecord> records = {denied("1", "fs.read_file", "\"/earlier\""),
                                            made("1", "\"/doctor\""),
                                            denied("2", "fs.write_file,fs.read_file", "\"/dev/nvidia0\""),
                                            made("2", "\"/doctor\""),
                                            denied("2", "ptrace", ""),
                                            denied("2", "fs.read_dir", "2F6120622F63"),
                                            denied("3", "fs.read_dir", "\"/other\""),
                                            made("3", "\"/other\"")};
  const std::vector<DenialRecord> found = denials_of(records, 2, is_doctor);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].blockers, "fs.write_file,fs.read_file");
  EXPECT_EQ(found[0].path, "/dev/nvidia0");
  EXPECT_EQ(found[1].path, "/a b/c") << "a path with a blank is written in hexadecimal";
}

TEST(Denials, OfTwoDomainsNobodyKnowsWhichIsOurs) {
  const std::vector<AuditRecord> records = {denied("1", "fs.read_file", "\"/a\""), made("1", "\"/doctor\""),
                                            denied("2", "fs.read_file", "\"/b\""), made("2", "\"/doctor\"")};
  EXPECT_TRUE(denials_of(records, 0, is_doctor).empty());
  EXPECT_TRUE(denials_of({}, 0, is_doctor).empty());
}

}  // namespace
}  // namespace lockstep::conformance::doctor
