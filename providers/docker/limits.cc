#include "providers/docker/limits.h"

#include "reconciler/budget.h"
#include "reconciler/units.h"

namespace fairlead::docker {
namespace {

std::string number(std::int64_t count) { return std::to_string(count); }

// One kind of limit: its name in `resources`, where each may say it, and how it is written.
struct Kind {
  const char* name;
  std::optional<std::int64_t> Resources::*by_manifest;
  std::optional<std::int64_t> Platform::Defaults::*by_platform;
  std::int64_t by_fairlead;  // 0: no limit
  std::int64_t Limits::*limit;
  std::string (*text)(std::int64_t);
};

constexpr Kind kinds[] = {
    {"memory", &Resources::memory, &Platform::Defaults::memory, default_memory, &Limits::memory,
     format_bytes},
    {"pids", &Resources::pids, &Platform::Defaults::pids, 1024, &Limits::pids, number},
    {"cpus", &Resources::nano_cpus, &Platform::Defaults::nano_cpus, 0, &Limits::nano_cpus,
     format_cpus},
};

}  // namespace

EffectiveLimits limits_of(const App& app, const std::string& process, const std::string& base,
                          const ProcessSettings& own, const Platform& platform) {
  EffectiveLimits made;
  for (const Kind& kind : kinds) {
    const std::string field = std::string("resources.") + kind.name;
    std::int64_t limit = kind.by_fairlead;
    std::string origin = "default; " + field;
    if (const auto& said = own.resources.*kind.by_manifest) {
      limit = *said;
      origin = app.where(base + field);
    } else if (const auto& inherited = app.main.resources.*kind.by_manifest) {
      limit = *inherited;
      origin = app.where(field);
    } else if (const auto& by_platform = platform.defaults.*kind.by_platform) {
      limit = *by_platform;
      origin = "platform file, defaults." + field;
    }
    made.limits.*kind.limit = limit;
    made.shown.push_back({process, kind.name, limit == 0 ? "none" : kind.text(limit), origin});
  }
  return made;
}

}  // namespace fairlead::docker
