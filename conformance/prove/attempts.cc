#include "conformance/prove/attempts.h"

#include <sys/stat.h>

#include <array>
#include <map>

#include <lockstep/rights.h>

namespace lockstep::conformance::prove {
namespace {

struct Kind {
  const char* planted;
  Right makes, removes;
};
constexpr std::array<Kind, 7> kinds = {{{"file", Right::make_reg, Right::remove_file},
                                        {"dir", Right::make_dir, Right::remove_dir},
                                        {"fifo", Right::make_fifo, Right::remove_file},
                                        {"sym", Right::make_sym, Right::remove_file},
                                        {"sock", Right::make_sock, Right::remove_file},
                                        {"chr", Right::make_char, Right::remove_file},
                                        {"blk", Right::make_block, Right::remove_file}}};
constexpr const Kind& file = kinds[0];
constexpr const Kind& directory = kinds[1];

const Kind& kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return kinds[1];
    case S_IFIFO:
      return kinds[2];
    case S_IFLNK:
      return kinds[3];
    case S_IFSOCK:
      return kinds[4];
    case S_IFCHR:
      return kinds[5];
    case S_IFBLK:
      return kinds[6];
    default:
      return kinds[0];
  }
}

class Maker {
 public:
  explicit Maker(const Names& names) : names_(names), places_(names.places()) {}

  std::vector<Attempt> run() {
    for (const Name& name : names_.names()) by_name(name);
    by_pairs();
    return std::move(out_);
  }

 private:
  void one(Operation operation, AccessSet needs, const std::string& path, std::size_t place, Mode mode = Mode::plain) {
    out_.push_back({operation, mode, path, {}, needs, {}, place, place});
  }
  void two(Operation operation, const std::string& path, AccessSet needs, std::size_t place, const std::string& path2,
           AccessSet needs2, std::size_t place2) {
    out_.push_back({operation, Mode::plain, path, path2, needs, needs2, place, place2});
  }
  // A name that is not there, of its own for each attempt.
  std::string fresh(const std::string& in) const { return in + "/=n" + std::to_string(out_.size()); }

  void by_name(const Name& name);
  void in_directory(const std::string& path, std::size_t place);
  void on_procfs(const Name& name);
  void by_pairs();
  void within(std::size_t place);
  void between(std::size_t from, std::size_t to);

  const Names& names_;
  const std::vector<Place>& places_;
  std::vector<Attempt> out_;
  std::map<std::size_t, std::vector<std::size_t>> children_;  // that are not planted
};

void Maker::on_procfs(const Name& name) {
  const Place& at = places_[name.place];
  if (S_ISDIR(at.mode)) one(Operation::opendir, Right::read_dir, name.path, name.place);
  if (name.path == "/proc/self/task") {  // the acting thread's is below it, another object than /proc/self/comm
    one(Operation::comm_open, Right::write_file, {}, name.place, Mode::wronly);
    one(Operation::comm_open, Right::write_file | Right::truncate, {}, name.place, Mode::trunc);
  }
  if (S_ISDIR(at.mode)) return;
  one(Operation::open_r, Right::read_file, name.path, name.place);
  if (!name.path.ends_with("/comm")) return;
  one(Operation::open_w, Right::write_file, name.path, name.place);
}

void Maker::in_directory(const std::string& path, std::size_t place) {
  one(Operation::opendir, Right::read_dir, path, place);
  one(Operation::open_r, Right::read_dir, path, place);
  one(Operation::reopen_fd, Right::read_dir, path, place);
  one(Operation::tmpfile, Right::write_file, path, place);
  one(Operation::create, Right::make_reg | Right::write_file, fresh(path), place);
  for (const auto& [operation, right] : {std::pair(Operation::mkdir, Right::make_dir),
                                         {Operation::mkfifo, Right::make_fifo},
                                         {Operation::mknod_chr, Right::make_char},
                                         {Operation::mknod_blk, Right::make_block},
                                         {Operation::mksock, Right::make_sock},
                                         {Operation::symlink, Right::make_sym},
                                         {Operation::unlink, Right::remove_file},
                                         {Operation::rmdir, Right::remove_dir}})
    one(operation, right, fresh(path), place);
}

void Maker::by_name(const Name& name) {
  const Place& at = places_[name.place];
  const std::string& path = name.path;
  if (path == "/proc" || at.path.starts_with("/proc/")) return on_procfs(name);
  const std::size_t place = at.planted ? static_cast<std::size_t>(at.parent) : name.place;
  const AccessSet read = Right::read_file, write = Right::write_file;
  if (!at.planted) one(Operation::open_path, {}, path, place), one(Operation::stat, {}, path, place);
  switch (at.mode & S_IFMT) {
    case S_IFDIR:
      if (!at.planted) in_directory(path, place);
      return;
    case S_IFSOCK:
      return one(Operation::connect_unix, Right::resolve_unix, path, place);
    case S_IFCHR:
      one(Operation::open_r, read, path, place);
      one(Operation::open_w, write, path, place);
      return one(Operation::ioctl, read | write | Right::ioctl_dev, path, place);
    case S_IFIFO:
      one(Operation::open_r, read, path, place);
      return one(Operation::open_rw, read | write, path, place);
    case S_IFREG:
      one(Operation::open_r, read, path, place);
      one(Operation::open_w, write, path, place);
      one(Operation::open_rw, read | write, path, place);
      one(Operation::reopen_fd, read, path, place);
      one(Operation::open_trunc, write | Right::truncate, path, place);
      one(Operation::truncate, Right::truncate, path, place);
      one(Operation::ftruncate, write | Right::truncate, path, place);
      return one(Operation::exec, read | Right::execute, path, place);
    default:
      return;
  }
}

// Below =dir the rights are those of the directory: what is denied there alone is for want of refer.
void Maker::within(std::size_t place) {
  const std::string& at = places_[place].path;
  const std::string inside = at + "/=dir";
  for (const Kind& kind : kinds) {
    const std::string path = at + "/=" + kind.planted;
    const bool is_directory = &kind == &directory;
    if (!is_directory) {
      two(Operation::link, path, {}, place, fresh(at), kind.makes, place);
      two(Operation::link, path, Right::refer, place, fresh(inside), kind.makes | Right::refer, place);
      two(Operation::rename, path, kind.removes | Right::refer, place, fresh(inside), kind.makes | Right::refer, place);
    }
    two(Operation::rename, path, kind.removes, place, fresh(at), kind.makes, place);
  }
  const AccessSet all = file.makes | AccessSet(file.removes) | directory.makes | directory.removes;
  two(Operation::exchange, at + "/=file", all, place, at + "/=dir", all, place);
}

void Maker::between(std::size_t from, std::size_t to) {
  const std::string &source = places_[from].path, &target = places_[to].path;
  const AccessSet refer = Right::refer;
  const auto move = [&](const std::string& path, const Kind& kind, bool exchange) {
    if (&kind != &directory) two(Operation::link, path, refer, from, fresh(target), refer | kind.makes, to);
    two(Operation::rename, path, refer | kind.removes, from, fresh(target), refer | kind.makes, to);
    if (!exchange) return;
    two(Operation::exchange, path, refer | kind.removes | file.makes, from, target + "/=file",
        refer | kind.makes | file.removes, to);
    two(Operation::exchange, path, refer | kind.removes | directory.makes, from, target + "/=dir",
        refer | kind.makes | directory.removes, to);
  };
  move(source + "/=file", file, true);
  move(source + "/=dir", directory, true);
  move(source + "/=fifo", kinds[2], false);
  move(source + "/=sym", kinds[3], false);
  for (const std::size_t child : children_[from]) {
    const Place& moved = places_[child];
    // Not what the paths themselves pass, by another mount: they would lead nowhere, and not back.
    if (!names_.covers(moved.id, from) && !names_.covers(moved.id, to)) move(moved.path, kind_of(moved.mode), true);
  }
}

void Maker::by_pairs() {
  std::vector<std::size_t> directories;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    const bool has_planted = names_.find(place.path + "/=file").has_value();
    if (S_ISDIR(place.mode) && !place.planted && has_planted) directories.push_back(i);
    if (!place.planted && place.parent >= 0) children_[static_cast<std::size_t>(place.parent)].push_back(i);
  }
  for (const std::size_t from : directories) {
    within(from);
    for (const std::size_t to : directories)
      if (from != to && places_[from].mount == places_[to].mount) between(from, to);
  }
}

}  // namespace

std::vector<Attempt> attempts_of(const Names& names) {
  return Maker(names).run();
}

std::string one_line(const Attempt& attempt) {
  std::string out(name(attempt.operation));
  if (attempt.mode != Mode::plain) out += "/" + std::string(name(attempt.mode));
  if (!attempt.path.empty()) out += " " + attempt.path;
  return attempt.path2.empty() ? out : out + " " + attempt.path2;
}

}  // namespace lockstep::conformance::prove
