#include "tests/sim/host.h"

#include <algorithm>
#include <regex>
#include <utility>

#include "providers/docker/docker.h"
#include "providers/mariadb/mariadb.h"
#include "providers/nginx/nginx.h"
#include "providers/rabbitmq/rabbitmq.h"

namespace fairlead::sim {
namespace {

constexpr char installation[] = "0123456789abcdef";
constexpr std::chrono::seconds command_limit{60};

bool holds(const SimContainer& container, const std::string& volume) {
  for (const Json& mount : container.host_config["Mounts"].items()) {
    if (mount["Source"].as_string() == volume) return true;
  }
  return false;
}

// Runs, or would run after a restart of the engine.
bool live_or_startable(const SimContainer& container) {
  const std::string status = container.status();
  if (status == "running" || status == "paused" || status == "restarting") return true;
  return status == "exited" && container.policy() == "unless-stopped" &&
         !container.manually_stopped;
}

std::string label_of(const SimContainer& container, const std::string& key) {
  const auto found = container.labels.find(key);
  return found == container.labels.end() ? "" : found->second;
}

}  // namespace

SimImage image(const std::string& ref) {
  SimImage made;
  made.ref = ref;
  made.cmd = {"serve"};
  made.program.http["/up"] = {};
  return made;
}

Host::Host(const HostOptions& options)
    : options_(options), keys_(installation, Secret(std::string(32, 'k'))), world_(options.world) {
  for (const char* ref : {"app:1", "app:2", "app:3"}) engine().add_image(image(ref));
  for (const char* service : {"mariadb", "rabbitmq"}) {
    SimImage served = image(std::string(service) + ":1");
    served.program.service = service;
    served.program.http["/"] = {};
    engine().add_image(served);
  }
  SimImage nginx = image("nginx:1");
  nginx.program.service = "nginx";
  engine().add_image(nginx);
  add_foreigners();
  boot();
}

void Host::add_foreigners() {
  engine().add_image(image("foreign:1"));
  const Json forever =
      Json::object({{"RestartPolicy", Json::object({{"Name", "unless-stopped"}})}});
  const auto run = [this, &forever](const std::string& name, const Json& labels) {
    engine().outside(
        "POST", "/containers/create?name=" + name,
        Json::object({{"Image", "foreign:1"}, {"Labels", labels}, {"HostConfig", forever}}));
    engine().outside("POST", "/containers/" + name + "/start");
  };
  run("stranger", Json::object());
  // Anybody can write our labels; the signature is what he cannot make.
  run("forger", Json::object({{"fairlead.installation", installation},
                              {"fairlead.app", "web"},
                              {"fairlead.process", "web"},
                              {"fairlead.replica", "1"},
                              {"fairlead.fingerprint", "00000000000000000000000000000000"},
                              {"fairlead.signature", std::string(64, '0')}}));
  engine().outside("POST", "/networks/create", Json::object({{"Name", "strangers-net"}}));
  engine().outside("POST", "/volumes/create", Json::object({{"Name", "stranger.data"}}));
  world_.run_until(std::chrono::seconds(2));
  for (const auto& [id, container] : engine().containers()) strangers_.insert(id);
  for (const auto& [id, network] : engine().networks()) strangers_.insert(id);
  for (const auto& [name, volume] : engine().volumes()) strangers_.insert(name);
}

void Host::check_explained() {
  for (const auto& [name, app] : loop_->apps()) {
    const Json shown = loop_->explain(name, world_.now());
    const bool well =
        shown["sync"].as_string() == "Synced" && shown["health"].as_string() == "Healthy";
    const std::string& why = shown["why"].as_string();
    if (!well && (why.empty() || why.find("nothing needs to be done") != why.npos)) {
      violated("S20: " + name + " is " + app.report.reason + ", and " + why);
    }
  }
}

void Host::check_strangers() {
  for (const std::string& stranger : strangers_) {
    const bool there = engine().containers().count(stranger) + engine().networks().count(stranger) +
                           engine().volumes().count(stranger) >
                       0;
    if (!there) violated("S1: " + stranger + " is gone");
  }
}

void Host::boot() {
  Providers providers;
  providers.push_back(mariadb::make_provider(keys_));
  providers.push_back(rabbitmq::make_provider(keys_));
  providers.push_back(nginx::make_provider(keys_));
  providers.push_back(docker::make_provider(keys_));
  const std::vector<LastGood> copies = copies_of("manifests/");
  LoopOptions options;
  options.choices = copies_of("updates/");
  options.images = copies_of("images/");
  options.hosts = copies_of("hosts/");
  options.names = copies_of("names/");
  options.schemes = copies_of("schemes/");
  options.served = copies_of("certificates/");
  options.local = copies_of("local/");
  options.trials = copies_of("trials/");
  options.deaths = copies_of("deaths/");
  options.mode = options_.mode;
  options.seed = options_.world.seed;
  loop_ = std::make_unique<Reconciler>(std::move(providers), platform_, copies, options);
  next_ = Woken{};
}

std::vector<LastGood> Host::copies_of(const std::string& folder) const {
  std::vector<LastGood> copies;
  for (const auto& [path, file] : world_.files(FileCall::Area::state)) {
    if (path.compare(0, folder.size(), folder) != 0) continue;
    const std::string name = path.substr(folder.size());
    copies.push_back({name.substr(0, name.rfind(".json")), file.content});
  }
  return copies;
}

void Host::crash_now() {
  ++crashes_;
  world_.restart_daemon();
  boot();
}

// As live/last_words.h leaves it.
void Host::die_of(const Suspect& suspect) {
  if (!suspect.name.empty())
    world_.add_to_state("deaths/" + suspect.name + ".json", suspect.version + "\n");
  throw DaemonCrashed("by a fault of its own");
}

void Host::turn(Duration limit) {
  try {
    for (Request& request : loop_->handle(next_, world_.now())) {
      if (deadly && deadly(request)) die_of(request.suspect);
      world_.submit(std::move(request));
    }
    check();
    next_ = world_.wait(std::min(loop_->deadline(), limit));
  } catch (const DaemonCrashed&) {
    crash_now();
  }
}

void Host::run(Duration span) {
  const Duration end = world_.now().steady + span;
  while (world_.now().steady < end) turn(end);
}

bool Host::run_until(const std::function<bool()>& done, Duration limit) {
  const Duration end = world_.now().steady + limit;
  while (world_.now().steady < end) {
    turn(end);
    if (done()) return true;
  }
  return false;
}

bool Host::all_well() const {
  if (!loop_->catalog().was_read() || loop_->apps().empty()) return false;
  return std::all_of(loop_->apps().begin(), loop_->apps().end(), [this](const auto& entry) {
    const AppState& app = entry.second;
    if (!app.wanted && !app.removing) return loop_->catalog().entries().count(app.name) == 0;
    return app.report.sync == SyncState::synced && app.report.health == HealthState::healthy;
  });
}

std::string Host::health(const std::string& app) const {
  const auto found = loop_->apps().find(app);
  return found == loop_->apps().end() ? "" : health_name(found->second.report.health);
}

std::string Host::sync(const std::string& app) const {
  const auto found = loop_->apps().find(app);
  return found == loop_->apps().end() ? "" : sync_name(found->second.report.sync);
}

std::string Host::message(const std::string& app) const {
  const auto found = loop_->apps().find(app);
  return found == loop_->apps().end()
             ? ""
             : found->second.report.reason + ": " + found->second.report.message;
}

Reply Host::ask(const std::string& verb, std::map<std::string, std::string> words) {
  const std::uint64_t id = world_.command(verb, std::move(words));
  run_until([&] { return world_.reply(id).has_value(); }, command_limit);
  return world_.reply(id).value_or(Reply{id, 0, {}});
}

std::string Host::final_world() const {
  static const std::regex address("[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+");
  // How a failed one came to its end depends on when it was stopped.
  static const std::regex failed_code("(\\.failed [^\n]* code=)[0-9]+");
  const std::string text = std::regex_replace(world_.engine().final_world(), failed_code, "$1N");
  std::string files;
  for (const auto area : {FileCall::Area::state, FileCall::Area::secrets}) {
    for (const auto& [path, file] : world_.files(area)) files += "file " + path + "\n";
  }
  return std::regex_replace(text, address, "ADDRESS") + files + edge_text() +
         world_.services().text();
}

void Host::violated(const std::string& what) {
  constexpr std::size_t kept_max = 10;
  if (violations_.size() < kept_max) {
    violations_.push_back(std::to_string(world_.now().steady.count() / 1'000'000) + "ms: " + what);
  }
}

void Host::check() {
  check_strangers();
  check_exclusive();
  check_serving();
  check_volumes();
  check_services();
  check_readers();
  check_runs();
  check_edge();
  check_trace();
}

// Nothing of an image is run to read it.
void Host::check_readers() {
  for (const auto& [id, container] : engine().containers()) {
    const bool reader = !label_of(container, "fairlead.image").empty();
    if (reader && container.status() != "created" && container.status() != "removing") {
      violated("S13: the reader " + container.name + " is " + container.status());
    }
    if (reader && !container.endpoints.empty()) violated("S13: a reader is in a network");
  }
}

void Host::check_runs() {
  for (const auto& [id, container] : engine().containers()) {
    Runs& run = runs_[id];
    run.name = container.name;
    if (!container.ever_started || run.started == container.started.steady) continue;
    run.started = container.started.steady;
    ++run.count;
    if (run_once.count(label_of(container, "fairlead.app")) > 0 && runs(run.name) > 1) {
      violated("S14: " + run.name + " runs again");
    }
  }
}

int Host::runs(const std::string& prefix) const {
  int count = 0;
  for (const auto& [id, run] : runs_) {
    if (run.name.starts_with(prefix)) count += run.count;
  }
  return count;
}

void Host::prune() {
  std::vector<std::string> names;
  for (const auto& [id, container] : engine().containers()) {
    const std::string status = container.status();
    if (status == "exited" || status == "created" || status == "dead") names.push_back(id);
  }
  for (const std::string& id : names) engine().outside("DELETE", "/containers/" + id);
}

void Host::check_exclusive() {
  for (const std::string& volume : exclusive) {
    int count = 0;
    for (const auto& [id, container] : engine().containers()) {
      if (holds(container, volume) && live_or_startable(container)) ++count;
    }
    if (count > 1) violated("S3: " + std::to_string(count) + " containers hold " + volume);
  }
}

void Host::check_serving() {
  for (const auto& [app, wanted] : serving) {
    int running = 0;
    for (const auto& [id, container] : engine().containers()) {
      if (label_of(container, "fairlead.app") == app && container.status() == "running") ++running;
    }
    if (running >= wanted && health(app) == "Healthy") served_.insert(app);
    if (running < wanted && served_.count(app) > 0) {
      violated("S10: " + app + " has " + std::to_string(running) + " containers running");
    }
  }
}

void Host::check_volumes() {
  std::set<std::string> now;
  for (const auto& [name, volume] : engine().volumes()) now.insert(name);
  for (const std::string& name : volumes_) {
    if (now.count(name) == 0 && may_lose.count(name) == 0)
      violated("S2: volume " + name + " is gone");
  }
  volumes_ = std::move(now);
}

// S7 and S9 on everything that left since the last look.
void Host::check_trace() {
  for (; traced_ < world_.trace().size(); ++traced_) {
    const TraceLine& line = world_.trace()[traced_];
    // By name or by id: nothing of a stranger's is even asked to change.
    for (const std::string& stranger : strangers_) {
      const bool theirs = line.path.find(stranger) != line.path.npos;
      if (line.writes && theirs) violated("S1: " + line.text());
    }
    const bool service = line.method == "SQL" || line.path.starts_with("http://");
    if (service && shows_password(line.path + line.body)) violated("S7: " + line.text());
    if (line.body.find("\"Privileged\":true") != line.body.npos ||
        line.body.find("\"Binds\"") != line.body.npos) {
      violated("S9: " + line.text());
    }
  }
  for (; logged_ < world_.log().size(); ++logged_) {
    const LogRecord& record = world_.log()[logged_];
    if (shows_password(record.cause + record.resource)) {
      violated("S7: a log line shows a password: " + record.verb + " " + record.resource);
    }
    for (const std::string& secret : secrets) {
      if ((record.cause + record.resource).find(secret) != std::string::npos) {
        violated("S7: a log line shows a secret: " + record.verb + " " + record.resource);
      }
    }
  }
}

}  // namespace fairlead::sim
