#pragma once

#include <vector>

#include "providers/docker/specs.h"
#include "reconciler/platform.h"

// What a process's containers may use, and who says so: the process, its app, the platform file, or
// fairlead. Pure.
namespace fairlead::docker {

struct EffectiveLimits {
  Limits limits;
  std::vector<Setting> shown;  // the same with their origins
};

// `base`: where the process's fields stand in the manifest, "processes.worker." or "".
EffectiveLimits limits_of(const App& app, const std::string& process, const std::string& base,
                          const ProcessSettings& own, const Platform& platform);

}  // namespace fairlead::docker
