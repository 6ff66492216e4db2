#include "tests/sim/sim_engine.h"

#include <algorithm>
#include <cstdlib>

#include "reconciler/check.h"

namespace fairlead::sim {
namespace {

constexpr std::size_t ring_max = 256;

Answer version(bool newer) {
  const std::string api = newer ? "1.45" : "1.41";
  const std::string least = newer ? "1.24" : "1.12";
  const std::string engine = newer ? "26.1.5+dfsg1" : "20.10.24+dfsg1";
  return answer_json(200, Json::object({{"Version", engine},
                                        {"ApiVersion", api},
                                        {"MinAPIVersion", least},
                                        {"Os", "linux"},
                                        {"Arch", "amd64"}}));
}

}  // namespace

SimEngine::SimEngine(Dialect dialect, std::uint64_t seed) : dialect_(dialect), random_(seed) {
  SimNetwork bridge;
  bridge.id = random_.hex(64);
  bridge.name = "bridge";
  bridge.base = *parse_address("172.17.0.0");
  bridge.prefix = 16;
  bridge.subnet = "172.17.0.0/16";
  bridge.gateway = bridge.base + 1;
  bridge.gateway_shown = true;
  networks_[bridge.id] = bridge;
}

void SimEngine::at(Duration steady, std::function<void()> act) {
  timers_[{std::max(steady, now_.steady), ++timer_number_}] = std::move(act);
}

void SimEngine::after(Duration delay, std::function<void()> act) {
  at(now_.steady + delay, std::move(act));
}

std::optional<Duration> SimEngine::next_due() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

void SimEngine::advance(Instant now) {
  FAIRLEAD_CHECK(now.steady >= now_.steady);
  const Duration offset = now.wall - now.steady;
  while (!timers_.empty() && timers_.begin()->first.first <= now.steady) {
    auto timer = timers_.extract(timers_.begin());
    now_ = {timer.key().first, timer.key().first + offset};
    timer.mapped()();
  }
  now_ = now;
}

Ticket SimEngine::begin(const HttpCall& call, Instant now) {
  advance(now);
  const Ticket ticket = ++last_ticket_;
  const Target target = parse_target(call.path);
  std::optional<Answer> answer;
  if (!up_) {
    answer = Answer{0, "", "connect: connection refused"};
  } else if (answer = refuse_version(call, target); !answer) {
    answer = route(call, target, ticket);
  }
  if (answer) answers_[ticket] = *answer;
  return ticket;
}

std::optional<Answer> SimEngine::take(Ticket ticket) {
  auto found = answers_.extract(ticket);
  if (found.empty()) return std::nullopt;
  return std::move(found.mapped());
}

void SimEngine::abandon(Ticket ticket) {
  if (answers_.erase(ticket) == 0) abandoned_.insert(ticket);
  for (auto& [ref, pull] : pulls_) pull.waiters.erase(ticket);
  std::erase_if(pulls_, [](const auto& entry) { return entry.second.waiters.empty(); });
}

void SimEngine::finish(std::vector<Ticket>& waiters, const Answer& answer) {
  for (const Ticket ticket : std::exchange(waiters, {})) {
    if (ticket != 0 && abandoned_.erase(ticket) == 0) answers_[ticket] = answer;
  }
}

Answer SimEngine::handle(const HttpCall& call, Instant now) {
  const Ticket ticket = begin(call, now);
  for (;;) {
    if (auto answer = take(ticket)) return *answer;
    const auto due = next_due();
    FAIRLEAD_CHECK(due.has_value());
    advance({*due, *due + (now_.wall - now_.steady)});
  }
}

std::optional<Answer> SimEngine::refuse_version(const HttpCall&, const Target& target) const {
  if (target.version == 0) return std::nullopt;
  const int most = newer() ? 45 : 41;
  const int least = newer() ? 24 : 12;
  const std::string asked = "client version 1." + std::to_string(target.version);
  if (target.version > most) {
    return answer_error(
        400, asked + " is too new. Maximum supported API version is 1." + std::to_string(most));
  }
  if (target.version < least) {
    return Answer{400,
                  asked + " is too old. Minimum supported API version is 1." +
                      std::to_string(least) + ", please upgrade your client to a newer version\n",
                  ""};
  }
  return std::nullopt;
}

SimEngine::Handler SimEngine::route(const HttpCall& call, const Target& target, Ticket ticket) {
  const std::string& first = target.part(0);
  const bool get = call.method == "GET";
  if (first == "_ping") return Answer{200, "OK", ""};
  if (first == "version" && get) return version(newer());
  if (first == "info" && get) return info();
  if (first == "containers") return route_container(call, target, ticket);
  if (first == "networks") return route_network(call, target);
  if (first == "volumes") return route_volume(call, target);
  if (first == "images") return route_image(call, target, ticket);
  if (first == "events" && get) return replay(call).answer;
  return answer_error(404, "page not found");
}

Answer SimEngine::info() const {
  const auto count = [&](const std::string& status) {
    return static_cast<std::int64_t>(
        std::count_if(containers_.begin(), containers_.end(),
                      [&](const auto& entry) { return entry.second.status() == status; }));
  };
  return answer_json(200,
                     Json::object({{"ID", "SIMU:LATE"},
                                   {"Containers", static_cast<std::int64_t>(containers_.size())},
                                   {"ContainersRunning", count("running")},
                                   {"ContainersPaused", count("paused")},
                                   {"Images", static_cast<std::int64_t>(images_.size())},
                                   {"Driver", "overlay2"},
                                   {"CgroupVersion", newer() ? "2" : "1"},
                                   {"NCPU", 2},
                                   {"MemTotal", std::int64_t{8} << 30},
                                   {"OperatingSystem", "simulated"}}));
}

std::pair<Json, std::optional<Answer>> SimEngine::body_of(const HttpCall& call) const {
  const std::string prefix = newer() ? "invalid JSON: " : "";
  const int status = newer() ? 400 : 500;
  if (call.body.empty()) {
    return {
        Json(),
        answer_error(status, newer() ? "invalid JSON: got EOF while reading request body" : "EOF")};
  }
  const Result<Json> json = Json::parse(call.body);
  if (!json) return {Json(), answer_error(status, prefix + "unexpected EOF")};
  for (const Json* part : {&*json, &(*json)["HostConfig"]}) {
    for (const char* key : {"Memory", "MemorySwap", "NanoCpus", "PidsLimit", "CpuShares"}) {
      const Json& value = (*part)[key];
      if (value.is_null() || value.is_int()) continue;
      return {Json(),
              answer_error(status, prefix +
                                       "json: cannot unmarshal string into Go struct "
                                       "field HostConfig.HostConfig." +
                                       (newer() ? "Resources." : "") + key + " of type int64")};
    }
  }
  return {*json, std::nullopt};
}

std::pair<Filters, std::optional<Answer>> SimEngine::filters_of(
    const Target& target, const std::set<std::string>& known) const {
  const std::optional<Filters> filters = parse_filters(target.word("filters"));
  if (!filters) {
    return {{},
            newer() ? answer_error(400, "invalid filter")
                    : answer_error(500, "invalid character 'b' looking for beginning of value")};
  }
  for (const auto& [key, values] : *filters) {
    if (known.count(key) > 0) continue;
    return {{}, answer_error(400, (newer() ? "invalid filter '" : "Invalid filter '") + key + "'")};
  }
  return {*filters, std::nullopt};
}

void SimEngine::emit(const std::string& type, const std::string& action, const std::string& id,
                     Labels attributes) {
  EngineEvent event;
  event.number = ++event_number_;
  event.wall = now_.wall;
  // No two events of one moment bear the same stamp.
  if (!ring_.empty() && event.wall <= ring_.back().wall &&
      ring_.back().wall - event.wall < std::chrono::microseconds(1)) {
    event.wall = ring_.back().wall + Duration(1);
  }
  event.type = type;
  event.action = action;
  event.id = id;
  event.attributes = std::move(attributes);
  Json json = Json::object();
  if (type == "container" || type == "image") {
    json.set("status", action);
    json.set("id", id);
    if (type == "container") json.set("from", event.attributes["image"]);
  }
  json.set("Type", type).set("Action", action);
  json.set("Actor", Json::object({{"ID", id}, {"Attributes", to_json(event.attributes)}}));
  json.set("scope", "local");
  json.set("time", static_cast<std::int64_t>(event.wall.count() / 1'000'000'000));
  json.set("timeNano", static_cast<std::int64_t>(event.wall.count()));
  event.line = json.dump();
  ring_.push_back(event);
  if (ring_.size() > ring_max) ring_.pop_front();
  new_events_.push_back(std::move(event));
}

void SimEngine::emit(const SimContainer& container, const std::string& action, const Labels& more) {
  Labels attributes = container.labels;
  attributes["image"] = container.image;
  attributes["name"] = container.name;
  for (const auto& [key, value] : more) attributes[key] = value;
  emit("container", action, container.id, std::move(attributes));
}

void SimEngine::emit_network(const SimNetwork& network, const std::string& action,
                             const std::string& container) {
  Labels attributes{{"name", network.name}, {"type", network.driver}};
  if (!container.empty()) attributes["container"] = container;
  emit("network", action, network.id, std::move(attributes));
}

std::vector<EngineEvent> SimEngine::take_new_events() { return std::exchange(new_events_, {}); }

bool SimEngine::event_matches(const Filters& filters, const EngineEvent& event) {
  if (!any_equal(filters, "type", event.type) || !labels_match(filters, event.attributes)) {
    return false;
  }
  const auto actions = filters.find("event");
  if (actions != filters.end()) {
    // As in the engine: "health_status" names "health_status: healthy" too.
    const std::string head = event.action.substr(0, event.action.find(':'));
    const bool any = std::any_of(
        actions->second.begin(), actions->second.end(),
        [&](const std::string& action) { return action == event.action || action == head; });
    if (!any) return false;
  }
  const auto named = [&](const char* type) {
    if (filters.count(type) == 0) return true;
    if (event.type != type) return false;
    const auto name = event.attributes.find("name");
    return any_equal(filters, type, event.id) ||
           (name != event.attributes.end() && any_equal(filters, type, name->second));
  };
  return named("container") && named("network") && named("volume") && named("image");
}

SimEngine::Replay SimEngine::replay(const HttpCall& call) {
  const Target target = parse_target(call.path);
  if (!up_) return {Answer{0, "", "connect: connection refused"}, {}};
  if (auto refused = refuse_version(call, target)) return {*refused, {}};
  const auto [filters, refused] =
      filters_of(target, {"type", "event", "label", "container", "network", "volume", "image",
                          "daemon", "plugin", "scope", "service", "node", "secret", "config"});
  if (refused) return {*refused, {}};
  Replay replay{answer_empty(200), {}};
  const std::string since = target.word("since");
  if (since.empty()) return replay;
  char* end = nullptr;
  const std::int64_t seconds = std::strtoll(since.c_str(), &end, 10);
  std::string fraction = *end == '.' ? std::string(end + 1).substr(0, 9) : "";
  if (end == since.c_str()) {
    return {answer_error(500, "strconv.ParseInt: parsing \"" + since + "\": invalid syntax"), {}};
  }
  fraction.resize(9, '0');
  const Duration from(seconds * 1'000'000'000 + std::strtoll(fraction.c_str(), nullptr, 10));
  // The scan goes backwards and stops at the first older stamp, as in the engine.
  for (auto event = ring_.rbegin(); event != ring_.rend() && event->wall >= from; ++event) {
    if (event_matches(filters, *event)) replay.events.push_back(*event);
  }
  std::reverse(replay.events.begin(), replay.events.end());
  return replay;
}

void SimEngine::outside(const std::string& method, const std::string& path, const Json& body) {
  HttpCall call;
  call.method = method;
  call.path = path;
  if (!body.is_null()) call.body = body.dump();
  abandon(begin(call, now_));
}

void SimEngine::docker_rm_f(const std::string& name) {
  outside("DELETE", "/containers/" + name + "?force=1");
}
void SimEngine::docker_stop(const std::string& name) {
  outside("POST", "/containers/" + name + "/stop");
}
void SimEngine::docker_kill(const std::string& name) {
  outside("POST", "/containers/" + name + "/kill");
}
void SimEngine::docker_pause(const std::string& name) {
  outside("POST", "/containers/" + name + "/pause");
}
void SimEngine::docker_rename(const std::string& name, const std::string& to) {
  outside("POST", "/containers/" + name + "/rename?name=" + to);
}
void SimEngine::docker_update(const std::string& name, const Json& body) {
  outside("POST", "/containers/" + name + "/update", body);
}
void SimEngine::docker_network_disconnect(const std::string& network, const std::string& name) {
  outside("POST", "/networks/" + network + "/disconnect",
          Json::object({{"Container", name}, {"Force", true}}));
}

}  // namespace fairlead::sim
