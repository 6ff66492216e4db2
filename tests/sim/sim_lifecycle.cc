#include <algorithm>

#include "tests/sim/sim_engine.h"

// The lives of containers: start, stop, kill, removal, restart policies, health. All times as
// measured on the real engines, rounded.
namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kill_takes = milliseconds(20);     // from the signal to die
constexpr Duration cleanup_takes = milliseconds(40);  // from die to the answer
constexpr Duration removal_takes = milliseconds(60);  // from die to destroy
constexpr Duration backoff_min = milliseconds(100);
constexpr Duration backoff_max = seconds(60);
constexpr Duration backoff_reset = seconds(10);
constexpr std::size_t log_max = 100;

const std::map<std::string, int>& signals() {
  static const std::map<std::string, int> known{{"HUP", 1},   {"INT", 2},   {"QUIT", 3},
                                                {"KILL", 9},  {"USR1", 10}, {"USR2", 12},
                                                {"TERM", 15}, {"WINCH", 28}};
  return known;
}

// 0 for what is no signal.
int signal_number(std::string name) {
  if (name.empty()) return 9;
  if (std::isdigit(static_cast<unsigned char>(name[0]))) return std::atoi(name.c_str());
  if (name.starts_with("SIG")) name.erase(0, 3);
  const auto found = signals().find(name);
  return found == signals().end() ? 0 : found->second;
}

Duration grace_of(const SimContainer& container, const Target& target) {
  const std::string given = target.word("t");
  if (!given.empty()) return seconds(std::atoi(given.c_str()));
  return seconds(container.config["StopTimeout"].as_int(10));
}

}  // namespace

SimEngine::Handler SimEngine::start(SimContainer& container) {
  if (container.paused) {
    return answer_error(409, "cannot start a paused container, try unpause instead");
  }
  if (container.running) return answer_empty(304);
  if (container.removing) {
    return answer_error(409, "container is marked for removal and cannot be started");
  }
  container.manually_stopped = false;
  container.restart_count = 0;
  container.backoff = Duration{0};
  if (auto failed = run(container)) return failed;
  return answer_empty(204);
}

std::optional<Answer> SimEngine::fail_start(SimContainer& container, int status, int exit_code,
                                            const std::string& error) {
  container.exit_code = exit_code;
  container.error = error;
  container.running = container.restarting = false;
  detach_all(container);
  return answer_error(status, error);
}

std::optional<Answer> SimEngine::refuse_ports(const SimContainer& container) const {
  const auto overlap = [](const std::string& a, const std::string& b) {
    const auto any = [](const std::string& address) {
      return address.empty() || address == "0.0.0.0";
    };
    return a == b || any(a) || any(b);
  };
  const std::string failed = "driver failed programming external connectivity on endpoint " +
                             container.name + " (" + std::string(64, 'e') + "): ";
  for (const auto& [port, bindings] : container.host_config["PortBindings"].members()) {
    for (const Json& binding : bindings.items()) {
      const std::string& wanted = binding["HostPort"].as_string();
      const std::string& address = binding["HostIp"].as_string();
      const std::string shown = (address.empty() ? "0.0.0.0" : address) + ":" + wanted;
      if (host_ports_.count(std::atoi(wanted.c_str())) > 0) {
        return answer_error(500, failed + "Error starting userland proxy: listen tcp4 " + shown +
                                     ": bind: address already in use");
      }
      for (const auto& [id, other] : containers_) {
        if (!other.running || other.restarting || id == container.id) continue;
        for (const auto& [their_port, theirs] : other.host_config["PortBindings"].members()) {
          for (const Json& their : theirs.items()) {
            if (their["HostPort"].as_string() == wanted &&
                overlap(address, their["HostIp"].as_string())) {
              return answer_error(
                  500, failed + "Bind for " + shown + " failed: port is already allocated");
            }
          }
        }
      }
    }
  }
  return std::nullopt;
}

std::optional<Answer> SimEngine::attach_all(SimContainer& container) {
  const auto message = [](const Answer& answer) {
    return (*Json::parse(answer.body))["message"].as_string();
  };
  std::vector<SimNetwork*> networks;
  for (auto& [name, endpoint] : container.endpoints) {
    // Once attached, an endpoint means that very network, not one that is called the same.
    const std::string& wanted = endpoint.network_id.empty() ? name : endpoint.network_id;
    const std::vector<SimNetwork*> found = find_networks(wanted);
    if (found.size() > 1) {
      return fail_start(container, 400, 128,
                        "network " + name + " is ambiguous (" + std::to_string(found.size()) +
                            " matches found on name)");
    }
    if (found.empty()) return fail_start(container, 404, 128, "network " + wanted + " not found");
    networks.push_back(found.front());
  }
  if (auto refused = refuse_ports(container)) {
    for (const SimNetwork* network : networks) emit_network(*network, "disconnect", container.id);
    return fail_start(container, refused->status, 128, message(*refused));
  }
  std::size_t index = 0;
  for (auto& [name, endpoint] : container.endpoints) {
    if (auto refused = attach(container, endpoint, *networks[index++])) {
      return fail_start(container, refused->status, 128, message(*refused));
    }
  }
  return std::nullopt;
}

void SimEngine::detach_all(SimContainer& container) {
  for (auto& [name, endpoint] : container.endpoints) {
    if (endpoint.endpoint_id.empty()) continue;
    const auto network = networks_.find(endpoint.network_id);
    if (network != networks_.end()) emit_network(network->second, "disconnect", container.id);
    endpoint.endpoint_id.clear();
    endpoint.address.clear();
    endpoint.gateway.clear();
  }
}

std::optional<Answer> SimEngine::run(SimContainer& container) {
  if (auto failed = attach_all(container)) return failed;
  if (!container.program.start_error.empty()) {
    return fail_start(container, 400, 127,
                      (newer() ? "failed to create task for container: " : std::string()) +
                          "failed to create shim task: OCI runtime create failed: runc create "
                          "failed: unable to start container process: " +
                          container.program.start_error + ": unknown");
  }
  for (const Json& mount : container.host_config["Mounts"].items()) {
    if (mount["Type"].as_string() != "volume") continue;
    volumes_.at(mount["Source"].as_string()).empty = false;
    emit("volume", "mount", mount["Source"].as_string(),
         {{"container", container.id},
          {"destination", mount["Target"].as_string()},
          {"driver", "local"},
          {"propagation", ""},
          {"read/write", mount["ReadOnly"].as_bool() ? "false" : "true"}});
  }
  container.running = container.ever_started = true;
  container.restarting = container.paused = container.killed = false;
  container.exit_code = 0;
  container.error.clear();
  container.pid = ++last_pid_;
  container.started = now_;
  ++container.run;
  for (const auto& line : container.program.log) container.log.push_back(line);
  if (container.log.size() > log_max) {
    container.log.erase(container.log.begin(),
                        container.log.end() - static_cast<std::ptrdiff_t>(log_max));
  }
  const Json& test = container.config["Healthcheck"]["Test"];
  const bool checked = !test.empty() && test.items()[0].as_string() != "NONE";
  container.health = checked ? std::optional<SimHealth>(SimHealth()) : std::nullopt;
  emit(container, "start");
  plan_program(container);
  if (checked) plan_probe(container);
  return std::nullopt;
}

void SimEngine::unmount_all(const SimContainer& container) {
  for (const Json& mount : container.host_config["Mounts"].items()) {
    if (mount["Type"].as_string() != "volume") continue;
    emit("volume", "unmount", mount["Source"].as_string(),
         {{"container", container.id}, {"driver", "local"}});
  }
}

void SimEngine::plan_program(SimContainer& container) {
  if (!container.program.runs_for) return;
  exits_after(container, *container.program.runs_for, container.program.exit_code);
}

void SimEngine::exits_after(SimContainer& container, Duration delay, int exit_code) {
  after(delay, [this, id = container.id, run = container.run, exit_code] {
    SimContainer* found = find_container(id);
    if (!found || found->run != run || !found->running || found->restarting) return;
    exited(*found, exit_code);
  });
}

void SimEngine::exited(SimContainer& container, int exit_code) {
  const Duration ran = now_.steady - container.started.steady;
  container.running = container.paused = container.killed = false;
  container.exit_code = exit_code;
  container.finished = now_;
  container.pid = 0;
  ++container.run;
  if (container.health) container.health->status = "unhealthy";  // as soon as its monitor ends
  Labels more{{"exitCode", std::to_string(exit_code)}};
  const auto stops = container.stop_waiters.size();
  if (newer()) {
    more["execDuration"] =
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(ran).count());
    detach_all(container);
    unmount_all(container);
    for (std::size_t i = 0; i < stops; ++i) emit(container, "stop");
    emit(container, "die", more);
  } else {
    emit(container, "die", more);
    detach_all(container);
    unmount_all(container);
    for (std::size_t i = 0; i < stops; ++i) emit(container, "stop");
  }
  if (restarts(container)) restart_by_policy(container, ran);

  const std::string id = container.id;
  if (!container.remove_waiters.empty()) {
    after(removal_takes, [this, id] { destroy(id); });
  }
  after(cleanup_takes, [this, id] {
    SimContainer* found = find_container(id);
    if (!found) return;
    finish(found->stop_waiters, answer_empty(204));
    finish(found->kill_waiters, answer_empty(204));
    if (found->restart_waiters.empty()) return;
    std::optional<Answer> failed = found->running ? std::nullopt : run(*found);
    if (!failed) emit(*found, "restart");
    finish(found->restart_waiters, failed ? *failed : answer_empty(204));
  });
}

bool SimEngine::restarts(const SimContainer& container) const {
  if (container.manually_stopped || container.removing || !up_) return false;
  const std::string policy = container.policy();
  if (policy == "always" || policy == "unless-stopped") return true;
  const std::int64_t most = container.host_config["RestartPolicy"]["MaximumRetryCount"].as_int();
  return policy == "on-failure" && container.exit_code != 0 &&
         (most == 0 || container.restart_count < most);
}

void SimEngine::restart_by_policy(SimContainer& container, Duration ran) {
  if (ran >= backoff_reset) container.backoff = Duration{0};
  container.backoff =
      container.backoff == Duration{0} ? backoff_min : std::min(backoff_max, container.backoff * 2);
  ++container.restart_count;
  container.running = container.restarting = true;
  after(container.backoff, [this, id = container.id, number = container.run] {
    SimContainer* found = find_container(id);
    if (!found || found->run != number || !found->restarting) return;
    found->running = found->restarting = false;
    // A start that fails here is not tried again by the engine.
    run(*found);
  });
}

void SimEngine::end_restarting(SimContainer& container) {
  container.running = container.restarting = false;
  container.manually_stopped = true;
  ++container.run;
}

void SimEngine::kill_soon(SimContainer& container) {
  emit(container, "kill", {{"signal", "9"}});
  if (std::exchange(container.killed, true)) return;
  exits_after(container, kill_takes, 137);
}

void SimEngine::signal_stop(SimContainer& container, Duration grace) {
  const int number = signal_number(
      container.config["StopSignal"].empty() ? "TERM" : container.config["StopSignal"].as_string());
  emit(container, "kill", {{"signal", std::to_string(number)}});
  container.manually_stopped = true;
  if (number == 9 || !container.ignores_stop()) {
    const int code = number == 9 ? 137 : container.program.term_exit_code;
    return exits_after(container, kill_takes, code);
  }
  if (grace < Duration{0}) return;
  after(grace, [this, id = container.id, run = container.run] {
    SimContainer* found = find_container(id);
    if (found && found->run == run && found->running) kill_soon(*found);
  });
}

SimEngine::Handler SimEngine::stop(SimContainer& container, const Target& target, Ticket ticket) {
  if (!container.running) return answer_empty(304);
  if (container.restarting) {
    end_restarting(container);
    emit(container, "stop");
    return answer_empty(204);
  }
  container.stop_waiters.push_back(ticket);
  signal_stop(container, grace_of(container, target));
  return std::nullopt;
}

SimEngine::Handler SimEngine::restart(SimContainer& container, const Target& target,
                                      Ticket ticket) {
  if (container.removing) {
    return answer_error(409, "container is marked for removal and cannot be started");
  }
  const bool runs = container.running && !container.restarting;
  if (container.restarting) end_restarting(container);
  container.restart_count = 0;
  container.backoff = Duration{0};
  if (!runs) {
    container.manually_stopped = false;
    if (auto failed = run(container)) return failed;
    emit(container, "restart");
    return answer_empty(204);
  }
  container.restart_waiters.push_back(ticket);
  container.stop_waiters.push_back(0);  // a restart says "stop" too
  signal_stop(container, grace_of(container, target));
  return std::nullopt;
}

SimEngine::Handler SimEngine::kill(SimContainer& container, const Target& target, Ticket ticket) {
  const int number = signal_number(target.word("signal"));
  if (number == 0) {
    const std::string invalid = "nvalid signal: " + target.word("signal");
    return answer_error(400, newer() ? "cannot kill container: " + container.name + ": i" + invalid
                                     : "I" + invalid);
  }
  if (!container.running) {
    const char* article = newer() ? "cannot kill container: " : "Cannot kill container: ";
    const char* noun = newer() ? ": container " : ": Container ";
    return answer_error(409, article + container.name + noun + container.id + " is not running");
  }
  if (container.restarting) {
    end_restarting(container);
    return answer_empty(204);
  }
  if (number == 9) {
    container.manually_stopped = true;
    container.kill_waiters.push_back(ticket);
    kill_soon(container);
    return std::nullopt;
  }
  emit(container, "kill", {{"signal", std::to_string(number)}});
  if (number == 15) {
    container.manually_stopped = true;
    if (!container.ignores_stop()) {
      exits_after(container, kill_takes, container.program.term_exit_code);
    }
  }
  return answer_empty(204);
}

SimEngine::Handler SimEngine::remove(SimContainer& container, const Target& target, Ticket ticket) {
  if (container.removing) {
    return answer_error(409, "removal of container " + container.id + " is already in progress");
  }
  if (container.running && !target.flag("force")) {
    const std::string state = container.paused       ? "paused"
                              : container.restarting ? "restarting"
                                                     : "running";
    if (newer()) {
      return answer_error(
          409, "cannot remove container \"/" + container.name + "\": container is " + state +
                   (container.paused ? " and must be unpaused first"
                                     : ": stop the container before removing or force remove"));
    }
    return answer_error(
        409, "You cannot remove a " + state + " container " + container.id + ". " +
                 (container.paused ? "Unpause and then stop the container before attempting "
                                     "removal or force remove"
                                   : "Stop the container before attempting removal or force "
                                     "remove"));
  }
  const bool runs = container.running && !container.restarting;
  if (container.restarting) end_restarting(container);
  container.removing = true;
  container.manually_stopped = true;
  container.remove_waiters.push_back(ticket);
  if (runs) {
    kill_soon(container);
    return std::nullopt;
  }
  destroy(container.id);
  return take(ticket);
}

void SimEngine::destroy(const std::string& id) {
  auto found = containers_.extract(id);
  if (found.empty()) return;
  SimContainer& container = found.mapped();
  emit(container, "destroy");
  finish(container.remove_waiters, answer_empty(204));
  finish(container.stop_waiters, answer_empty(204));
  finish(container.kill_waiters, answer_empty(204));
  finish(container.restart_waiters, answer_error(404, "No such container: " + id));
}

void SimEngine::process_ends(const std::string& name, int exit_code) {
  SimContainer* container = find_container(name);
  if (container && container->running && !container->restarting) exited(*container, exit_code);
}

Answer SimEngine::pause(SimContainer& container, bool on) {
  const std::string subject = (newer() ? "container " : "Container ") + container.id;
  if (!on && !container.paused) {
    return answer_error(500, "Container " + container.id + " is not paused");
  }
  if (on && !container.running) return answer_error(409, subject + " is not running");
  if (on && container.paused) {
    return answer_error(409, "Container " + container.id + " is already paused");
  }
  if (on && container.restarting) {
    return answer_error(
        409, "Container " + container.id + " is restarting, wait until the container is running");
  }
  container.paused = on;
  emit(container, on ? "pause" : "unpause");
  if (container.health) {
    if (on) container.health->status = "unhealthy";
    if (!on) plan_probe(container);
  }
  return answer_empty(204);
}

}  // namespace fairlead::sim
