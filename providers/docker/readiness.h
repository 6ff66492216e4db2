#pragma once

#include <optional>
#include <string>

#include "providers/docker/seen.h"
#include "providers/docker/specs.h"
#include "providers/provider.h"

// Whether a container does its work, judged from what is seen. Pure.
namespace fairlead::docker {

struct Readiness {
  enum class Is { ready, pending, broken };
  Is is = Is::pending;
  std::string text;  // "healthy", "starting", "exited with code 3"
  std::optional<Duration>
      due;  // steady time at which it becomes ready by itself, if nothing happens

  bool ready() const { return is == Is::ready; }
  bool broken() const { return is == Is::broken; }
};

// Without any health check a container is ready once it has run for this long.
inline constexpr std::chrono::seconds settle_time{3};
// So many restarts by the engine before it is ever ready are a crash loop.
inline constexpr int crash_loop_restarts = 3;

Readiness readiness(const ContainerSpec& spec, const SeenContainer& container, const Memory& memory,
                    Instant now);

// Names one run of the container, so that a restart begins its checks anew.
std::string probe_key(const SeenContainer& container);

// How it ended or what it says: "exited with code 3: last log line". For messages.
std::string evidence(const SeenContainer& container);

// 5 s, doubled for each time more, at most 5 min.
Duration retry_after(int failures);

}  // namespace fairlead::docker
