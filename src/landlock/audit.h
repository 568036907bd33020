// Listens to the kernel's audit records. It asks whether audit is on, and changes none of its settings.
//
//   Result<AuditListener> listener = AuditListener::open();    // unsupported, with a typed reason: what is missing
//   listener->until([](const AuditRecord& record) { ... });    // reads on; false: no such record came in time
//   listener->records()[0].field("blockers");                  // "fs.write_file"; all that was read so far, in order
//
// All in a header, so that the library's own tests, which stand below the harness, use it too. Records come in the
// order the kernel wrote them. To see that something was not recorded, wait for a later record, not for a while.
#ifndef LOCKSTEP_LANDLOCK_AUDIT_H_
#define LOCKSTEP_LANDLOCK_AUDIT_H_

#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <lockstep/error.h>

#include "base/unique_fd.h"

namespace lockstep {

inline constexpr int audit_landlock_access = 1423, audit_landlock_domain = 1424;

struct AuditRecord {
  int type = 0;
  std::string text;  // audit(TIME:SERIAL): NAME=VALUE...

  // The value without its quotes; empty where there is none.
  std::string field(std::string_view name) const {
    const std::size_t at = text.find(" " + std::string(name) + "=");
    if (at == std::string::npos) return "";
    std::string value = text.substr(at + name.size() + 2);
    value.resize(std::min(value.size(), value.find(' ')));
    return value.size() >= 2 && value.front() == '"' && value.back() == '"' ? value.substr(1, value.size() - 2) : value;
  }
};

class AuditListener {
 public:
  static Result<AuditListener> open() {
    LOCKSTEP_ASSIGN(const UniqueFd asking, socket_for_audit());
    LOCKSTEP_CHECK(ask_whether_on(asking.get()));
    // The kernel sends to the first network name space alone; which that is cannot be seen where pid 1 is out of reach.
    struct stat first {
    }, own{};
    if (::stat("/proc/1/ns/net", &first) == 0 && ::stat("/proc/self/ns/net", &own) == 0 && first.st_ino != own.st_ino)
      return unsupported_error(0, "audit-unheard: audit is heard in the first network name space alone");
    LOCKSTEP_ASSIGN(UniqueFd fd, socket_for_audit());  // one that has sent has an address, and cannot join
    const int size = 8 << 20;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));  // as it is, where we may not
    sockaddr_nl group{};
    group.nl_family = AF_NETLINK;
    group.nl_groups = 1U << (AUDIT_NLGRP_READLOG - 1);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&group), sizeof(group)) != 0) {
      if (errno == EPERM) return unsupported_error(errno, "needs-capability: CAP_AUDIT_READ, to listen to audit");
      return system_error(errno, "bind(AUDIT_NLGRP_READLOG)");
    }
    return AuditListener(std::move(fd));
  }

  // The time is generous: an emulated machine is slow, and a record that never comes is a failure.
  bool until(const std::function<bool(const AuditRecord&)>& is_last,
             std::chrono::seconds patience = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
      Result<AuditRecord> next = receive(fd_.get(), deadline);
      if (!next.ok()) {
        trouble_ = next.error().to_string();
        return false;
      }
      records_.push_back(std::move(*next));
      if (is_last(records_.back())) return true;
    }
  }
  const std::vector<AuditRecord>& records() const { return records_; }
  const std::string& trouble() const { return trouble_; }

 private:
  explicit AuditListener(UniqueFd fd) : fd_(std::move(fd)) {}

  static Result<UniqueFd> socket_for_audit() {
    UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT));
    if (fd) return fd;
    if (errno == EPROTONOSUPPORT) return unsupported_error(errno, "no-audit: this kernel has no audit");
    return system_error(errno, "socket(NETLINK_AUDIT)");
  }

  // A datagram is a record. The length in it is not to be trusted: the kernel may or may not count the header in.
  static Result<AuditRecord> receive(int fd, std::chrono::steady_clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd ready{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) == 0)
      return system_error(ETIMEDOUT, "waiting for an audit record");
    std::array<char, 16384> buffer;                                    // the kernel's longest is 8970
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);  // ENOBUFS: records were lost
    if (size < 0) return system_error(errno, "recv(NETLINK_AUDIT)");
    nlmsghdr header{};
    if (size < NLMSG_HDRLEN) return internal_error("an audit record without a header");
    std::memcpy(&header, buffer.data(), sizeof(header));
    return AuditRecord{header.nlmsg_type,
                       {buffer.data() + NLMSG_HDRLEN, static_cast<std::size_t>(size - NLMSG_HDRLEN)}};
  }

  static Result<void> ask_whether_on(int fd) {
    nlmsghdr ask{};
    ask.nlmsg_len = NLMSG_HDRLEN;
    ask.nlmsg_type = AUDIT_GET;
    ask.nlmsg_flags = NLM_F_REQUEST;
    int err = ::send(fd, &ask, sizeof(ask), 0) < 0 ? errno : 0;
    if (err == 0) {
      LOCKSTEP_ASSIGN(const AuditRecord answer,
                      receive(fd, std::chrono::steady_clock::now() + std::chrono::seconds(20)));
      if (answer.type == AUDIT_GET && answer.text.size() >= 2 * sizeof(std::uint32_t)) {
        std::array<std::uint32_t, 2> mask_and_enabled{};
        std::memcpy(mask_and_enabled.data(), answer.text.data(), sizeof(mask_and_enabled));
        if (mask_and_enabled[1] != 0) return {};
        return unsupported_error(
            0, "audit-off: the kernel writes no records unless audit is on (audit=1 on its command line)");
      }
      if (answer.type != NLMSG_ERROR || answer.text.size() < sizeof(err))
        return internal_error("audit's state: an answer of another kind");
      std::memcpy(&err, answer.text.data(), sizeof(err));
      err = -err;
    }
    if (err == ECONNREFUSED) return unsupported_error(err, "audit-unheard: audit is not for user name spaces");
    if (err == EPERM)
      return unsupported_error(
          err, "needs-capability: CAP_AUDIT_CONTROL in the first pid name space, to ask whether audit is on");
    return system_error(err, "asking for audit's state");
  }

  UniqueFd fd_;
  std::vector<AuditRecord> records_;
  std::string trouble_;
};

}  // namespace lockstep

#endif  // LOCKSTEP_LANDLOCK_AUDIT_H_
