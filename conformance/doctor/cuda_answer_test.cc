#include <gtest/gtest.h>

#include "conformance/doctor/cuda.h"
#include "conformance/wire/cu_result.h"

namespace lockstep::conformance::doctor {
namespace {

CudaAnswer said(wire::CuOutcome outcome, int value, const std::string& message = "",
                wire::CuStage stage = wire::CuStage::init) {
  wire::CellReply cell;
  cell.state = wire::CellState::done;
  wire::put({outcome, stage, value, 12080, value == 0 ? 2 : 0}, &cell);
  return cuda_answer(cell, message);
}

Finding step(Layer layer, const char* sentence, const char* remedy) {
  return {{layer}, sentence, remedy, "model"};
}

TEST(CudaAnswer, IsInCudasOwnNames) {
  const CudaAnswer good = said(wire::CuOutcome::returned, 0);
  EXPECT_TRUE(good.succeeded && good.loaded);
  EXPECT_EQ(good.text, "CUDA_SUCCESS");
  EXPECT_EQ(good.devices, 2);
  EXPECT_EQ(good.driver_version, 12080);
  EXPECT_EQ(said(wire::CuOutcome::returned, 304).text, "CUDA_ERROR_OPERATING_SYSTEM (304)");
  EXPECT_EQ(said(wire::CuOutcome::returned, 4242).text, "CUDA error 4242");
  EXPECT_EQ(said(wire::CuOutcome::signalled, 11).text, "killed by signal 11 (SIGSEGV)");
  EXPECT_EQ(said(wire::CuOutcome::exited, 3).text, "the process exited with 3");
  EXPECT_EQ(said(wire::CuOutcome::timed_out, 0).text, "timed out");
  EXPECT_EQ(said(wire::CuOutcome::returned, 221, "", wire::CuStage::module).text,
            "CUDA_ERROR_JIT_COMPILER_NOT_FOUND (221) at module");
  EXPECT_EQ(said(wire::CuOutcome::missing_symbol, 0, "no cuLaunchKernel", wire::CuStage::launch).text,
            "no cuLaunchKernel at launch");
  EXPECT_FALSE(said(wire::CuOutcome::wrong_value, 0, "5 instead of 4", wire::CuStage::compare).succeeded);
  EXPECT_FALSE(said(wire::CuOutcome::timed_out, 0).succeeded);
  EXPECT_FALSE(said(wire::CuOutcome::not_loaded, 0, "no such file").loaded);
  EXPECT_EQ(said(wire::CuOutcome::not_loaded, 0, "no such\nfile").text,
            "libcuda.so.1 could not be loaded (no such\\x0afile)");
  for (const wire::CuOutcome nothing : {wire::CuOutcome::unset, wire::CuOutcome::proved})
    EXPECT_FALSE(said(nothing, 0).succeeded) << "nothing is no success";
}

TEST(CudaAttribution, UnderThePolicyTheKernelsRecordComesBeforeTheModel) {
  CudaEvidence seen{said(wire::CuOutcome::returned, 0), said(wire::CuOutcome::returned, 999), {}, {}, "", {}};
  EXPECT_EQ(attribute_cuda(seen).by, "control");
  EXPECT_NE(attribute_cuda(seen).sentence.find("do not know"), std::string::npos);
  seen.failing = {step(Layer::missing_path, "not here", "make it"),
                  step(Layer::landlock, "lacks write_file", "a line")};
  EXPECT_EQ(attribute_cuda(seen).by, "model");
  EXPECT_EQ(attribute_cuda(seen).remedy, "a line");
  seen.records = {{"fs.read_file", "/opt/driver/x"},
                  {"fs.write_file,fs.ioctl_dev", "/dev/nvidia0"},
                  {"fs.write_file", "/proc/7/task/9/comm"},
                  {"fs.read_file", "/opt/driver/x"}};
  const Finding found = attribute_cuda(seen);
  EXPECT_EQ(found.by, "audit");
  EXPECT_EQ(found.layers, std::vector{Layer::landlock});
  EXPECT_NE(found.sentence.find("fs.read_file on /opt/driver/x"), std::string::npos);
  EXPECT_EQ(found.remedy,
            "filesystem_policy.read_only: [/opt/driver/x]; filesystem_policy.read_write: [/dev/nvidia0]; "
            "filesystem_policy.grants: [{path: /proc, access: [write_file, read_file, read_dir, truncate]}]");
}

TEST(CudaAttribution, ALibraryThatCannotBeReadIsGrantedItsDirectory) {
  CudaEvidence seen{said(wire::CuOutcome::returned, 0),
                    said(wire::CuOutcome::not_loaded, 0, "Permission denied"),
                    {},
                    {},
                    "/opt/cuda/libcuda.so.1",
                    {}};
  EXPECT_EQ(attribute_cuda(seen).remedy, "filesystem_policy.read_only: [/opt/cuda]");
}

TEST(CudaAttribution, WithoutThePolicyAFailingStepComesBeforeTheDriver) {
  CudaEvidence seen{said(wire::CuOutcome::returned, 803), said(wire::CuOutcome::returned, 803), {}, {}, "", {}};
  EXPECT_EQ(attribute_cuda(seen).layers, std::vector{Layer::driver});
  EXPECT_NE(attribute_cuda(seen).remedy.find("reboot"), std::string::npos);
  seen.failing = {step(Layer::landlock, "the policy's own", "no"), step(Layer::permissions, "closed", "chmod")};
  EXPECT_EQ(attribute_cuda(seen).layers, std::vector{Layer::permissions})
      << "what the policy denies does not stop CUDA without it";
  EXPECT_EQ(attribute_cuda(seen).remedy, "chmod");
  seen.without = said(wire::CuOutcome::signalled, 31);
  EXPECT_EQ(attribute_cuda(seen).layers, std::vector{Layer::seccomp});
  seen.without = said(wire::CuOutcome::not_loaded, 0, "no such file");
  EXPECT_EQ(attribute_cuda(seen).layers, std::vector{Layer::missing_path});
}

}  // namespace
}  // namespace lockstep::conformance::doctor
