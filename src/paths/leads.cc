#include "paths/leads.h"

#include <algorithm>

#include <lockstep/policy.h>

namespace lockstep::paths {
namespace {

std::string_view first_of(std::string_view path) {
  return path.substr(1, std::min(path.find('/', 1), path.size()) - 1);
}

class Follower {
 public:
  Follower(const std::string& path, Names& names, bool last) : spelt_(path), names_(names), last_(last), rest_(path) {}
  Lead run();

 private:
  bool step(std::string_view name);  // false: it ends here
  bool in_procfs(const std::string& here, std::string_view inside);
  bool into_link(const std::string& here, const Name& name);

  const std::string& spelt_;
  Names& names_;
  const bool last_;
  std::string done_;             // without links
  std::string rest_;             // still to go
  std::size_t behind_link_ = 0;  // of `rest_`, what stood behind the last link in the path that named it
  std::string last_link_;
  int followed_ = 0;
  Lead out_;
};

bool Follower::in_procfs(const std::string& here, std::string_view inside) {
  const std::optional<ByProcess> by = link_of_process(inside);
  if (by && by->below.empty() && (last_ || !rest_.empty())) {
    if (by->link->name != "root") {
      out_.process = by->link;
      out_.process_link = here;
      out_.path = normalise_path(here + rest_);
      return false;
    }
    if (!by->own && out_.other_root.empty()) {
      out_.other_root = normalise_path(here + rest_);
      out_.other_root_link = here;
    }
    out_.links.push_back({here, "/"});
    done_.clear();
    behind_link_ = std::min(behind_link_, rest_.size());
    return true;
  }
  done_ = here;  // an entry of the process's directory: not looked at
  return true;
}

bool Follower::into_link(const std::string& here, const Name& name) {
  if (++followed_ > most_links) {
    out_.endless = true;
    return false;
  }
  out_.links.push_back({here, name.target});
  last_link_ = here;
  behind_link_ = rest_.size();
  const bool absolute = name.target.starts_with('/');
  if (absolute) done_.clear();
  rest_ = (absolute ? "" : "/") + name.target + rest_;
  return true;
}

bool Follower::step(std::string_view component) {
  if (component.empty() || component == ".") return true;
  if (component == "..") {
    done_.erase(std::min(done_.rfind('/'), done_.size()));
    return true;
  }
  const std::string here = done_ + "/" + std::string(component);
  if (const std::optional<std::string> inside = names_.procfs(here); inside && of_process(*inside))
    return in_procfs(here, *inside);
  const Name& name = names_.at(here);
  if (name.error != 0) {
    out_.error = name.error;
    out_.failed = here;
    return false;
  }
  if (name.type == model::FileType::symlink && (last_ || !rest_.empty())) return into_link(here, name);
  if (name.type == model::FileType::none && !out_.missing) {
    out_.missing = true;
    // What is not there stood in the text of a link, or it is the rest of the path behind one.
    if (!last_link_.empty() && rest_.size() >= behind_link_) out_.dangling = last_link_;
  }
  done_ = here;
  return true;
}

Lead Follower::run() {
  while (!rest_.empty()) {
    const std::string component(first_of(rest_));
    rest_.erase(0, 1 + component.size());
    if (step(component)) continue;
    if (out_.process == nullptr) out_.path = normalise_path(spelt_);
    return std::move(out_);
  }
  out_.path = done_.empty() ? "/" : done_;
  return std::move(out_);
}

}  // namespace

Lead follow(const std::string& path, Names& names, bool last) {
  return Follower(path, names, last).run();
}

std::string said(const Lead& lead) {
  std::string out;
  for (const Followed& each : lead.links)
    out += (out.empty() ? "by " : ", ") + printable(each.link) + " -> " + printable(each.target);
  return out;
}

}  // namespace lockstep::paths
