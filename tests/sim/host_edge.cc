#include <algorithm>

#include "providers/nginx/certificates.h"
#include "tests/sim/host.h"

// The invariants over the edge: who is reached through what nginx serves, and when what it sends
// requests to may be stopped.
namespace fairlead::sim {
namespace {

constexpr int http_port = 80;
constexpr int https_port = 443;

std::string label_of(const SimContainer& container, const std::string& key) {
  const auto found = container.labels.find(key);
  return found == container.labels.end() ? "" : found->second;
}

// Whether it is part of the app as visitors know it, made by us.
bool is_main(const SimContainer& container) {
  return label_of(container, "fairlead.process") == "web" && container.name != "forger";
}

}  // namespace

const std::string& edge_manifest() {
  static const std::string text =
      "name: edge\nimage: nginx:1\n"
      "command: [nginx, -c, /etc/nginx/fairlead/current.conf, -g, \"daemon off;\"]\n"
      "health: {http: /generation, port: 8404}\n";
  return text;
}

const std::string& certificate_pem(const std::string& host, int number) {
  static std::map<std::pair<std::string, int>, std::string> made;
  std::string& pem = made[{host, number}];
  if (!pem.empty()) return pem;
  const Keys keys("0123456789abcdef", Secret(std::string(32, static_cast<char>('a' + number))));
  const Duration now = std::chrono::hours(24 * 365 * 60);
  pem = nginx::sign(keys, *nginx::self_signed(keys, {host}, now)).reveal();
  return pem;
}

// Its program takes requests now, and is in a network with the edge.
bool Host::answers(const SimContainer& container, const SimContainer& edge) const {
  if (!container.running || container.restarting || container.paused) return false;
  const Duration age = world_.engine().now().steady - container.started.steady;
  if (age < container.program.listens_after || container.deaf()) return false;
  const auto up = container.program.http.find("/up");
  if (up == container.program.http.end() || up->second.status >= 400) return false;
  if (age < up->second.after) return false;
  return std::any_of(container.endpoints.begin(), container.endpoints.end(),
                     [&](const auto& entry) {
                       const auto same = edge.endpoints.find(entry.first);
                       return same != edge.endpoints.end() && !same->second.endpoint_id.empty() &&
                              same->second.network_id == entry.second.network_id;
                     });
}

// The containers of an app that a request for the host reaches.
std::vector<const SimContainer*> Host::reached(const SimNginx::Live& live,
                                               const std::string& host) const {
  std::vector<const SimContainer*> containers;
  const SimContainer& edge = world_.engine().containers().at(live.container);
  for (const int port : {http_port, https_port}) {
    const auto way = live.configuration.ways.find({port, host});
    if (way == live.configuration.ways.end()) return {};
    containers.clear();
    for (const std::string& address : way->second.addresses) {
      const SimContainer* container = world_.engine().container_at(address);
      if (container && answers(*container, edge)) containers.push_back(container);
    }
    if (containers.empty()) return {};
  }
  return containers;
}

void Host::check_edge() {
  const SimNginx& nginx = world_.nginx();
  for (; untested_ < nginx.untested().size() && !hands_on_edge; ++untested_) {
    violated("S15: generation " + nginx.untested()[untested_] + " serves and was never tested");
  }
  for (; rewritten_ < world_.rewritten().size(); ++rewritten_) {
    violated("S16: the file " + world_.rewritten()[rewritten_] + " was changed");
  }
  // Once it could start it always can: the last good configuration is there after a restart of
  // anything.
  if (std::exchange(edge_writes_, world_.edge_writes()) != world_.edge_writes()) {
    const std::string why = nginx.would_fail();
    if (!why.empty() && could_start_ && !hands_on_edge)
      violated("S20: nginx could not start: " + why);
    could_start_ = could_start_ || why.empty();
  }
  // An engine that restarts stops all that is reached.
  if (!world_.engine().up()) once_reached_.clear();
  const SimNginx::Live* live = nginx.live();
  note_drained(live);
  check_stops(live);
  if (live) check_routes(*live);
}

void Host::check_routes(const SimNginx::Live& live) {
  for (const std::string& app : routed) {
    const auto containers = reached(live, app + ".localhost");
    const bool own = std::all_of(containers.begin(), containers.end(), [&](const auto* container) {
      return label_of(*container, "fairlead.app") == app;
    });
    // A new container of the edge has first to be attached to the apps' networks.
    if (own && !containers.empty()) once_reached_.insert(live.container + " " + app);
    if (!own) violated("S14: a request to " + app + " reaches another app");
    if (containers.empty() && once_reached_.count(live.container + " " + app) > 0) {
      violated("S14: a request to " + app + " reaches no container");
    }
  }
}

// When requests were last sent to a container.
void Host::note_drained(const SimNginx::Live* live) {
  // With the process of nginx all that was on its way has ended.
  const std::string run = live ? live->container + "/" + std::to_string(live->run) : "";
  if (std::exchange(edge_run_, run) != run) {
    receiving_.clear();
    drained_since_.clear();
  }
  std::set<std::string> now;
  if (live) {
    for (const auto& [name, way] : live->configuration.ways) {
      for (const std::string& address : way.addresses) {
        if (const auto* container = engine().container_at(address)) now.insert(container->id);
      }
    }
  }
  for (const std::string& id : receiving_) {
    if (now.count(id) == 0) drained_since_[id] = live->since;
  }
  receiving_ = std::move(now);
}

// What was sent since the last look: nothing that answers is stopped while it is sent requests, or
// before it has had the time to answer them.
void Host::check_stops(const SimNginx::Live* live) {
  for (; stops_seen_ < world_.trace().size(); ++stops_seen_) {
    const TraceLine& line = world_.trace()[stops_seen_];
    const std::string begin = "/containers/";
    const std::size_t at = line.path.find(begin);
    const std::size_t end = line.path.find("/stop", std::min(at, line.path.size()));
    if (!line.writes || line.method != "POST" || end == line.path.npos) continue;
    const SimContainer* stopped =
        engine().container(line.path.substr(at + begin.size(), end - at - begin.size()));
    if (!stopped || !live || !is_main(*stopped)) continue;
    const std::string app = label_of(*stopped, "fairlead.app");
    if (routed.count(app) == 0) continue;
    if (!answers(*stopped, engine().containers().at(live->container))) continue;
    if (receiving_.count(stopped->id) > 0) {
      violated("S17: " + stopped->name + " is stopped while it is sent requests");
    }
    const auto since = drained_since_.find(stopped->id);
    if (since != drained_since_.end() && line.sent < since->second + drain) {
      violated("S17: " + stopped->name + " is stopped before it is drained");
    }
  }
}

// Nothing but what the current generation needs.
void Host::check_rest() {
  const auto& files = world_.files(FileCall::Area::edge);
  const auto needs = [&](const std::string& path, const auto& self) -> std::set<std::string> {
    std::set<std::string> all = {path};
    const auto found = files.find(path);
    if (found == files.end()) {
      violated("S18: the edge needs " + path + ", which is not there");
      return all;
    }
    for (const std::string mark :
         {"include ", "ssl_certificate ", "ssl_certificate_key ", "auth_basic_user_file "}) {
      const std::string& text = found->second.content;
      for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
        const std::size_t from = at + mark.size();
        all.merge(self(text.substr(from, text.find(';', from) - from), self));
      }
    }
    return all;
  };
  if (files.empty()) return;
  const std::set<std::string> used = needs("current.conf", needs);
  for (const auto& [path, file] : files) {
    if (used.count(path) == 0) violated("S18: " + path + " is left in the folder of the edge");
  }
  if (reloads_max > 0 && crashes_ == 0 && world_.nginx().reloads() > reloads_max) {
    violated("S19: " + std::to_string(world_.nginx().reloads()) + " reloads");
  }
}

// Where requests lead, in the end.
std::string Host::edge_text() const {
  const SimNginx::Live* live = world_.nginx().live();
  if (!live) return "";
  std::string text;
  for (const auto& [name, way] : live->configuration.ways) {
    text += "route " + name.second + ":" + std::to_string(name.first) + " → ";
    std::set<std::string> names;
    for (const std::string& address : way.addresses) {
      const SimContainer* container = world_.engine().container_at(address);
      names.insert(container ? container->name : "nobody");
    }
    for (const std::string& one : names) text += one + " ";
    text += (names.empty() ? std::to_string(way.status) : "") + "\n";
  }
  return text;
}

}  // namespace fairlead::sim
