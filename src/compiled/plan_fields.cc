#include "compiled/plan_fields.h"

namespace lockstep::bytes {

const FeatureInfo* find_feature(std::string_view kind, std::string_view name) {
  const auto is = [&](const FeatureInfo& info) { return info.kind == kind && info.name == name; };
  for (int bit = 0; bit < right_count; ++bit)
    if (const FeatureInfo& info = feature_info(static_cast<Right>(bit)); is(info)) return &info;
  for (int bit = 0; bit < net_right_count; ++bit)
    if (const FeatureInfo& info = feature_info(static_cast<NetRight>(bit)); is(info)) return &info;
  for (int bit = 0; bit < scope_count; ++bit)
    if (const FeatureInfo& info = feature_info(static_cast<Scope>(bit)); is(info)) return &info;
  for (const Extra extra : {Extra::log, Extra::quiet})
    if (const FeatureInfo& info = feature_info(extra); is(info)) return &info;
  return nullptr;
}

}  // namespace lockstep::bytes
