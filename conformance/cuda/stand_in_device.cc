#include "conformance/cuda/stand_in_device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace lockstep::conformance::cuda {
namespace {

constexpr int success = 0, invalid_value = 1, invalid_ptx = 218, illegal_address = 700;

std::string trim(const std::string& text) {
  const std::size_t from = text.find_first_not_of(" \t\n");
  return from == std::string::npos ? "" : text.substr(from, text.find_last_not_of(" \t\n") - from + 1);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, separator);) out.push_back(trim(part));
  return out;
}

constexpr const char* known[] = {
    "ld.param.u64",       "ld.param.u32", "mov.u32", "mad.lo.u32",    "setp.ge.u32",   "bra",
    "cvta.to.global.u64", "mul.wide.u32", "add.u64", "ld.global.u32", "st.global.u32", "ret"};

bool parse_instruction(const std::string& text, PtxInstruction* out) {
  std::istringstream in(text);
  in >> out->name;
  if (out->name.starts_with("@")) out->guard = out->name.substr(1), in >> out->name;
  std::string rest;
  std::getline(in, rest);
  out->operands = split(rest, ',');
  return std::find(std::begin(known), std::end(known), out->name) != std::end(known);
}

bool parse_parameters(const std::string& text, PtxKernel* out) {
  for (const std::string& each : split(text, ',')) {
    std::istringstream in(each);
    std::string word, type, name;
    if (!(in >> word >> type >> name) || word != ".param" || (type != ".u64" && type != ".u32")) return false;
    out->parameters.push_back({name, type == ".u64" ? 8U : 4U});
  }
  return true;
}

// One thread of a launch.
struct Thread {
  std::map<std::string, std::uint64_t> registers;

  std::uint64_t value(const std::string& operand) const {
    const auto found = registers.find(operand);
    return found != registers.end() ? found->second : std::strtoull(operand.c_str(), nullptr, 0);
  }
  std::uint64_t address(const std::string& operand) const { return value(operand.substr(1, operand.size() - 2)); }
  std::uint64_t low(const std::string& operand) const { return static_cast<std::uint32_t>(value(operand)); }
};

}  // namespace

bool parse_ptx(const std::string& text, PtxKernel* out) {
  const std::size_t entry = text.find(".visible .entry "), open = text.find('(', entry), close = text.find(')', open);
  const std::size_t body = text.find('{', close), end = text.find('}', body);
  const bool headed =
      text.starts_with(".version ") && text.find("\n.target ") < entry && text.find("\n.address_size 64\n") < entry;
  if (!headed || end == std::string::npos) return false;
  out->name = text.substr(entry + 16, open - entry - 16);
  if (!parse_parameters(text.substr(open + 1, close - open - 1), out)) return false;
  for (std::string each : split(text.substr(body + 1, end - body - 1), ';')) {
    if (const std::size_t colon = each.find(':'); colon != std::string::npos) {
      out->labels[trim(each.substr(0, colon))] = out->code.size();
      each = trim(each.substr(colon + 1));
    }
    if (each.empty() || each.starts_with(".reg ")) continue;
    PtxInstruction instruction;
    if (!parse_instruction(each, &instruction)) return false;
    out->code.push_back(std::move(instruction));
  }
  return !out->code.empty() && out->code.back().name == "ret";
}

int StandInDevice::allocate(std::uint64_t* address, std::size_t bytes) {
  if (bytes == 0) return invalid_value;
  *address = next_;
  next_ += (bytes + 0xffffU) & ~std::uint64_t{0xffffU};
  memory_[*address] = std::vector<unsigned char>(bytes, 0xa5);
  return success;
}

int StandInDevice::release(std::uint64_t address) {
  return memory_.erase(address) == 1 ? success : invalid_value;
}

unsigned char* StandInDevice::at(std::uint64_t address, std::size_t bytes) {
  auto next = memory_.upper_bound(address);
  if (next == memory_.begin()) return nullptr;
  auto& [start, data] = *--next;
  return address - start + bytes <= data.size() ? data.data() + (address - start) : nullptr;
}

int StandInDevice::write(std::uint64_t address, const void* data, std::size_t bytes) {
  unsigned char* to = at(address, bytes);
  if (to == nullptr) return invalid_value;
  std::memcpy(to, data, bytes);
  return success;
}

int StandInDevice::read(std::uint64_t address, void* data, std::size_t bytes) {
  if (const int waited = wait(); waited != success) return waited;
  const unsigned char* from = at(address, bytes);
  if (from == nullptr) return invalid_value;
  std::memcpy(data, from, bytes);
  return success;
}

int StandInDevice::load(const char* ptx, PtxKernel** kernel) {
  auto parsed = std::make_unique<PtxKernel>();
  if (!parse_ptx(ptx, parsed.get())) return invalid_ptx;
  kernels_.push_back(std::move(parsed));
  *kernel = kernels_.back().get();
  return success;
}

bool StandInDevice::has(const PtxKernel* kernel) const {
  return std::any_of(kernels_.begin(), kernels_.end(), [&](const auto& each) { return each.get() == kernel; });
}

int StandInDevice::unload(const PtxKernel* kernel) {
  return std::erase_if(kernels_, [&](const auto& each) { return each.get() == kernel; }) == 1 ? success : invalid_value;
}

int StandInDevice::launch(Launch launch) {
  if (!has(launch.kernel) || launch.blocks == 0 || launch.threads == 0 || launch.threads > 1024) return invalid_value;
  launched_.push_back(std::move(launch));
  return success;
}

int StandInDevice::wait() {
  const std::vector<Launch> due = std::move(launched_);
  launched_.clear();
  for (const Launch& launch : due)
    for (std::uint32_t block = 0; block < launch.blocks; ++block)
      for (std::uint32_t thread = 0; thread < launch.threads; ++thread)
        if (const int ran = run(launch, block, thread); ran != success) return ran;
  return success;
}

int StandInDevice::run(const Launch& launch, std::uint32_t block, std::uint32_t thread) {
  const PtxKernel& kernel = *launch.kernel;
  Thread state;
  state.registers = {{"%ctaid.x", block}, {"%ntid.x", launch.threads}, {"%tid.x", thread}};
  for (std::size_t i = 0; i < kernel.parameters.size(); ++i)
    state.registers[kernel.parameters[i].name] = launch.parameters[i];
  for (std::size_t at_line = 0; at_line < kernel.code.size(); ++at_line) {
    const auto& [guard, name, on] = kernel.code[at_line];
    if (!guard.empty() && state.value(guard) == 0) continue;
    if (name == "ret") break;
    if (name == "bra") {
      at_line = kernel.labels.at(on.at(0)) - 1;
      continue;
    }
    if (name == "st.global.u32") {
      const auto value = static_cast<std::uint32_t>(state.value(on.at(1)));
      if (write(state.address(on.at(0)), &value, sizeof(value)) != success) return illegal_address;
      continue;
    }
    std::uint64_t& to = state.registers[on.at(0)];
    if (name.starts_with("ld.param")) to = state.address(on.at(1));
    if (name == "mov.u32" || name == "cvta.to.global.u64") to = state.value(on.at(1));
    if (name == "add.u64") to = state.value(on.at(1)) + state.value(on.at(2));
    if (name == "mul.wide.u32") to = state.low(on.at(1)) * state.low(on.at(2));
    if (name == "mad.lo.u32")
      to = static_cast<std::uint32_t>(state.low(on.at(1)) * state.low(on.at(2)) + state.low(on.at(3)));
    if (name == "setp.ge.u32") to = state.low(on.at(1)) >= state.low(on.at(2)) ? 1U : 0U;
    if (name == "ld.global.u32") {
      const unsigned char* from = at(state.address(on.at(1)), sizeof(std::uint32_t));
      if (from == nullptr) return illegal_address;
      std::uint32_t value = 0;
      std::memcpy(&value, from, sizeof(value));
      to = value;
    }
  }
  return success;
}

}  // namespace lockstep::conformance::cuda
