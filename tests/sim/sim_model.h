#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/archive.h"
#include "reconciler/json.h"
#include "reconciler/world.h"

// What the simulated engine is made of: images with the programs in them, containers, networks,
// volumes, events. Plain values, owned by SimEngine, open to tests for reading.
namespace fairlead::sim {

using Labels = std::map<std::string, std::string>;

struct Subnet {
  std::uint32_t base = 0;
  int prefix = 0;
  std::uint32_t mask() const;
  bool contains(std::uint32_t address) const { return (address & mask()) == base; }
  bool overlaps(const Subnet& other) const;
};

// What one path of a program's HTTP server answers, counted from the container's start.
struct HttpPath {
  int status = 200;
  Duration after{0};
  int status_before = 0;  // 0: connections are refused
  std::string body;
  std::string host{};  // not empty: asked for another one, it answers 400
};

// What a container does once started.
struct Program {
  enum class Term { exits, ignored, ignored_without_init };

  std::optional<Duration> runs_for;  // absent: for ever
  int exit_code = 0;                 // when it ends by itself
  std::string start_error;           // not empty: the start fails with 400 and this runtime error
  Term term = Term::exits;           // what the stop signal does
  int term_exit_code = 143;
  std::optional<Duration> healthy_after = Duration{0};  // absent: its health check never succeeds
  std::optional<Duration> unhealthy_after;              // absent: stays healthy
  std::map<std::string, HttpPath> http;                 // path → answer; absent: 404
  std::vector<std::pair<int, std::string>> log;         // stream (1, 2) and line, at each start
  std::string service;        // "mariadb" or "rabbitmq": such a server listens in it
  Duration listens_after{0};  // the server, from the start on
  std::set<int> listens_on;   // ports; empty: on whatever it exposes
};

// An image, local or in a registry. `programs` maps entrypoint and command, joined by spaces, to
// the program they run; absent: `program`.
struct SimImage {
  std::string ref;
  std::string id;  // derived from the reference and the content where it is empty
  Labels labels;
  std::vector<std::string> env;
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  Json healthcheck;
  Program program;
  std::map<std::string, Program> programs;
  std::map<std::string, std::string> files;  // path → content; regular files that can be asked for
  std::map<std::string, FolderEntry> folders;  // path → whose it is; where a volume may be mounted
};

// What a pull of a reference does. `error` empty: the image arrives after `takes`.
struct SimPull {
  SimImage image;
  Duration takes{std::chrono::milliseconds(800)};
  int refused = 0;      // not 0: this status at once, with `error`
  std::string error;    // else an error line inside a 200
  bool arrives = true;  // else it succeeds and the image is not there
};

// A pull that some call waits for: ticket → lines it has not read yet.
struct PullUnderWay {
  std::set<std::uint64_t> waiters;
  std::map<std::uint64_t, std::vector<std::string>> lines;
  std::uint64_t number = 0;
};

struct SimEndpoint {
  std::string network;  // name or id, as the create or connect said it
  std::string network_id;
  std::string endpoint_id;  // empty: not attached now
  std::string fixed_address;
  std::vector<std::string> aliases;
  std::string address;
  std::string gateway;
  int prefix = 0;
};

struct SimHealth {
  std::string status = "starting";
  int streak = 0;
  Json log = Json::array();
};

struct SimContainer {
  std::string id;
  std::string name;
  std::string image;  // as the create said it
  std::string image_id;
  Json config;       // merged with the image's
  Json host_config;  // normalised as the engine does
  Labels labels;
  std::map<std::string, SimEndpoint> endpoints;  // network name → endpoint
  Program program;
  std::map<std::string, std::string> files;    // of its image
  std::map<std::string, FolderEntry> folders;  // likewise

  bool running = false;
  bool paused = false;
  bool restarting = false;
  bool removing = false;
  bool manually_stopped = false;
  bool ever_started = false;
  int exit_code = 0;
  std::string error;
  int pid = 0;
  int restart_count = 0;
  Instant created;
  Instant started;
  std::optional<Instant> finished;
  std::optional<SimHealth> health;
  std::vector<std::pair<int, std::string>> log;

  std::uint64_t run = 0;       // number of the start; timers of an earlier one are void
  Duration backoff{0};         // before the next restart by policy
  bool killed = false;         // a deadly signal is on its way
  std::uint64_t sick_run = 0;  // the start in which its checks fail from now on, though it answers
  std::uint64_t deaf_run = 0;  // likewise in which it accepts no connection
  std::vector<std::uint64_t> stop_waiters;
  std::vector<std::uint64_t> kill_waiters;
  std::vector<std::uint64_t> remove_waiters;
  std::vector<std::uint64_t> restart_waiters;

  std::string status() const;  // "created", "running", "paused", "restarting", "removing", "exited"
  bool ignores_stop() const;
  bool sick() const { return ever_started && sick_run == run; }
  bool deaf() const { return ever_started && deaf_run == run; }
  std::string policy() const { return host_config["RestartPolicy"]["Name"].as_string(); }
};

struct SimNetwork {
  std::string id;
  std::string name;
  std::string driver = "bridge";
  Labels labels;
  std::uint32_t base = 0;  // of the subnet
  int prefix = 0;
  std::string subnet;  // as the create said it
  bool user_subnet = false;
  bool gateway_shown = false;  // a user's subnet without a gateway shows none
  std::uint32_t gateway = 0;
  std::optional<Subnet> range;  // of addresses given by the engine
  bool internal = false;
  std::optional<std::uint32_t> last_given;  // offset into the range, or the subnet
  Instant created;
};

struct SimVolume {
  std::string name;
  std::optional<Labels> labels;
  Json options;
  Instant created;
  FolderEntry folder;
  bool empty = true;  // until a container that mounts it is started
};

struct EngineEvent {
  std::uint64_t number = 0;
  Duration wall{0};
  std::string type;
  std::string action;
  std::string id;
  Labels attributes;
  std::string line;
};

}  // namespace fairlead::sim
