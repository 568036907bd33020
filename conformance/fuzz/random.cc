#include "conformance/fuzz/random.h"

#include <algorithm>

#include <lockstep/rights.h>

#include "conformance/fuzz/others.h"
#include "model/model.h"

namespace lockstep::conformance::fuzz {

Generator::Generator(std::uint64_t seed, std::uint64_t index, Features features, bool disk) : features_(features) {
  std::seed_seq seeds{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)};
  random_.seed(seeds);
  make_directories(disk);
  make_names();
  make_mounts();
  make_disconnected();
  make_removed();
}

bool Generator::usable(const std::string& path) const {
  return chroot_.empty() || path.starts_with(chroot_ + "/");
}

// Mostly on the same mount: elsewhere the kernel says EXDEV before it asks Landlock.
const Generator::Place& Generator::place_beside(const Place& first) {
  if (one_in(8)) return place();
  for (int tries = 0; tries < 12; ++tries) {
    const Place& each = place();
    if (each.mount == first.mount) return each;
  }
  return first;
}

std::string Generator::fresh(const Place& where) {
  return where.path + "/" + fresh_name();
}

// An object of the operation's own.
std::string Generator::make_own(FuzzCase& out, const Place& where, bool may_be_dir) {
  const std::string path = fresh(where);
  Item item{ItemKind::file, path, {}, {}, {}};
  switch (pick(may_be_dir ? 10 : 8)) {
    case 0:
      item.kind = ItemKind::fifo;
      break;
    case 1:
      item.kind = features_.mknod ? (one_in(2) ? ItemKind::chr : ItemKind::blk) : ItemKind::fifo;
      break;
    case 2:
      item.kind = ItemKind::symlink, item.target = "nowhere";
      break;
    case 3:
      for (const Named& each : names_)
        if (each.kind == ItemKind::file && each.mount == where.mount && item.kind == ItemKind::file)
          item.kind = ItemKind::link, item.target = each.path;
      break;
    case 4:
      if (one_in(4)) item.kind = ItemKind::socket;
      break;
    case 8:
    case 9:
      item.kind = ItemKind::dir;
      break;
    default:
      break;
  }
  out.items.push_back(item);
  return path;
}

// For what is moved, linked or removed: nobody reads it, and one that is empty is made by one call.
std::string Generator::make_name(FuzzCase& out, const Place& where, bool may_be_dir) {
  const std::string path = make_own(out, where, may_be_dir);
  if (out.items.back().kind == ItemKind::file) out.items.back().kind = ItemKind::empty;
  return path;
}

std::string Generator::any_object(FuzzCase& out) {
  switch (pick(8)) {
    case 0:
      return place().path;
    case 1:
      return proc_.empty() || !chroot_.empty() ? place().path : any(proc_);
    case 2:
      return make_own(out, place());
    case 3:
      return fresh(place());
    default:
      return any(names_).path;
  }
}

// Mostly of the server's own type.
Mode Generator::any_client() {
  constexpr Mode clients[] = {Mode::stream, Mode::seqpacket, Mode::dgram, Mode::sendto};
  return one_in(3) ? clients[pick(std::size(clients))] : Mode::plain;
}

void Generator::add_without_path(FuzzCase& out) {
  OperationSpec next;
  next.operation = static_cast<Operation>(path_operation_count + static_cast<int>(pick(6)));
  if (one_in(12)) next.actor = static_cast<Actor>(pick(4));
  if (operand(next.operation) == Operand::port) {
    const bool binds = next.operation == Operation::bind_tcp || next.operation == Operation::bind_udp;
    next.port = fuzzed_ports[binds ? pick(fuzzed_ports.size()) : 1 + pick(fuzzed_ports.size() - 1)];
    if (next.operation == Operation::send_udp && one_in(2)) next.mode = Mode::sendto;
  } else if (next.operation == Operation::connect_abstract && one_in(4)) {
    next.mode = Mode::own_server;
    next.path = "own";
  } else {
    next.path = one_in(3) ? outside_word : peer_word;
    if (next.operation == Operation::connect_abstract) next.mode = any_client();
  }
  out.operations.push_back(next);
}

void Generator::add_operation(FuzzCase& out) {
  if (features_.network && one_in(10)) return add_without_path(out);
  OperationSpec next;
  // Moves have the most to go wrong.
  next.operation = static_cast<Operation>(one_in(4) ? static_cast<std::size_t>(Operation::rename) + pick(3)
                                                    : pick(path_operation_count));
  if (one_in(12)) next.actor = static_cast<Actor>(pick(4));
  const Place& where = place();
  const auto own_file = [&] {
    out.items.push_back({ItemKind::file, fresh(where), {}, {}, {}});
    return out.items.back().path;
  };
  const auto empty_file = [&] {
    out.items.push_back({ItemKind::empty, fresh(where), {}, {}, {}});
    return out.items.back().path;
  };
  switch (next.operation) {
    case Operation::rename:
      if (features_.mknod && one_in(8)) next.mode = Mode::whiteout;
      [[fallthrough]];
    case Operation::exchange:
    case Operation::link: {
      // fs.protected_hardlinks says EPERM before the hook, the file system says it of a directory after: for
      // a user's directory nobody can tell.
      const bool untold = next.operation == Operation::link && out.identity == Identity::user;
      next.path = make_name(out, where, !untold);
      const Place& other = place_beside(where);
      const bool there = next.operation == Operation::exchange ? !one_in(16) : one_in(5);
      next.path2 = there ? make_name(out, other) : fresh(other);
      if (!mount_points_.empty() && next.operation == Operation::rename && one_in(24)) next.path = any(mount_points_);
      break;
    }
    case Operation::unlink:
    case Operation::rmdir:
      if (!mount_points_.empty() && one_in(16)) {  // EBUSY, once Landlock was asked
        next.path = any(mount_points_);
        break;
      }
      next.path = one_in(12) ? fresh(where) : make_name(out, where);
      if (next.operation == Operation::rmdir && !one_in(3))
        out.items.push_back({ItemKind::dir, next.path = fresh(where), {}, {}, {}});
      break;
    case Operation::mknod_chr:
      if (one_in(3)) next.mode = Mode::whiteout;
      [[fallthrough]];
    case Operation::create:
    case Operation::mkdir:
    case Operation::mkfifo:
    case Operation::mknod_blk:
    case Operation::mksock:
    case Operation::symlink:
      next.path = one_in(12) ? empty_file() : fresh(where);
      break;
    case Operation::tmpfile:
    case Operation::opendir:
      next.path = one_in(12) ? any_object(out) : where.path;
      break;
    case Operation::readlink:
      if (one_in(4))
        next.path = make_name(out, where);
      else
        out.items.push_back({ItemKind::symlink, next.path = fresh(where), "nowhere", {}, {}});
      break;
    case Operation::chmod:
      next.path = empty_file();
      break;
    case Operation::exec:
      next.path = own_file();
      break;
    case Operation::connect_unix:
      next.path = any(connect_);
      next.mode = any_client();
      if (one_in(4)) next.mode = Mode::own_server, next.path = fresh(where);
      break;
    case Operation::comm_open:
      next.mode = static_cast<Mode>(static_cast<std::size_t>(Mode::rdwr) + pick(5));
      break;
    case Operation::ftruncate:
      next.path = one_in(2) ? own_file() : any_object(out);
      break;
    case Operation::ioctl: {
      next.path = any_object(out);
      std::vector<std::string> devices;
      for (const Named& each : names_)
        if (each.kind == ItemKind::chr || each.kind == ItemKind::null) devices.push_back(each.path);
      if (!devices.empty() && one_in(2))
        next.path = any(devices);
      else if (one_in(2))
        next.path = own_file();
      break;
    }
    default:
      next.path = any_object(out);
  }
  const bool before = next.operation == Operation::ftruncate || next.operation == Operation::ioctl ||
                      next.operation == Operation::reopen_fd;
  if (before && one_in(4)) next.mode = Mode::before;
  if (!chroot_.empty()) {  // no procfs in there
    if (next.operation == Operation::reopen_fd || next.operation == Operation::comm_open) return;
    if (!usable(next.path) || (!next.path2.empty() && !usable(next.path2))) return;
  }
  const bool is_block = std::any_of(out.items.begin(), out.items.end(), [&](const Item& item) {
    return item.kind == ItemKind::blk && item.path == next.path;
  });
  const bool opens =
      !takes_two_paths(next.operation) && next.operation != Operation::unlink && next.operation != Operation::rmdir;
  if (is_block && opens) return;  // would ask for a driver
  out.operations.push_back(next);
}

const Generator::Place& Generator::place() {
  return plain_.empty() || !one_in(3) ? any(places_) : any(plain_);
}

AccessSet Generator::some_of(AccessSet set, bool generous) {
  const std::size_t how = pick(generous ? 3 : 6);
  if (how == 0) return set;
  const std::uint64_t half = random_() | random_();
  return set & AccessSet::from_bits(how == 1 ? half | random_() | random_() : half);
}

void Generator::add_rule(const FuzzCase& out, LayerSpec& layer, bool generous) {
  RuleSpec rule;
  rule.rights = some_of(layer.handled, generous);
  const std::size_t where = pick(16);
  if (where == 0) {
    rule.path = "/";
  } else if (where == 1) {
    static const std::vector<std::string> roots = {"/proc", "/proc/self", "/proc/self/task", ".", ".", "/tmp"};
    rule.path = any(roots);
  } else if (where < 4) {
    rule.path = any(names_).path;
  } else if (where < 7 && !out.items.empty()) {
    const Item& item = any(out.items);
    if (item.kind == ItemKind::symlink) return;
    rule.path = item.path;
  } else if (where == 7 && !hidden_.empty()) {
    rule.path = any(hidden_).path;
  } else {
    rule.path = place().path;
  }
  if (!rule.rights.empty()) layer.rules.push_back(rule);
}

// Rules as often as not: half the layers that handle a right of ports grant most of them.
void Generator::add_restrictions(LayerSpec& layer) {
  Restrictions& out = layer.restrictions;
  out.net = model::net_rights_of_abi(features_.abi) & NetSet::from_bits(random_());
  out.scopes = model::scopes_of_abi(features_.abi) & ScopeSet::from_bits(random_());
  if (out.net.empty() && out.scopes.empty()) out.net = NetRight::bind_tcp;
  const bool generous = one_in(2);
  for (int bit = 0; bit < net_right_count; ++bit)
    for (const std::uint16_t port : fuzzed_ports)
      if (out.net.contains(static_cast<NetRight>(bit)) && (generous ? !one_in(4) : one_in(4)))
        out.ports.push_back({static_cast<NetRight>(bit), port});
}

void Generator::add_layers(FuzzCase& out) {
  const std::size_t kind = pick(20);
  std::size_t count = kind < 9 ? 1 : kind < 14 ? 2 : kind < 18 ? 3 + pick(2) : 5 + pick(12);
  count = std::min(count, features_.most_layers);
  const bool many = count > 4;
  for (std::size_t i = 0; i < count; ++i) {
    LayerSpec layer;
    const int abi = one_in(2) ? features_.abi : 1 + static_cast<int>(pick(static_cast<std::size_t>(features_.abi)));
    const AccessSet rights = model::rights_of_abi(abi);
    const bool network = features_.abi >= 4 && count > 1 && one_in(20);
    if (features_.abi >= 4 && (network || one_in(3))) add_restrictions(layer);
    if (!network) {
      layer.handled = many        ? rights & AccessSet::from_bits(random_() & random_())
                      : one_in(2) ? rights
                                  : some_of(rights, false);
      if (features_.abi >= 2 && many && !one_in(4)) layer.handled |= Right::refer;
      if (layer.handled.empty()) layer.handled = Right::read_file;
      // A wide grant, so that not everything is denied and moves are not all stopped by refer.
      if (many || one_in(2))
        layer.rules.push_back({one_in(3) ? "/" : one_in(2) ? "." : "t", some_of(layer.handled, true)});
      for (std::size_t rules = pick(many ? 4 : 12); rules > 0; --rules) add_rule(out, layer, many || one_in(2));
      std::erase_if(layer.rules, [](const RuleSpec& rule) { return rule.rights.empty(); });
    }
    out.layers.push_back(std::move(layer));
  }
  if (one_in(4)) {
    out.plan_abi = one_in(2) ? features_.abi : 1 + static_cast<int>(pick(static_cast<std::size_t>(features_.abi)));
    for (std::size_t policies = one_in(4) ? 2 : 1; policies > 0; --policies) {
      if (out.layers.size() == features_.most_layers || one_in(4)) out.layers.erase(out.layers.begin());
      const auto at = out.layers.begin() + static_cast<std::ptrdiff_t>(pick(out.layers.size() + 1));
      out.layers.insert(at, policy_layer(out.plan_abi));
    }
  }
  out.peer_layers = pick(out.layers.size() + 1);
  out.peer_executed = one_in(3);
}

void Generator::restack(FuzzCase& out) {
  out.layers.clear();
  out.plan_abi = 0;
  add_layers(out);
}

FuzzCase Generator::next(std::size_t operations) {
  FuzzCase out;
  out.identity = one_in(4) ? Identity::user : Identity::root;
  chroot_ = out.identity == Identity::root && one_in(8) ? "t" : "";
  out.chroot = chroot_;
  for (std::size_t i = 0; i < operations; ++i) add_operation(out);
  // An execution costs as much as a hundred operations: not in every case, and then many at once.
  if (one_in(3))
    for (OperationSpec& each : out.operations)
      if (each.mode != Mode::before && !each.path.starts_with('@') && !each.path2.starts_with('@') && one_in(4) &&
          std::none_of(proc_.begin(), proc_.end(), [&](const std::string& path) { return path == each.path; }))
        each.actor = Actor::exec;
  if (out.operations.empty())
    out.operations.push_back({Operation::stat, Mode::plain, Actor::self, "t/" + fresh_name(), {}});
  add_layers(out);
  if (features_.reclaim && out.identity == Identity::root && chroot_.empty() && !proc_entries_.empty() && one_in(3))
    add_reclaim(out);
  return out;
}

}  // namespace lockstep::conformance::fuzz
