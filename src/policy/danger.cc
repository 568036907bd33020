#include "policy/danger.h"

#include <array>

#include <lockstep/abi.h>
#include <lockstep/policy.h>
#include <lockstep/rights.h>

namespace lockstep {
namespace {

constexpr AccessSet makes = Right::make_char | Right::make_dir | Right::make_reg | Right::make_sock | Right::make_fifo |
                            Right::make_block | Right::make_sym;
constexpr AccessSet removes = Right::remove_dir | Right::remove_file;
constexpr AccessSet contents = Right::write_file | Right::truncate;
constexpr AccessSet changes = contents | makes | removes | Right::refer;
constexpr AccessSet reads = Right::read_file | Right::read_dir;

struct Entry {
  std::string_view path;
  AccessSet rights;  // any of them
  int rank;
  std::string_view consequence;
};

// First match by rank, then by order. An entry is for its path, what is below it, and every directory above it.
// The figures of /proc are those of fixtures/observed/procfs-surface.json, and a test holds them to it.
constexpr std::array table = std::to_array<Entry>({
    {"/proc", Right::write_file, 0,
     "procfs opens for writing: a process's own memory and limits, and kernel settings for root (measured: of an own "
     "process 34 files as an "
     "ordinary user and 149 as container root, below /proc/sys 1 and 1271)"},
    {"/etc", changes, 1, "configuration can be changed: accounts, name resolution, what is started"},
    {"/sys", Right::write_file, 1, "kernel and device settings can be changed, as far as file permissions let"},
    {"/dev", Right::make_char | Right::make_block, 1, "device nodes can be made: any device, for root"},
    {"/run/docker.sock", Right::resolve_unix | Right::write_file, 1,
     "the container engine can be commanded, which is root on the host"},
    {"/var/run/docker.sock", Right::resolve_unix | Right::write_file, 1,
     "the container engine can be commanded, which is root on the host"},
    {"/run/containerd", Right::resolve_unix | Right::write_file, 1,
     "the container engine can be commanded, which is root on the host"},
    {"/dev", contents | Right::ioctl_dev, 2, "devices can be written and commanded"},
    {"/root", changes | reads, 2, "root's own files and credentials"},
    {"/home", changes | reads, 2, "users' files and credentials (.ssh, .aws, .kube)"},
    {"/run/secrets", reads, 2, "mounted credentials can be read"},
    {"/var/run/secrets", reads, 2, "mounted credentials can be read"},
    {"/etc/shadow", AccessSet(Right::read_file), 2, "password hashes can be read, by whom file permissions let"},
    {"/etc/ssl/private", reads, 2, "private keys can be read, by whom file permissions let"},
    {"/usr", changes, 2, "programs and libraries that others run can be replaced"},
    {"/bin", changes, 2, "programs that others run can be replaced"},
    {"/sbin", changes, 2, "programs that others run can be replaced"},
    {"/lib", changes, 2, "libraries that others load can be replaced"},
    {"/lib64", changes, 2, "libraries that others load can be replaced"},
    {"/opt", changes, 2, "programs that others run can be replaced"},
    {"/app", changes, 3, "the application itself can be changed"},
    {"/boot", changes, 1, "what the machine boots can be changed"},
    {"/proc", AccessSet(Right::truncate), 4, "CUDA from 550 on can name its threads, where write_file is granted too"},
    {"/proc", reads, 4, "other processes can be looked at, as far as file permissions let"},
    {"/run", AccessSet(Right::resolve_unix), 4, "the sockets of services can be connected to"},
});

std::string in_words(AccessSet rights) {
  std::string out;
  if (const AccessSet names = rights & (makes | removes); names.size() > 4) {  // each by itself would say no more
    out = "files, directories and other names can be made and removed";
    rights = rights - names;
  }
  for (int bit = 0; bit < right_count; ++bit) {
    const auto right = static_cast<Right>(bit);
    if (rights.contains(right)) out.append(out.empty() ? "" : "; ").append(feature_info(right).allows);
  }
  return out;
}

}  // namespace

Danger danger_of(std::string_view path, AccessSet gained) {
  const Entry* worst = nullptr;
  for (const Entry& entry : table) {
    const bool meets = is_below(path, entry.path) || is_below(entry.path, path);
    if (meets && entry.rights.intersects(gained) && (worst == nullptr || entry.rank < worst->rank)) worst = &entry;
  }
  if (worst != nullptr)
    return {worst->rank, (is_below(path, worst->path) ? "" : std::string(worst->path) + " is below: ") +
                             std::string(worst->consequence)};
  if (gained.contains(Right::execute) && gained.intersects(contents | Right::make_reg))
    return {3, "files can be written and then executed"};
  if (gained.intersects(Right::make_char | Right::make_block))
    return {4, "device nodes can be made, for root: " + in_words(gained)};
  if (gained.intersects(changes)) return {5, in_words(gained)};
  if (gained.intersects(Right::ioctl_dev | Right::resolve_unix | Right::execute)) return {6, in_words(gained)};
  return {7, in_words(gained)};
}

std::string loss_at(std::string_view path, AccessSet lost) {
  if (is_below("/proc", path) && lost.contains(Right::write_file))
    return "CUDA cannot name its threads: cuInit() returns 304";
  if (path.starts_with("/dev/nvidia") && lost.intersects(Right::write_file | Right::read_file | Right::ioctl_dev))
    return "CUDA cannot use this device";
  return "";
}

}  // namespace lockstep
