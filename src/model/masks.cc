#include "model/model.h"

namespace lockstep::model {

// Written down a second time, from the kernel's sources (LANDLOCK_LAST_ACCESS_FS of each release), in
// numbers: a slip in landlock/abi.cc must meet a different slip here to go unnoticed.
AccessSet rights_of_abi(int abi) {
  switch (abi) {
    case 1:
      return AccessSet::from_bits(0x1fff);
    case 2:
      return AccessSet::from_bits(0x3fff);
    case 3:
    case 4:
      return AccessSet::from_bits(0x7fff);
    case 5:
    case 6:
    case 7:
    case 8:
      return AccessSet::from_bits(0xffff);
    case 9:
    case 10:
    case 11:
      return AccessSet::from_bits(0x1ffff);
    default:
      return {};
  }
}

NetSet net_rights_of_abi(int abi) {
  return NetSet::from_bits(abi < 4 ? 0 : abi < 10 ? 0x3 : 0xf);
}

ScopeSet scopes_of_abi(int abi) {
  return ScopeSet::from_bits(abi < 6 ? 0 : 0x3);
}

// EXECUTE, WRITE_FILE, READ_FILE, TRUNCATE, IOCTL_DEV, RESOLVE_UNIX (ACCESS_FILE in security/landlock/fs.c).
AccessSet rights_on_files() {
  return AccessSet::from_bits(0x1c007);
}

AccessSet rights_of_rule(Access access, AccessSet granted, int abi) {
  switch (access) {
    case Access::read_only:  // EXECUTE, READ_FILE, READ_DIR
      return AccessSet::from_bits(0xd) & rights_of_abi(abi);
    case Access::read_write:
      return rights_of_abi(abi);
    case Access::grant:
      return granted & rights_of_abi(abi);
  }
  return {};
}

}  // namespace lockstep::model
