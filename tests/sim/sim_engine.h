#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/sim_model.h"
#include "tests/sim/wire.h"

// A Docker engine at wire level over virtual time: the same requests, statuses, bodies, error
// texts, events and delays as the two real engines that the conformance table is run on. It is
// never nicer than those. Owned by a test or by SimWorld; one thread; no clock of its own: time is
// what `now` says. What the outside sends is never an error here, it is answered as Docker answers
// it. Invariants: (1) the same calls at the same times give the same bytes; (2) events are in the
// order of their numbers; (3) a timer of an earlier run of a container does nothing.
namespace fairlead::sim {

enum class Dialect { api_1_41, api_1_45 };  // Debian 12's engine, Debian 13's
using Ticket = std::uint64_t;               // a call under way; never 0

class SimEngine {
 public:
  explicit SimEngine(Dialect dialect, std::uint64_t seed = 1);
  // Begins a call. The answer is there at once, or after advance() has passed the time it takes.
  Ticket begin(const HttpCall& call, Instant now);
  std::optional<Answer> take(Ticket ticket);
  std::vector<std::string> take_progress(Ticket ticket);  // new lines of a pull
  void abandon(Ticket ticket);  // the client is gone: a pull nobody waits for ends without effect
  void advance(Instant now);
  std::optional<Duration> next_due() const;  // steady
  // Begins, and lets time pass until the answer is there.
  Answer handle(const HttpCall& call, Instant now);
  Instant now() const { return now_; }
  Dialect dialect() const { return dialect_; }
  // Events. `replay` gives those of the ring that a GET /events asks for, or its error answer.
  struct Replay {
    Answer answer;
    std::vector<EngineEvent> events;
  };
  Replay replay(const HttpCall& call);
  std::vector<EngineEvent> take_new_events();  // since the last call; the ring keeps them too
  static bool event_matches(const Filters& filters, const EngineEvent& event);

  // Stopped: the process is gone with all containers and the ring; started: restart policies hold.
  void stop_engine(Instant now);
  void start_engine(Instant now);
  bool up() const { return up_; }

  // The scene. A local image takes the reference of another one, which stays under its id.
  void add_image(SimImage image, bool tells = false);  // `tells`: as `docker build -t` does
  void add_to_registry(SimPull pull);
  void remove_image(const std::string& ref);  // as an outside `docker rmi -f`
  void add_host_path(const std::string& path) { host_paths_.insert(path); }
  void set_host_paths(std::function<bool(const std::string&)> exists) { exists_ = exists; }
  void take_host_port(int port) { host_ports_.insert(port); }

  // What people do beside us: ordinary calls whose answers nobody reads.
  void outside(const std::string& method, const std::string& path, const Json& body = {});
  void docker_rm_f(const std::string& name);
  void docker_stop(const std::string& name);
  void docker_kill(const std::string& name);
  void docker_pause(const std::string& name);
  void docker_rename(const std::string& name, const std::string& to);
  void docker_update(const std::string& name, const Json& body);
  void docker_network_disconnect(const std::string& network, const std::string& name);
  // The container's main process ends by itself, or by a signal from the host.
  void process_ends(const std::string& name, int exit_code);
  void sicken(const std::string& name);  // until its next start its checks fail, though it answers
  void close_ports(const std::string& name);  // likewise, and it accepts no connection

  const std::map<std::string, SimContainer>& containers() const { return containers_; }  // by id
  const std::map<std::string, SimNetwork>& networks() const { return networks_; }        // by id
  const std::map<std::string, SimVolume>& volumes() const { return volumes_; }           // by name
  const std::map<std::string, SimImage>& images() const { return images_; }  // by reference
  const SimContainer* container(const std::string& name_or_id) const;
  const SimContainer* container_at(const std::string& address) const;  // running, with that IP
  std::uint64_t events_total() const { return event_number_; }

  // All that would matter to a user, as text that is equal for equal worlds: no ids, no times.
  std::string final_world(const std::set<std::string>& volatile_labels = {}) const;

 private:
  using Handler = std::optional<Answer>;  // nothing: the ticket is answered later

  bool newer() const { return dialect_ == Dialect::api_1_45; }
  void at(Duration steady, std::function<void()> act);
  void after(Duration delay, std::function<void()> act);
  void finish(std::vector<Ticket>& waiters, const Answer& answer);
  void emit(const std::string& type, const std::string& action, const std::string& id,
            Labels attributes);
  void emit(const SimContainer& container, const std::string& action, const Labels& more = {});
  void emit_network(const SimNetwork& network, const std::string& action,
                    const std::string& container = "");

  std::optional<Answer> refuse_version(const HttpCall& call, const Target& target) const;
  Handler route(const HttpCall& call, const Target& target, Ticket ticket);
  Handler route_container(const HttpCall& call, const Target& target, Ticket ticket);
  Handler act_on_container(const HttpCall& call, const Target& target, SimContainer& container,
                           Ticket ticket);
  Handler route_network(const HttpCall& call, const Target& target);
  Handler route_volume(const HttpCall& call, const Target& target);
  Handler route_image(const HttpCall& call, const Target& target, Ticket ticket);
  Answer info() const;
  // The body, or the answer that refuses it.
  std::pair<Json, std::optional<Answer>> body_of(const HttpCall& call) const;
  std::pair<Filters, std::optional<Answer>> filters_of(const Target& target,
                                                       const std::set<std::string>& known) const;

  // Containers.
  SimContainer* find_container(const std::string& name_or_id);
  Answer list_containers(const Target& target) const;
  Answer create_container(const HttpCall& call, const Target& target);
  std::optional<Answer> refuse_taken(const std::string& name, const std::string& prefix) const;
  std::optional<Answer> refuse_settings(const Json& body) const;
  std::optional<Answer> refuse_mount(const Json& mount) const;
  std::optional<Answer> refuse_endpoints(const Json& endpoints, int version) const;
  void use_volumes(const SimContainer& container);
  Answer rename(SimContainer& container, const std::string& name);
  Answer update(const HttpCall& call, SimContainer& container);
  Answer archive(const HttpCall& call, const Target& target, const SimContainer& container);
  Answer logs(const Target& target, const SimContainer& container) const;

  // Their lives.
  Handler start(SimContainer& container);
  std::optional<Answer> run(SimContainer& container);  // nothing: it runs
  std::optional<Answer> attach_all(SimContainer& container);
  std::optional<Answer> fail_start(SimContainer& container, int status, int exit_code,
                                   const std::string& error);
  std::optional<Answer> refuse_ports(const SimContainer& container) const;
  void detach_all(SimContainer& container);
  void unmount_all(const SimContainer& container);
  void plan_program(SimContainer& container);
  Handler stop(SimContainer& container, const Target& target, Ticket ticket);
  Handler restart(SimContainer& container, const Target& target, Ticket ticket);
  Handler kill(SimContainer& container, const Target& target, Ticket ticket);
  Handler remove(SimContainer& container, const Target& target, Ticket ticket);
  void destroy(const std::string& id);
  void signal_stop(SimContainer& container, Duration grace);
  void kill_soon(SimContainer& container);
  void exits_after(SimContainer& container, Duration delay, int exit_code);
  void exited(SimContainer& container, int exit_code);
  bool restarts(const SimContainer& container) const;
  void restart_by_policy(SimContainer& container, Duration ran);
  void end_restarting(SimContainer& container);
  Answer pause(SimContainer& container, bool on);
  void plan_probe(SimContainer& container);
  void probe(SimContainer& container);
  void set_health(SimContainer& container, const std::string& status);

  std::vector<SimNetwork*> find_networks(const std::string& name_or_id);
  Answer network_json_answer(const std::string& name);
  Json network_json(const SimNetwork& network, bool with_containers) const;
  Answer create_network(const HttpCall& call);
  std::optional<Answer> choose_subnet(const Json& config, SimNetwork& network) const;
  Answer remove_network(const std::string& name);
  Answer connect(const HttpCall& call, const std::string& name);
  Answer disconnect(const HttpCall& call, const std::string& name);
  std::optional<Answer> attach(const SimContainer& container, SimEndpoint& endpoint,
                               SimNetwork& network);
  bool address_taken(const SimNetwork& network, std::uint32_t address) const;
  Answer create_volume(const HttpCall& call);
  Answer remove_volume(const std::string& name);

  // Images.
  const SimImage* find_image(const std::string& ref) const;
  Handler pull(const Target& target, Ticket ticket);
  void pulled(const std::string& ref);

  Dialect dialect_;
  Random random_;
  Instant now_;
  bool up_ = true;
  Ticket last_ticket_ = 0;
  std::uint64_t timer_number_ = 0;
  std::uint64_t event_number_ = 0;
  std::uint64_t new_events_from_ = 0;
  int last_pid_ = 1000;
  std::map<std::pair<Duration, std::uint64_t>, std::function<void()>> timers_;
  std::map<Ticket, Answer> answers_;  // absent: not there yet, or taken
  std::set<Ticket> abandoned_;        // their answers are thrown away
  std::map<std::string, SimContainer> containers_;
  std::map<std::string, SimNetwork> networks_;
  std::map<std::string, SimVolume> volumes_;
  std::map<std::string, SimImage> images_;
  std::map<std::string, SimPull> registry_;    // by reference; absent: not found there
  std::map<std::string, PullUnderWay> pulls_;  // under way, by reference
  std::deque<EngineEvent> ring_;               // the last 256
  std::vector<EngineEvent> new_events_;
  std::set<std::string> host_paths_;
  std::function<bool(const std::string&)> exists_;
  std::set<int> host_ports_;
};

}  // namespace fairlead::sim
