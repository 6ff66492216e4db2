#pragma once

#include <optional>
#include <string>
#include <vector>

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

// Without any health check a container is ready once it has run for this long, and something
// accepts on the ports that it exposes.
inline constexpr std::chrono::seconds settle_time{3};
// So many restarts by the engine before it is ever ready are a crash loop.
inline constexpr int crash_loop_restarts = 3;

// How long after its start a container must be healthy, where neither the manifest says so nor its
// check needs longer.
inline constexpr std::chrono::seconds default_deadline{60};
// Of each of the times that an image's HEALTHCHECK may make a rollout wait.
inline constexpr Duration image_time_max = std::chrono::minutes(10);

// How long after its start a container must be healthy: what the manifest says, else the default,
// or as much longer as the check that applies needs to find it healthy.
Duration deadline_of(const ContainerSpec& spec, const SeenContainer& container);

// "; the image checks every 60s, deploy.deadline is 30s" where the manifest's deadline leaves the
// engine no time to find a healthy container healthy; else empty.
std::string shortfall(const ContainerSpec& spec, const SeenContainer& container);

Readiness readiness(const ContainerSpec& spec, const SeenContainer& container, const Memory& memory,
                    Instant now);

// Names one run of the container, so that a restart begins its checks anew.
std::string probe_key(const SeenContainer& container);
// Likewise whether something accepts on that port of it.
std::string probe_key(const SeenContainer& container, int port);

// The ports on which something must accept for the container to be ready: only where nobody checks
// its health otherwise.
std::vector<int> asked_ports(const ContainerSpec& spec, const SeenContainer& container);

// Whether something that fairlead asks the container itself failed; true where it asks nothing.
bool was_asked_in_vain(const ContainerSpec& spec, const SeenContainer& container,
                       const Memory& memory);

// How it ended or what it says: "exited with code 3: last log line". For messages.
std::string evidence(const SeenContainer& container);

// 5 s, doubled for each time more, at most 5 min.
Duration retry_after(int failures);

}  // namespace fairlead::docker
