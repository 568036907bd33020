#include "host/cdi_stack.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "syntax/document.h"

namespace lockstep {
namespace {

constexpr std::size_t spec_limit = 16U << 20;

bool is_spec_name(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".json");
}

// Sorted. Of a folder that is not there, none.
Result<std::vector<std::string>> specs_in(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code unseen;
    const bool is_folder = std::filesystem::is_directory(at->symlink_status(unseen));
    if (is_spec_name(at->path().native()) && !is_folder) out.push_back(at->path().native());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return input_error(folder, 0, "cannot be read: " + errno_name(error.value()));
  std::sort(out.begin(), out.end());
  return out;
}

bool is_file(const std::string& place) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(place, error);
  return std::filesystem::exists(status) ? !std::filesystem::is_directory(status) : is_spec_name(place);
}

std::string parent_of(const std::string& file) {
  return std::filesystem::path(file).parent_path().lexically_normal().native();
}

}  // namespace

Result<CdiStack> CdiStack::load(const std::vector<std::string>& places) {
  CdiStack out;
  std::size_t layer = 0;
  std::set<std::string> named;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const bool beside =
        i > 0 && is_file(places[i]) && is_file(places[i - 1]) && parent_of(places[i]) == parent_of(places[i - 1]);
    if (!beside) ++layer, named.clear();
    if (!named.insert(places[i]).second) continue;  // named twice
    LOCKSTEP_CHECK(out.read_place(places[i], layer));
  }
  if (out.specs_.empty()) {
    std::string message = "no CDI spec here (*.yaml, *.json)";
    for (std::size_t i = 0; i < out.warnings_.size() && i < 5; ++i) message += "; " + out.warnings_[i];
    return input_error(places.empty() ? "" : places.front(), 0, message);
  }
  out.settle();
  return out;
}

Result<void> CdiStack::read_place(const std::string& place, std::size_t layer) {
  if (is_file(place)) return read_file(place, layer);
  LOCKSTEP_ASSIGN(const std::vector<std::string> files, specs_in(place));
  for (const std::string& file : files) {
    const Result<void> read = read_file(file, layer);
    if (read.ok()) continue;
    warnings_.push_back(read.error().to_string() + " (left out, as runtimes do)");
  }
  return {};
}

Result<void> CdiStack::read_file(const std::string& file, std::size_t layer) {
  LOCKSTEP_ASSIGN(const std::string text, read_input_file(file, spec_limit));
  LOCKSTEP_ASSIGN(CdiSpec spec, read_cdi_spec(text, file));
  for (std::string& warning : spec.warnings) warnings_.push_back(std::move(warning));
  specs_.push_back({std::move(spec), layer});
  return {};
}

void CdiStack::settle() {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    for (std::size_t j = 0; j < specs_[i].spec.devices.size(); ++j) {
      const auto [known, fresh] =
          devices_.try_emplace(specs_[i].spec.kind + "=" + specs_[i].spec.devices[j].name, Entry{i, j, ""});
      if (fresh) continue;
      Entry& entry = known->second;
      // A conflict stays one, whatever a later directory has.
      if (specs_[entry.spec].layer == specs_[i].layer)
        entry.conflict = specs_[i].spec.file + " and " + specs_[entry.spec].spec.file;
      else
        entry.spec = i, entry.device = j;
    }
  }
}

Result<CdiChosen> CdiStack::found(const std::string& qualified, const Entry& entry) const {
  if (!entry.conflict.empty())
    return input_error("", 0,
                       "the device " + shortened(qualified) + " stands in " + printable(entry.conflict) +
                           ", which are of one directory: no runtime finds it; take one of the two away");
  const CdiSpec& spec = specs_[entry.spec].spec;
  return CdiChosen{&spec, &spec.devices[entry.device]};
}

std::string CdiStack::offered() const {
  std::string out;
  for (const Layered& each : specs_)
    for (const CdiDevice& device : each.spec.devices) {
      const std::string name = each.spec.kind + "=" + device.name;
      if (("," + out + ",").find(", " + name + ",") == std::string::npos && out.size() < 300)
        out += (out.empty() ? " " : ", ") + name;
    }
  return shortened(out.substr(1));
}

Result<CdiChosen> CdiStack::choose(std::string_view name) const {
  const std::string wanted(name);
  if (const auto known = devices_.find(wanted); known != devices_.end()) return found(wanted, known->second);
  const std::pair<const std::string, Entry>* only = nullptr;
  for (const auto& each : devices_) {
    if (each.first.substr(each.first.find('=') + 1) != wanted) continue;
    if (only != nullptr)
      return input_error("", 0,
                         "there is " + shortened(only->first) + " and " + shortened(each.first) + ": write " +
                             shortened(wanted) + " with its kind");
    only = &each;
  }
  if (only != nullptr) return found(only->first, only->second);
  // Why it is not there often stands among these: a spec that was left out, a name that is read otherwise.
  std::string message = "no device is called " + shortened(wanted) + "; the specs have " + offered();
  for (std::size_t i = 0; i < warnings_.size() && i < 5; ++i) message += "; " + warnings_[i];
  return input_error("", 0, std::move(message));
}

Result<std::vector<CdiChosen>> CdiStack::all_gpus() const {
  std::set<std::string> kinds, gpus;
  for (const Layered& each : specs_) {
    kinds.insert(each.spec.kind);
    if (each.spec.kind.ends_with("/gpu")) gpus.insert(each.spec.kind);
  }
  if (gpus.empty()) gpus = kinds;
  if (gpus.size() > 1) {
    std::string message = "all is of one kind, and the specs have";
    for (const std::string& kind : gpus) message += (kind == *gpus.begin() ? " " : ", ") + kind;
    return input_error("", 0, shortened(message) + ": name the devices, as " + *gpus.begin() + "=NAME");
  }
  std::vector<CdiChosen> out;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const CdiSpec& spec = specs_[i].spec;
    if (!gpus.contains(spec.kind)) continue;
    const bool own = std::any_of(spec.devices.begin(), spec.devices.end(),
                                 [](const CdiDevice& device) { return device.name == "all"; });
    for (const CdiDevice& device : spec.devices) {
      if (own && device.name != "all") continue;
      const std::string qualified = spec.kind + "=" + device.name;
      const Entry& entry = devices_.at(qualified);
      if (entry.conflict.empty() && entry.spec != i) continue;  // a later directory has its own
      LOCKSTEP_ASSIGN(const CdiChosen chosen, found(qualified, entry));
      out.push_back(chosen);
    }
  }
  return out;
}

}  // namespace lockstep
