// Restrictions: what a policy restricts besides files. All of it stands below `landlock:`, and nothing is restricted
// unless asked.
//
//   landlock:
//     scopes: [abstract_unix_socket, signal]   # neither leaves the domain
//     ports:                                   # a key that is here allows these ports alone, [] none; without it any
//       bind_tcp: [8080]
//       connect_tcp: [443]
//       bind_udp: [0]                          # a UDP socket that is not bound needs port 0 to send or connect
//       connect_send_udp: [53]
//     log: {same_exec: true, new_exec: false, subdomains: true}    # the kernel's defaults
//     threads: one                             # or all: those that run already as well
#ifndef LOCKSTEP_RESTRICTIONS_H_
#define LOCKSTEP_RESTRICTIONS_H_

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include <lockstep/access_set.h>

namespace lockstep {

struct PortRule {
  NetRight right{};
  std::uint16_t port = 0;
  friend auto operator<=>(const PortRule&, const PortRule&) = default;
};

// Whose denials the kernel logs.
struct LogSettings {
  bool same_exec = true;        // the program's that restricted itself
  bool new_exec = false;        // those of what it executes
  bool subdomains = true;       // those of restrictions nested below
  RestrictFlags flags() const;  // empty for the defaults
  friend bool operator==(const LogSettings&, const LogSettings&) = default;
};

struct Restrictions {
  ScopeSet scopes;
  NetSet net;                   // the rights that `ports` are the only ones for
  std::vector<PortRule> ports;  // sorted, none twice
  LogSettings log;
  bool all_threads = false;
  friend bool operator==(const Restrictions&, const Restrictions&) = default;

  // "8080 8443", "none", or "any" where the right is not restricted.
  std::string ports_of(NetRight right, std::string_view separator = " ") const;
};

// The lines of a policy file below `landlock:`, indented by two; nothing for what is at its default.
std::string to_yaml(const Restrictions& restrictions);

}  // namespace lockstep

#endif  // LOCKSTEP_RESTRICTIONS_H_
