#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/world.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim_engine.h"
#include "tests/sim/sim_nginx.h"
#include "tests/sim/sim_registry.h"
#include "tests/sim/sim_services.h"

// The simulated outside: a SimEngine, the services in its containers, files in memory, a manifest
// folder, people who act beside us, and faults, all over virtual time. The production loop runs
// over it unchanged. Owned by a test, one thread; outlives the loops that run over it (a loop is a
// daemon's life, the world is the host). Invariants: (1) one seed and the same calls give the same
// run, byte for byte; (2) virtual time moves in wait() only; (3) after a crash nothing of the dead
// daemon's is delivered, but what it had sent takes effect.
namespace fairlead::sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  Dialect dialect = Dialect::api_1_41;
  Duration latency_min = std::chrono::milliseconds(1);  // of one call, there and back
  Duration latency_max = std::chrono::milliseconds(20);
  std::string mounted_secrets = "/run/fairlead/secrets";  // where the area `secrets` is on the host
  std::string edge_folder = "/var/lib/fairlead/edge";     // likewise `edge`
};

// One request to the engine, to a container, to a service or to a file.
struct TraceLine {
  Duration sent{0};    // steady
  std::string method;  // of a file: "WRITE", "REMOVE", "LIST"; of a statement "SQL"; of a program
                       // "RUN"
  std::string path;    // of a container's own server or a service "http://ADDRESS:PORT/…"; of a
                       // file its path; of SQL the statement; of a program its words
  std::string body;    // as sent; of a file empty
  bool writes = false;
  std::uint64_t write = 0;  // its number among the writing requests
  Fault fault = Fault::none;
  std::optional<int> status;  // absent: not answered yet; 0: never

  std::string text() const;  // "1.234 POST /v1.41/containers/create?name=blog.web → 201"
};

struct SimFile {
  std::string content;
  unsigned mode = 0;
};

class SimWorld : public World {
 public:
  explicit SimWorld(const WorldOptions& options = {});

  Instant now() override;
  void submit(Request request) override;
  Event wait(Duration deadline) override;

  SimEngine& engine() { return engine_; }
  SimRegistry& registry() { return registry_; }
  SimServices& services() { return services_; }
  SimNginx& nginx() { return nginx_; }
  FaultPlan& faults() { return faults_; }
  void plan_crash(std::optional<CrashPlan> plan) { crash_ = plan; }
  // What somebody does at the moment at which that writing request leaves; counted as in CrashPlan.
  void at_write(std::uint64_t write, std::function<void()> act) { acts_[write] = std::move(act); }
  // The dead daemon's streams and answers are gone; a new one is told the manifest folder first.
  void restart_daemon();

  // Acts of the outside, now or at a later moment of virtual time.
  void at(Duration steady, std::function<void()> act);
  void after(Duration delay, std::function<void()> act) { at(steady_ + delay, std::move(act)); }
  void engine_down();
  void engine_up();
  void engine_restart(Duration down_for = std::chrono::seconds(2));
  void lose_events(bool lost) { events_lost_ = lost; }
  void jump_wall(Duration by) { wall_offset_ += by; }
  void run_until(Duration steady);  // lets time pass without a daemon; what is for it waits

  // The manifest folder: path → text. Each call sends a ManifestsChanged.
  void set_files(const std::map<std::string, std::string>& files);
  void set_file(const std::string& path, const std::string& text);
  void remove_file(const std::string& path);
  void set_broken_file(const std::string& path, const std::string& error);
  void set_folder_missing(const std::string& message = "no such folder");
  void set_folder_unreadable(const std::string& message = "permission denied");
  void set_secret(const std::string& path, const std::string& content);
  // Of the certificate folder; an empty content: the file is removed.
  void set_certificate(const std::string& path, const std::string& content);
  std::string file(const std::string& path) const;  // its text; empty: none
  void add_to_state(const std::string& path, const std::string& text);
  void lose_state(const std::string& path) { files_[FileCall::Area::state].erase(path); }
  void set_revision(const std::string& revision);
  // Somebody's hand in the folder of the edge; nothing: the file is removed.
  void set_edge_file(const std::string& path, const std::optional<std::string>& content);
  void wipe_edge();
  // What lies at a path of the host: "1:42" (device, inode), or where a link leads.
  void set_host(const std::string& path, const std::string& what);
  // The control socket and signals.
  std::uint64_t command(const std::string& verb, std::map<std::string, std::string> words = {});
  std::optional<Reply> reply(std::uint64_t command) const;
  void platform_changed(std::shared_ptr<const Platform> platform);
  void stop();

  // What was asked of the world.
  const std::vector<TraceLine>& trace() const { return trace_; }
  std::uint64_t calls() const { return calls_; }    // to the engine and to services, all of them
  std::uint64_t writes() const { return writes_; }  // writing requests, files included
  std::string trace_text(bool writes_only = false) const;
  const std::vector<LogRecord>& log() const { return log_; }
  const std::map<std::string, SimFile>& files(FileCall::Area area) const;  // path → file
  // Files of the edge that were written anew with another content, current.conf apart.
  const std::vector<std::string>& rewritten() const { return rewritten_; }
  std::uint64_t edge_writes() const { return edge_writes_; }  // and removals, carried out

 private:
  struct Flight;
  struct Stream {
    Filters filters;
    Duration last{0};  // of the delivery before: a stream keeps its order
  };
  using Key = std::pair<std::uint64_t, RequestId>;  // the daemon's number, its request

  void submit_http(RequestId id, HttpCall call);
  void submit_sql(RequestId id, SqlCall call);
  void submit_process(RequestId id, ProcessCall call);
  void submit_connect(RequestId id, const ConnectCall& call);
  void submit_flight(std::shared_ptr<Flight> flight, TraceLine line);
  void submit_file(RequestId id, FileCall call);
  void subscribe(RequestId id, const HttpCall& call);
  Fault choose_fault(const Flight& flight);
  bool suffers(Fault fault, const Flight& flight) const;
  Answer without_effect(Fault fault, const Flight& flight) const;
  void effect(std::shared_ptr<Flight> flight);
  void watch(std::shared_ptr<Flight> flight);  // its timeout
  void ask_container(std::shared_ptr<Flight> flight);
  void ask_service(std::shared_ptr<Flight> flight);
  Answer connect_to(const std::string& endpoint) const;
  std::string host_file(const std::string& path) const;
  void arrive(std::shared_ptr<Flight> flight, Answer answer);
  Answer act_on_file(const FileCall& call);
  Answer look_at_host(const FileCall& call);
  void begin_write(std::uint64_t write);
  void crash_check(CrashPlan::When when, std::uint64_t write, std::uint64_t daemon);
  void deliver(Duration at, std::uint64_t daemon, Event event,
               std::optional<std::uint64_t> write = {});
  void pump();  // takes what the engine has: answers, progress, events
  void hint(Key key, Stream& stream, const EngineEvent& event);
  void close_streams(const std::string& error);
  Duration latency();
  // To the next thing, at most to `limit`; of a daemon's things only where it is there.
  void step(Duration limit, bool daemon = true);
  void send_reading();

  struct Due {
    std::uint64_t daemon;
    Event event;
    std::optional<std::uint64_t> write;  // the answered writing request
  };

  WorldOptions options_;
  Random random_;
  SimEngine engine_;
  SimRegistry registry_;
  SimServices services_;
  SimNginx nginx_;
  FaultPlan faults_;
  std::optional<CrashPlan> crash_;
  std::map<std::uint64_t, std::function<void()>> acts_;  // number of a writing request → act at it
  Duration steady_{0};
  Duration files_due_{0};  // when the last call to a file is done
  Duration wall_offset_;
  bool events_lost_ = false;
  std::uint64_t daemon_ = 1;  // its number; what is for another one is dropped
  std::uint64_t number_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t fallible_writes_ = 0;  // those that FaultPlan::at_write counts
  std::uint64_t writes_ = 0, commands_ = 0;
  std::map<std::pair<Duration, std::uint64_t>, std::function<void()>> timers_;
  std::map<std::pair<Duration, std::uint64_t>, Due> due_;
  std::map<Ticket, std::shared_ptr<Flight>> flights_;  // begun at the engine, not answered
  std::map<Key, Stream> streams_;
  std::map<FileCall::Area, std::map<std::string, SimFile>> files_;
  FolderReading folder_;
  bool folder_set_ = false;
  std::vector<TraceLine> trace_;
  std::vector<LogRecord> log_;
  std::vector<std::string> rewritten_;
  std::uint64_t edge_writes_ = 0;
  std::map<std::uint64_t, Reply> replies_;
};

}  // namespace fairlead::sim
