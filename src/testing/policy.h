// For tests: a policy from its text, which fails the test where it is none.
//
//   EXPECT_TRUE(policy("version: 1\n").read_only.empty());
#ifndef LOCKSTEP_TESTING_POLICY_H_
#define LOCKSTEP_TESTING_POLICY_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include <lockstep/policy.h>

namespace lockstep::testing {

inline Policy policy(const std::string& text, const std::string& name = "p.yaml") {
  Result<Policy> out = decode_policy(text, name);
  EXPECT_TRUE(out.ok()) << out.error().to_string() << "\n" << text;
  return out.ok() ? std::move(out).value() : Policy();
}

}  // namespace lockstep::testing

#endif  // LOCKSTEP_TESTING_POLICY_H_
