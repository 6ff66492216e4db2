#include "providers/docker/readiness.h"

#include <algorithm>

namespace fairlead::docker {
namespace {

using std::chrono::seconds;
using Is = Readiness::Is;

Readiness of_probe(const ContainerSpec& spec, const SeenContainer& container,
                   const Memory& memory) {
  const auto found = memory.probes.find(probe_key(container));
  if (found == memory.probes.end()) return {Is::pending, "starting", std::nullopt};
  const ProbeState& probe = found->second;
  if (probe.failures_in_row >= spec.health_retries) {
    return {Is::broken, "unhealthy: " + probe.last_error, std::nullopt};
  }
  if (probe.successes > 0) return {Is::ready, "healthy", std::nullopt};
  return {Is::pending, probe.last_error.empty() ? "starting" : "starting: " + probe.last_error,
          std::nullopt};
}

Readiness running(const ContainerSpec& spec, const SeenContainer& container, const Memory& memory,
                  Instant now) {
  const Detail& detail = *container.detail;
  if (spec.once) return {Is::pending, "running", std::nullopt};
  if (spec.http) return of_probe(spec, container, memory);
  if (detail.health == "healthy") return {Is::ready, "healthy", std::nullopt};
  if (detail.health == "unhealthy") {
    const std::string why = detail.health_log.empty() ? "" : ": " + detail.health_log;
    return {Is::broken, "unhealthy" + why, std::nullopt};
  }
  if (detail.health == "starting") return {Is::pending, "starting", std::nullopt};
  const Duration settled = detail.started + settle_time;
  if (now.steady >= settled) return {Is::ready, "running", std::nullopt};
  return {Is::pending, "started", settled};
}

}  // namespace

Readiness readiness(const ContainerSpec& spec, const SeenContainer& container, const Memory& memory,
                    Instant now) {
  if (!container.detail) return {Is::pending, container.state, std::nullopt};
  const Detail& detail = *container.detail;
  if (container.state == "restarting") {
    const bool looping = !spec.once && detail.restart_count >= crash_loop_restarts;
    return {looping ? Is::broken : Is::pending, evidence(container), std::nullopt};
  }
  if (container.state == "running") {
    Readiness made = running(spec, container, memory, now);
    // Between two crashes it runs for a moment; that is no recovery.
    if (!made.ready() && !spec.once && detail.restart_count >= crash_loop_restarts) {
      made.is = Is::broken;
      made.text = evidence(container);
    }
    return made;
  }
  if (spec.once && container.state == "exited") {
    return {detail.exit_code == 0 ? Is::ready : Is::broken,
            detail.exit_code == 0 ? "completed" : evidence(container), std::nullopt};
  }
  // A crash loop that was ended to put the container aside: being quiet now does not make it well.
  const bool looped = container.state == "exited" && detail.restart_count >= crash_loop_restarts;
  return {looped ? Is::broken : Is::pending,
          container.state == "exited" ? evidence(container) : container.state, std::nullopt};
}

std::string probe_key(const SeenContainer& container) {
  return container.id + " " + (container.detail ? container.detail->started_text : "");
}

std::string evidence(const SeenContainer& container) {
  if (!container.detail) return container.state;
  const Detail& detail = *container.detail;
  std::string text;
  if (container.state == "created") {
    text = "never started";
  } else if (container.state == "running" && detail.restart_count == 0) {
    text = "running";
  } else if (container.state == "running" || container.state == "restarting") {
    text = "restarted " + std::to_string(detail.restart_count) + " times";
    if (container.state == "restarting") {
      text += ", last exit code " + std::to_string(detail.exit_code);
    }
  } else {
    text = "exited with code " + std::to_string(detail.exit_code);
  }
  if (detail.oom_killed) text += " (out of memory)";
  if (!detail.error.empty()) text += ": " + detail.error;
  if (!detail.last_log.empty()) {
    const std::size_t line = detail.last_log.rfind('\n');
    text += ", last log line: " +
            (line == std::string::npos ? detail.last_log : detail.last_log.substr(line + 1));
  }
  return text;
}

Duration retry_after(int failures) {
  const int doublings = std::clamp(failures - 1, 0, 6);
  return std::min<Duration>(seconds(5) * (1 << doublings), seconds(300));
}

}  // namespace fairlead::docker
