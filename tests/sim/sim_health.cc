#include <algorithm>

#include "tests/sim/sim_engine.h"

// Health checks, and the engine's own stop and start.
namespace fairlead::sim {
namespace {

using std::chrono::seconds;

Duration or_default(const Json& nanoseconds, Duration otherwise) {
  return nanoseconds.as_int() == 0 ? otherwise : Duration(nanoseconds.as_int());
}

}  // namespace

bool SimContainer::ignores_stop() const {
  return program.term == Program::Term::ignored ||
         (program.term == Program::Term::ignored_without_init && !host_config["Init"].as_bool());
}

void SimEngine::sicken(const std::string& name) {
  if (SimContainer* container = find_container(name)) container->sick_run = container->run;
}

void SimEngine::close_ports(const std::string& name) {
  if (SimContainer* container = find_container(name)) container->deaf_run = container->run;
}

void SimEngine::plan_probe(SimContainer& container) {
  const Json& check = container.config["Healthcheck"];
  Duration interval = or_default(check["Interval"], seconds(30));
  const Duration start_period = or_default(check["StartPeriod"], Duration{0});
  const bool in_start = container.health->status == "starting" &&
                        now_.steady - container.started.steady < start_period;
  if (newer() && in_start) interval = or_default(check["StartInterval"], interval);
  after(interval, [this, id = container.id, run = container.run] {
    SimContainer* found = find_container(id);
    if (!found || found->run != run || !found->running || found->paused) return;
    probe(*found);
    plan_probe(*found);
  });
}

void SimEngine::set_health(SimContainer& container, const std::string& status) {
  if (std::exchange(container.health->status, status) == status) return;
  emit(container, "health_status: " + status);
}

void SimEngine::probe(SimContainer& container) {
  const Json& check = container.config["Healthcheck"];
  const std::vector<std::string> words = to_strings(check["Test"]);
  const std::string command =
      words[0] == "CMD-SHELL" ? "/bin/sh -c " + (words.size() > 1 ? words[1] : "")
                              : join(std::vector<std::string>(words.begin() + 1, words.end()), " ");
  const Labels exec{{"execID", random_.hex(64)}};
  emit(container, "exec_create: " + command, exec);
  emit(container, "exec_start: " + command, exec);
  const Duration age = now_.steady - container.started.steady;
  const Program& program = container.program;
  const bool good = !container.sick() && program.healthy_after && age >= *program.healthy_after &&
                    (!program.unhealthy_after || age < *program.unhealthy_after);
  emit(container, "exec_die", {{"execID", exec.at("execID")}, {"exitCode", good ? "0" : "1"}});
  SimHealth& health = *container.health;
  Json log = Json::array();
  const Json::Array& before = health.log.items();
  for (std::size_t i = before.size() >= 5 ? before.size() - 4 : 0; i < before.size(); ++i) {
    log.push(before[i]);
  }
  log.push(Json::object({{"Start", rfc3339(now_.wall)},
                         {"End", rfc3339(now_.wall)},
                         {"ExitCode", good ? 0 : 1},
                         {"Output", good ? "" : "not yet\n"}}));
  health.log = std::move(log);
  if (good) {
    health.streak = 0;
    return set_health(container, "healthy");
  }
  const bool forgiven =
      health.status == "starting" && age < or_default(check["StartPeriod"], Duration{0});
  if (forgiven) return;
  const std::int64_t retries = check["Retries"].as_int() == 0 ? 3 : check["Retries"].as_int();
  if (++health.streak >= retries) set_health(container, "unhealthy");
}

void SimEngine::stop_engine(Instant now) {
  advance(now);
  up_ = false;
  for (auto& [id, container] : containers_) {
    if (container.restarting) {
      container.running = container.restarting = false;
      ++container.run;
    } else if (container.running) {
      exited(container, container.ignores_stop() ? 137 : container.program.term_exit_code);
    }
  }
  // Whoever waits gets no answer; removals under way are finished by the next start.
  timers_.clear();
  answers_.clear();
  pulls_.clear();
  for (auto& [id, container] : containers_) {
    container.stop_waiters.clear();
    container.kill_waiters.clear();
    container.restart_waiters.clear();
    container.remove_waiters.clear();
  }
  ring_.clear();
  new_events_.clear();
}

void SimEngine::start_engine(Instant now) {
  advance(now);
  up_ = true;
  std::erase_if(containers_, [](const auto& entry) { return entry.second.removing; });
  for (auto& [id, container] : containers_) {
    const bool stopped = container.manually_stopped && container.policy() != "always";
    container.backoff = Duration{0};
    if (!container.ever_started || stopped) continue;
    container.manually_stopped = false;
    if (restarts(container)) run(container);
  }
}

}  // namespace fairlead::sim
