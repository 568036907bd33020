#include "conformance/judge/case.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>

#include <lockstep/abi.h>

#include "conformance/judge/case_fields.h"
#include "conformance/judge/expectations.h"
#include "host/context_flags.h"
#include "syntax/document.h"

namespace lockstep::conformance::judge {
namespace {

constexpr std::size_t case_size_limit = 4U << 20;
constexpr std::size_t most_stacked = 15;  // a kernel takes 16 layers

std::optional<Toggle> toggle_from_name(std::string_view name) {
  if (name == "auto") return Toggle::automatic;
  return name == "on" ? std::optional(Toggle::on) : name == "off" ? std::optional(Toggle::off) : std::nullopt;
}

// Reads one case file.
class CaseReader {
 public:
  CaseReader(const std::string& file, std::string fixtures) : fields_(file), fixtures_(std::move(fixtures)) {}

  Result<Case> read();

 private:
  Error fail(const Node& node, std::string message) const { return fields_.fail(node, std::move(message)); }
  Result<std::string> text(const Node& node, const std::string& what) const { return fields_.text(node, what); }
  Result<void> read_context(const Node& root, Case& out) const;
  Result<void> read_stacked(const Node& node, Case& out) const;
  Result<void> read_claims(const Node& root, Case& out) const;

  CaseFields fields_;
  std::string fixtures_;
};

Result<void> CaseReader::read_context(const Node& root, Case& out) const {
  const Node *policy = root.find("policy"), *host = root.find("host");
  if (policy == nullptr || host == nullptr) return fail(root, "a case needs \"policy\" and \"host\"");
  LOCKSTEP_ASSIGN(const std::string policy_path, text(*policy, "policy"));
  LOCKSTEP_ASSIGN(out.policy, load_policy(fixtures_ + "/" + policy_path));
  LOCKSTEP_ASSIGN(const std::string host_path, text(*host, "host"));
  ContextFlags flags;
  flags.host = fixtures_ + "/" + host_path;
  LOCKSTEP_CHECK(fields_.choice(root, "source", source_from_name, "default, gateway, image or user", flags.source));
  LOCKSTEP_CHECK(fields_.choice(root, "gpu", toggle_from_name, "auto, on or off", flags.gpu));
  LOCKSTEP_CHECK(fields_.choice(root, "proxy", toggle_from_name, "auto, on or off", flags.proxy));
  if (const Node* node = root.find("workdir")) {
    LOCKSTEP_ASSIGN(flags.workdir, text(*node, "workdir"));
  }
  if (const Node* node = root.find("administrator_conflicts")) {
    LOCKSTEP_ASSIGN(const std::string path, text(*node, "administrator_conflicts"));
    flags.conflicts = fixtures_ + "/" + path;
  }
  if (const Node* node = root.find("cdi")) {
    LOCKSTEP_ASSIGN(const std::string path, text(*node, "cdi"));
    flags.cdi.push_back(fixtures_ + "/" + path);
  }
  if (const Node* node = root.find("gpu_devices")) {
    LOCKSTEP_ASSIGN(flags.gpu_devices, text(*node, "gpu_devices"));
  }
  LOCKSTEP_ASSIGN(out.context, make_context(flags));
  if (const Node* node = root.find("stacked")) LOCKSTEP_CHECK(read_stacked(*node, out));
  if (const Node* node = root.find("plan_abis")) {
    LOCKSTEP_ASSIGN(out.plan_abis, fields_.abis(*node, "plan_abis"));
  }
  if (const Node* node = root.find("identities")) {
    LOCKSTEP_ASSIGN(const std::vector<std::string> words, fields_.strings(*node, "identities"));
    for (const std::string& word : words) {
      const std::optional<wire::IdentityKind> identity = wire::identity_from_name(word);
      if (!identity)
        return fail(*node, "identities: write user, container-root, root or self, not \"" + printable(word) + "\"");
      if (std::count(out.identities.begin(), out.identities.end(), *identity) > 0)
        return fail(*node, "identities: " + word + " stands here twice");
      out.identities.push_back(*identity);
    }
    if (out.identities.empty()) return fail(*node, "identities: name one, or leave the key out");
  } else {
    out.identities = {wire::IdentityKind::user};
  }
  return {};
}

Result<void> CaseReader::read_stacked(const Node& node, Case& out) const {
  LOCKSTEP_ASSIGN(const std::vector<std::string> files, fields_.strings(node, "stacked"));
  if (out.context.host.real || files.empty() || files.size() > most_stacked)
    return fail(node, "stacked: from 1 to " + std::to_string(most_stacked) + " policies, on a simulated host");
  for (const std::string& file : files) {
    LOCKSTEP_ASSIGN(out.stacked.emplace_back(), load_policy(fixtures_ + "/" + file));
  }
  return {};
}

Result<void> CaseReader::read_claims(const Node& root, Case& out) const {
  if (const Node* node = root.find("expect_effective")) {
    LOCKSTEP_CHECK(check_keys(*node, fields_.file(), "expect_effective", {"read_only", "read_write"}));
    if (const Node* list = node->find("read_only")) {
      LOCKSTEP_ASSIGN(out.read_only, fields_.strings(*list, "expect_effective.read_only"));
    }
    if (const Node* list = node->find("read_write")) {
      LOCKSTEP_ASSIGN(out.read_write, fields_.strings(*list, "expect_effective.read_write"));
    }
  }
  if (const Node* node = root.find("expect_notices")) {
    LOCKSTEP_ASSIGN(out.notices, fields_.strings(*node, "expect_notices"));
  }
  if (const Node* node = root.find("expect_error")) {
    LOCKSTEP_ASSIGN(out.error, text(*node, "expect_error"));
  }
  if (const Node* node = root.find("expect_refusal")) {
    LOCKSTEP_ASSIGN(out.refusal, text(*node, "expect_refusal"));
  }
  for (const char* key : {"readiness", "expect"})
    if (const Node* node = root.find(key); node != nullptr && (out.error || out.refusal))
      return fail(*node, std::string(key) + " beside " + (out.error ? "expect_error" : "expect_refusal") +
                             ": a policy that is refused has no cell");
  if (const Node* node = root.find("readiness"))
    LOCKSTEP_CHECK(read_readiness_expectations(*node, fields_, out.readiness));
  if (const Node* node = root.find("expect")) LOCKSTEP_CHECK(read_expectations(*node, fields_, out.expectations));
  return check_expectations(out);
}

Result<Case> CaseReader::read() {
  LOCKSTEP_ASSIGN(const std::string content, read_input_file(fields_.file(), case_size_limit));
  LOCKSTEP_ASSIGN(const Node root, parse_document(content, fields_.file()));
  LOCKSTEP_CHECK(check_root(root, fields_.file(), "a case", "",
                            {"schema",
                             "name",
                             "why",
                             "policy",
                             "host",
                             "source",
                             "gpu",
                             "proxy",
                             "workdir",
                             "administrator_conflicts",
                             "stacked",
                             "cdi",
                             "gpu_devices",
                             "identities",
                             "plan_abis",
                             "expect_effective",
                             "expect_notices",
                             "expect_error",
                             "expect_refusal",
                             "readiness",
                             "expect"}));
  const Node* schema = root.find("schema");
  if (schema == nullptr || schema->scalar != "lockstep.case/1")
    return fail(root, "a case starts with \"schema\": \"lockstep.case/1\"");
  Case out;
  out.file = fields_.file();
  const Node *name = root.find("name"), *why = root.find("why");
  if (name == nullptr || why == nullptr) return fail(root, "a case needs \"name\" and \"why\"");
  LOCKSTEP_ASSIGN(out.name, text(*name, "name"));
  LOCKSTEP_ASSIGN(out.why, text(*why, "why"));
  if (!fields_.file().ends_with("/" + out.name + ".json"))
    return fail(*name, "name must be the file's name without .json");
  // Rows are tests, and a hyphen becomes an underscore there: names that differ must still differ then.
  if (out.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
    return fail(*name, "name: write small letters, digits and hyphens");
  LOCKSTEP_CHECK(read_context(root, out));
  LOCKSTEP_CHECK(read_claims(root, out));
  return out;
}

}  // namespace

Result<Case> load_case(const std::string& file, const std::string& fixtures) {
  return CaseReader(file, fixtures).read();
}

Result<std::vector<Case>> load_cases(const std::string& fixtures) {
  const std::string folder = fixtures + "/cases";
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr)
    return input_error(folder, 0,
                       "cannot be read (" + errno_name(errno) + "): --fixtures takes the directory that holds cases/");
  std::vector<std::string> files;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view file = entry->d_name;
    if (file.ends_with(".json") && !file.starts_with('.')) files.push_back(folder + "/" + std::string(file));
  }
  ::closedir(directory);
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const std::string& file : files) {
    LOCKSTEP_ASSIGN(Case each, load_case(file, fixtures));
    cases.push_back(std::move(each));
  }
  if (cases.empty()) return input_error(folder, 0, "holds no case (*.json)");
  return cases;
}

}  // namespace lockstep::conformance::judge
