#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "reconciler/keys.h"
#include "reconciler/reconciler.h"
#include "tests/sim/sim_world.h"

// A simulated host with a daemon on it: the production loop over a SimWorld, started again whenever
// the world says that it crashed, and the safety invariants checked after every single event. Owned
// by a test; one thread; violations are collected and not thrown, so that a run shows all of them.
namespace fairlead::sim {

// An image whose program runs for ever and answers GET /up.
SimImage image(const std::string& ref);

// The manifests of the two services, by file. Their images are on every simulated host.
const std::map<std::string, std::string>& service_manifests();
// That of the edge; its image is there, too.
const std::string& edge_manifest();
// Key and chain of a certificate for the host, in one text; always the same of the same number.
const std::string& certificate_pem(const std::string& host, int number = 1);

struct HostOptions {
  WorldOptions world;
  Reconciler::Mode mode = Reconciler::Mode::daemon;
};

class Host {
 public:
  explicit Host(const HostOptions& options = {});

  SimWorld& world() { return world_; }
  SimEngine& engine() { return world_.engine(); }
  SimMariaDb& mariadb() { return *world_.services().mariadb(); }
  SimRabbitMq& rabbitmq() { return *world_.services().rabbitmq(); }
  const Reconciler& loop() const { return *loop_; }
  const Keys& keys() const { return keys_; }
  std::shared_ptr<Platform> platform() { return platform_; }

  // Runs the daemon for so much virtual time.
  void run(Duration span);
  // Runs until the status of every app is as said, at most for `limit`; false: it never was.
  bool run_until(const std::function<bool()>& done, Duration limit);
  bool all_well() const;  // every app Synced and Healthy
  void crash_now();       // the daemon dies between two events, and is started again
  int crashes() const { return crashes_; }
  // What ends the daemon by a fault of its own when it is asked, or its answer read.
  std::function<bool(const Request&)> deadly;

  std::string health(const std::string& app) const;  // "Healthy"
  std::string sync(const std::string& app) const;
  std::string message(const std::string& app) const;
  // Posts a command and runs until it is answered.
  Reply ask(const std::string& verb, std::map<std::string, std::string> words = {});

  // The world as users see it, without what depends on the order of events: ids, times, addresses.
  std::string final_world() const;

  // What the invariants may rely on in this run.
  std::set<std::string> exclusive;  // volumes that at most one container may hold
  // Volumes that may be removed, and data of services: "database web", "vhost web".
  std::set<std::string> may_lose;
  std::map<std::string, int>
      serving;  // app → running containers it must always have, once it had them
  std::set<std::string> run_once;       // apps each of whose containers, by name, may run only once
  std::set<std::string> steady_logins;  // apps whose containers' passwords must open at any moment
  std::vector<std::string> secrets;     // texts that must not show in any log line or label
  // Apps that whoever asks the edge for their default host must always reach, once one did.
  std::set<std::string> routed;
  Duration drain{std::chrono::seconds(10)};  // of the apps that are routed
  bool hands_on_edge = false;                // somebody changes the edge's files
  int reloads_max = 0;                       // of a run without a crash; 0: not said
  // How often containers ran whose names begin so, also of those that are gone.
  int runs(const std::string& prefix) const;
  // `docker container prune -f`
  void prune();
  // What must hold of the edge where nothing is left to do.
  void check_rest();
  // That `explain` says what comes next of each app that is not well.
  void check_explained();
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  void boot();
  std::vector<LastGood> copies_of(const std::string& folder) const;
  void turn(Duration limit);
  [[noreturn]] void die_of(const Suspect& suspect);
  void add_foreigners();
  void check();
  void check_strangers();
  void check_exclusive();
  void check_serving();
  void check_volumes();
  void check_trace();
  void check_readers();
  void check_runs();

  // host_services.cc
  struct Url;
  void check_services();
  void check_client(const SimContainer& container, const Url& url);
  void connect(const SimContainer& container, const Url& url, const std::string& key);
  bool reaches(const SimContainer& container, const std::string& alias);
  void add_foreign_accounts();
  std::string foreign_accounts();
  void check_data();
  void learn_passwords();
  bool shows_password(const std::string& text) const;
  void violated(const std::string& what);

  // host_edge.cc
  bool answers(const SimContainer& container, const SimContainer& edge) const;
  std::vector<const SimContainer*> reached(const SimNginx::Live& live,
                                           const std::string& host) const;
  void check_edge();
  void check_routes(const SimNginx::Live& live);
  void note_drained(const SimNginx::Live* live);
  void check_stops(const SimNginx::Live* live);
  std::string edge_text() const;

  HostOptions options_;
  Keys keys_;
  std::shared_ptr<Platform> platform_ = std::make_shared<Platform>();
  mutable SimWorld world_;  // to look at it is to let it look, too
  std::unique_ptr<Reconciler> loop_;
  Event next_ = Woken{};
  int crashes_ = 0;
  std::set<std::string> strangers_;  // ids of what was there before us
  std::set<std::string> volumes_;
  struct Runs {
    std::string name;
    Duration started{0};
    int count = 0;
  };
  std::map<std::string, Runs> runs_;  // by the container's id
  std::set<std::string> served_;      // apps that had all their serving containers once
  std::size_t traced_ = 0;
  std::size_t logged_ = 0;
  std::map<std::string, std::uint64_t> clients_;  // container, start and service → session, or 0
  int beginnings_ = 0;                            // of servers, at the last look
  std::uint64_t writes_ = 0;                      // at the last look
  std::string foreign_;                           // accounts as people made them
  std::set<std::string> data_;                    // "database web"
  std::map<std::string, std::vector<std::string>> passwords_;  // of each app; "": of the services
  std::uint64_t edge_writes_ = 0;                              // at the last look
  bool could_start_ = false;  // nginx, with the files that were there
  std::string edge_run_;      // container and start of the nginx that served at the last look
  std::set<std::string> once_reached_;             // container of the edge and app
  std::set<std::string> receiving_;                // ids of containers that are sent requests
  std::map<std::string, Duration> drained_since_;  // id of one that was → since when it is not
  std::size_t untested_ = 0, rewritten_ = 0, stops_seen_ = 0;  // looked at
  std::vector<std::string> violations_;
};

}  // namespace fairlead::sim
