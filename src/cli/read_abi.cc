#include <charconv>

#include <lockstep/abi.h>

#include "base/complain.h"
#include "cli/exec_command.h"

namespace lockstep::cli {

Result<int> read_abi(const std::string& value) {
  int abi = 0;
  if (value == "native") return 0;
  const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), abi);
  if (ec != std::errc() || end != value.data() + value.size() || abi < oldest_abi || abi > newest_abi)
    return usage_error("--abi takes native or a number from 1 to " + std::to_string(newest_abi) +
                       ", the newest that is known here; native is " + std::to_string(newest_abi) +
                       " on a newer kernel too; not " + printable(value));
  return abi;
}

}  // namespace lockstep::cli
