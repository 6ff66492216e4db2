#include "providers/docker/readiness.h"

#include <algorithm>

#include "providers/docker/capabilities.h"
#include "reconciler/units.h"

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

// One that has accepted and does so no more is ill. One that never did is starting, for as long as
// it may: another start would not help against a port that is none of its own.
Readiness of_ports(const ContainerSpec& spec, const SeenContainer& container,
                   const std::vector<int>& ports, const Memory& memory, Instant now) {
  std::optional<std::string> waits;
  for (const int port : ports) {
    const auto found = memory.probes.find(probe_key(container, port));
    const ProbeState state = found == memory.probes.end() ? ProbeState() : found->second;
    if (state.successes > 0 && state.failures_in_row >= spec.health_retries) {
      return {Is::broken, "unhealthy: " + state.last_error, std::nullopt};
    }
    if (state.successes > 0 || waits) continue;
    waits = state.last_error.empty() ? "starting" : "starting: " + state.last_error;
  }
  if (waits) return {Is::pending, *waits, std::nullopt};
  const Duration settled = container.detail->started + settle_time;
  if (now.steady >= settled) return {Is::ready, "running", std::nullopt};
  return {Is::pending, "started", settled};
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
  const std::vector<int> ports = asked_ports(spec, container);
  if (!ports.empty()) return of_ports(spec, container, ports, memory, now);
  const Duration settled = detail.started + settle_time;
  if (now.steady >= settled) return {Is::ready, "running", std::nullopt};
  return {Is::pending, "started", settled};
}

// Of all that fairlead asks the container itself; empty: nothing.
std::vector<std::string> probe_keys(const ContainerSpec& spec, const SeenContainer& container) {
  if (spec.http) return {probe_key(container)};
  std::vector<std::string> keys;
  for (const int port : asked_ports(spec, container)) keys.push_back(probe_key(container, port));
  return keys;
}

bool was_asked(const ContainerSpec& spec, const SeenContainer& container, const Memory& memory) {
  const std::vector<std::string> keys = probe_keys(spec, container);
  return std::all_of(keys.begin(), keys.end(),
                     [&](const std::string& key) { return memory.probes.count(key) > 0; });
}

// An image changes without anybody looking: it cannot say that a rollout waits for days.
EngineCheck capped(EngineCheck check) {
  check.interval = std::min(check.interval, image_time_max);
  check.start_period = std::min(check.start_period, image_time_max);
  if (check.timeout * check.retries > image_time_max) {
    check.timeout = image_time_max;
    check.retries = 1;
  }
  return check;
}

// The check that tells whether it is healthy: the engine's, else the one that fairlead makes.
EngineCheck check_of(const ContainerSpec& spec, const SeenContainer& container) {
  if (container.detail && container.detail->check && !spec.http) {
    const EngineCheck& check = *container.detail->check;
    return spec.body["Healthcheck"].is_null() ? capped(check) : check;
  }
  return {spec.health_interval, spec.health_timeout, spec.health_start_period, spec.health_retries};
}

// The engine's first check comes only one interval after the start. Beyond that a container has the
// time in which failures do not count, and that of as many hanging checks as make it unhealthy.
Duration time_needed(const EngineCheck& check) {
  return check.start_period + check.interval + check.timeout * check.retries;
}

std::string out_of_memory(const Limits& limits) {
  if (limits.memory == 0) return "out of memory";
  return "out of memory: limit " + format_bytes(limits.memory) + ", resources.memory";
}

}  // namespace

Duration deadline_of(const ContainerSpec& spec, const SeenContainer& container) {
  if (spec.deadline) return *spec.deadline;
  return std::max<Duration>(default_deadline, time_needed(check_of(spec, container)));
}

std::string shortfall(const ContainerSpec& spec, const SeenContainer& container) {
  const bool by_engine = container.detail && container.detail->check && !spec.http;
  if (!spec.deadline || !by_engine) return "";
  const EngineCheck& check = *container.detail->check;
  if (*spec.deadline >= check.interval + check.timeout) return "";
  const bool of_image = spec.body["Healthcheck"].is_null();
  return std::string(of_image ? "; the image checks" : "; it is checked") + " every " +
         format_duration(check.interval) + ", deploy.deadline is " +
         format_duration(*spec.deadline);
}

Readiness readiness(const ContainerSpec& spec, const SeenContainer& container, const Memory& memory,
                    Instant now) {
  if (!container.detail) return {Is::pending, container.state, std::nullopt};
  const Detail& detail = *container.detail;
  if (container.state == "restarting") {
    const bool looping = detail.restart_count >= crash_loop_restarts;
    return {looping ? Is::broken : Is::pending, evidence(container), std::nullopt};
  }
  if (container.state == "running") {
    Readiness made = running(spec, container, memory, now);
    // Between two crashes it runs for a moment; that is no recovery. Of one that has run for longer
    // a daemon that was just started has asked nothing yet.
    const bool unknown =
        now.steady >= detail.started + settle_time && !was_asked(spec, container, memory);
    if (!made.ready() && !unknown && detail.restart_count >= crash_loop_restarts) {
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

std::string probe_key(const SeenContainer& container, int port) {
  return probe_key(container) + " " + std::to_string(port);
}

std::vector<int> asked_ports(const ContainerSpec& spec, const SeenContainer& container) {
  const bool by_engine = container.detail && !container.detail->health.empty();
  return by_engine || spec.http ? std::vector<int>() : spec.ports;
}

bool was_asked_in_vain(const ContainerSpec& spec, const SeenContainer& container,
                       const Memory& memory) {
  const std::vector<std::string> keys = probe_keys(spec, container);
  return keys.empty() || std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
           const auto probe = memory.probes.find(key);
           return probe != memory.probes.end() && probe->second.failures_in_row > 0;
         });
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
  if (detail.oom_killed) text += " (" + out_of_memory(detail.limits) + ")";
  if (!detail.error.empty()) text += ": " + detail.error;
  if (!detail.last_log.empty()) {
    const std::size_t line = detail.last_log.rfind('\n');
    text += ", last log line: " +
            (line == std::string::npos ? detail.last_log : detail.last_log.substr(line + 1));
    text += capability_hint(detail.profile, detail.last_log);
  }
  return text;
}

Duration retry_after(int failures) {
  const int doublings = std::clamp(failures - 1, 0, 6);
  return std::min<Duration>(seconds(5) * (1 << doublings), seconds(300));
}

}  // namespace fairlead::docker
