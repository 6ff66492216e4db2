#include "tests/sim/sim_world.h"

#include <algorithm>
#include <cstdio>

#include "reconciler/check.h"
#include "reconciler/json_sieve.h"
#include "tests/sim/sim_flight.h"

namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration epoch = seconds(1'767'225'600);  // 2026-01-01

std::string clock_text(Duration steady) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(steady.count()) / 1e9);
  return text;
}

// Only the lines that contain "error", as World promises for calls with progress.
std::string errors_only(const std::string& body) {
  std::string kept;
  std::size_t from = 0;
  while (from < body.size()) {
    const std::size_t end = std::min(body.find('\n', from), body.size() - 1) + 1;
    const std::string line = body.substr(from, end - from);
    if (line.find("error") != std::string::npos) kept += line;
    from = end;
  }
  return kept;
}

}  // namespace

std::string TraceLine::text() const {
  std::string line = clock_text(sent) + " " + method + " " + path;
  if (fault != Fault::none) line += std::string(" [") + fault_name(fault) + "]";
  return line + (status ? " → " + std::to_string(*status) : " → …");
}

SimWorld::SimWorld(const WorldOptions& options)
    : options_(options),
      random_(options.seed),
      engine_(options.dialect, options.seed),
      services_(engine_, [this](const std::string& path) { return host_file(path); }),
      nginx_(*this, options.seed),
      wall_offset_(epoch) {
  engine_.advance(now());
  engine_.set_host_paths([this](const std::string& path) {
    if (path == options_.edge_folder) return files_.count(FileCall::Area::edge) > 0;
    if (files_[FileCall::Area::host].count(path) > 0) return true;
    if (!path.starts_with(options_.mounted_secrets)) return false;
    const std::string inner =
        path.substr(std::min(path.size(), options_.mounted_secrets.size() + 1));
    const auto& secrets = files_[FileCall::Area::secrets];
    return std::any_of(secrets.begin(), secrets.end(), [&](const auto& file) {
      return (inner.empty() || file.first == inner || file.first.starts_with(inner + "/"));
    });
  });
}

Instant SimWorld::now() { return {steady_, steady_ + wall_offset_}; }

Duration SimWorld::latency() {
  return random_.between(options_.latency_min / 2, options_.latency_max / 2);
}

void SimWorld::at(Duration steady, std::function<void()> act) {
  timers_[{std::max(steady, steady_), ++number_}] = std::move(act);
}

void SimWorld::deliver(Duration at, std::uint64_t daemon, Event event,
                       std::optional<std::uint64_t> write) {
  due_[{std::max(at, steady_), ++number_}] = Due{daemon, std::move(event), write};
}

void SimWorld::submit(Request request) {
  if (auto* call = std::get_if<HttpCall>(&request.what)) {
    submit_http(request.id, std::move(*call));
  } else if (auto* sql = std::get_if<SqlCall>(&request.what)) {
    submit_sql(request.id, std::move(*sql));
  } else if (auto* process = std::get_if<ProcessCall>(&request.what)) {
    submit_process(request.id, std::move(*process));
  } else if (const auto* connect = std::get_if<ConnectCall>(&request.what)) {
    submit_connect(request.id, *connect);
  } else if (auto* file = std::get_if<FileCall>(&request.what)) {
    submit_file(request.id, std::move(*file));
  } else if (auto* stream = std::get_if<Subscribe>(&request.what)) {
    subscribe(request.id, stream->call);
  } else if (auto* end = std::get_if<Unsubscribe>(&request.what)) {
    streams_.erase({daemon_, end->stream});
  } else if (auto* reply = std::get_if<Reply>(&request.what)) {
    FAIRLEAD_CHECK(replies_.count(reply->command) == 0);
    replies_[reply->command] = std::move(*reply);
  } else {
    log_.push_back(std::move(std::get<LogRecord>(request.what)));
  }
}

void SimWorld::begin_write(std::uint64_t write) {
  if (auto act = acts_.extract(write)) at(steady_, std::move(act.mapped()));
  crash_check(CrashPlan::When::before_send, write, daemon_);
}

void SimWorld::crash_check(CrashPlan::When when, std::uint64_t write, std::uint64_t daemon) {
  if (!crash_ || crash_->when != when || crash_->write != write || daemon != daemon_) return;
  crash_.reset();
  sometimes().count(std::string("crash ") + crash_name(when));
  throw DaemonCrashed(std::string(crash_name(when)) + " of writing request " +
                      std::to_string(write));
}

bool SimWorld::suffers(Fault fault, const Flight& flight) const {
  const HttpCall& call = flight.call;
  const bool to_engine = flight.to == Flight::To::engine;
  const Target target = parse_target(call.path);
  switch (fault) {
    case Fault::none:
    case Fault::event_lost:
    case Fault::event_too_long:
    case Fault::event_duplicated:
    case Fault::event_reordered:
    case Fault::reload_lost:
    case Fault::reload_slow:
      return false;
    case Fault::conflict:
      return to_engine && flight.writes;
    case Fault::not_found:
      return to_engine && target.part(0) == "containers" && target.parts.size() > 1 &&
             target.part(1) != "json" && target.part(1) != "create";
    case Fault::list_missing:
      return to_engine && !flight.writes &&
             (call.path.find("/containers/json") != std::string::npos ||
              (target.part(0) == "networks" && target.parts.size() == 1));
    case Fault::engine_restart:
      return to_engine;
    default:
      return true;
  }
}

Fault SimWorld::choose_fault(const Flight& flight) {
  const std::uint64_t index = calls_++;
  const std::uint64_t write = flight.writes ? fallible_writes_++ : 0;
  Fault chosen = Fault::none;
  if (const auto found = faults_.at.find(index); found != faults_.at.end()) chosen = found->second;
  const auto at_write = faults_.at_write.find(write);
  if (flight.writes && at_write != faults_.at_write.end()) chosen = at_write->second;
  for (const auto& [fault, probability] : faults_.chance) {
    if (chosen == Fault::none && suffers(fault, flight) && random_.chance(probability)) {
      chosen = fault;
    }
  }
  if (!suffers(chosen, flight)) return Fault::none;
  sometimes().count(std::string("fault ") + fault_name(chosen));
  return chosen;
}

void SimWorld::submit_http(RequestId id, HttpCall call) {
  auto flight = std::make_shared<Flight>();
  flight->id = id;
  const bool to_engine = call.endpoint == "engine";
  const bool to_service = call.login && call.endpoint != SimRegistry::place;
  if (!to_engine) flight->to = to_service ? Flight::To::service : Flight::To::container;
  flight->writes = call.writes();
  TraceLine line;
  line.method = call.method;
  line.path = to_engine ? call.path : "http://" + call.endpoint + call.path;
  line.body = call.body;
  flight->call = std::move(call);
  submit_flight(std::move(flight), std::move(line));
}

void SimWorld::submit_flight(std::shared_ptr<Flight> flight, TraceLine line) {
  flight->daemon = daemon_;
  if (flight->writes) flight->write = writes_++;
  if (flight->write) begin_write(*flight->write);
  if (flight->to != Flight::To::container) flight->fault = choose_fault(*flight);
  flight->trace = trace_.size();
  line.sent = steady_;
  line.writes = flight->writes;
  line.write = flight->write.value_or(0);
  line.fault = flight->fault;
  trace_.push_back(std::move(line));
  Duration delay = latency();
  if (flight->fault == Fault::slow) delay += random_.between(milliseconds(100), seconds(3));
  at(steady_ + delay, [this, flight] {
    effect(flight);
    if (flight->write) crash_check(CrashPlan::When::after_send, *flight->write, flight->daemon);
  });
  flight->last_line = steady_;
  watch(flight);
}

void SimWorld::watch(std::shared_ptr<Flight> flight) {
  at(flight->last_line + flight->call.timeout, [this, flight] {
    if (flight->over) return;
    if (flight->last_line + flight->call.timeout > steady_) return watch(flight);
    if (flight->ticket != 0) engine_.abandon(flight->ticket);
    flights_.erase(flight->ticket);
    arrive(flight, {0, "", "timed out"});
  });
}

Answer SimWorld::without_effect(Fault fault, const Flight& flight) const {
  switch (fault) {
    case Fault::refused:
      return {0, "", "connect: connection refused"};
    case Fault::cut_before_effect:
      return {0, "", "connection reset by peer"};
    case Fault::conflict: {
      const Target target = parse_target(flight.call.path);
      return flight.call.method == "DELETE"
                 ? answer_error(
                       409, "removal of container " + target.part(1) + " is already in progress")
                 : answer_error(409, "Conflict.");
    }
    case Fault::not_found:
      return answer_error(404, "No such container: " + parse_target(flight.call.path).part(1));
    default:
      if (flight.sql) return {1317, "interrupted", "Query execution was interrupted"};
      return answer_error(500, "simulated failure");
  }
}

void SimWorld::effect(std::shared_ptr<Flight> flight) {
  if (flight->over) return;
  // A pull ends with its client; all else that was sent is done.
  if (flight->call.progress && flight->daemon != daemon_) return;
  switch (flight->fault) {
    case Fault::hang:
      return;
    case Fault::refused:
    case Fault::cut_before_effect:
    case Fault::error_before_effect:
    case Fault::conflict:
    case Fault::not_found:
      return arrive(flight, without_effect(flight->fault, *flight));
    case Fault::engine_restart:
      engine_restart();
      return arrive(flight, {0, "", "connection reset by peer"});
    default:
      break;
  }
  if (flight->to == Flight::To::container) return ask_container(flight);
  if (flight->to == Flight::To::service) return ask_service(flight);
  if (flight->to == Flight::To::process) return arrive(flight, nginx_.test(*flight->process));
  flight->ticket = engine_.begin(flight->call, now());
  flights_[flight->ticket] = flight;
  pump();
}

void SimWorld::ask_container(std::shared_ptr<Flight> flight) {
  if (flight->over) return;
  const std::string& endpoint = flight->call.endpoint;
  if (flight->connects) return arrive(flight, connect_to(endpoint));
  if (endpoint == SimRegistry::place) {
    if (const auto answer = registry_.ask(flight->call)) arrive(flight, *answer);
    return;
  }
  const SimContainer* container = engine_.container_at(endpoint.substr(0, endpoint.rfind(':')));
  if (container && container->paused) return;  // until the timeout
  if (container && container->program.service == "nginx") {
    if (nginx_.traps.silent) return;  // until the timeout
    const auto answer =
        nginx_.ask(*container, endpoint.substr(endpoint.rfind(':') + 1), flight->call.path);
    return arrive(flight, answer.value_or(Answer{0, "", "connect: connection refused"}));
  }
  if (!container || container->program.http.empty() || !connect_to(endpoint).ok()) {
    return arrive(flight, {0, "", "connect: connection refused"});
  }
  const auto& paths = container->program.http;
  const auto found = paths.find(flight->call.path.substr(0, flight->call.path.find('?')));
  if (container->sick()) return arrive(flight, {503, "overloaded\n", ""});
  if (found == paths.end()) return arrive(flight, {404, "not found\n", ""});
  const HttpPath& path = found->second;
  const auto& headers = flight->call.headers;
  const std::pair<std::string, std::string> own{"Host", path.host};
  if (!path.host.empty() && std::find(headers.begin(), headers.end(), own) == headers.end()) {
    return arrive(flight, {400, "\nInvalid HTTP_HOST header\n<p>more", ""});
  }
  if (steady_ - container->started.steady >= path.after) {
    return arrive(flight, {path.status, path.body, ""});
  }
  if (path.status_before != 0) return arrive(flight, {path.status_before, "", ""});
  arrive(flight, {0, "", "connect: connection refused"});
}

void SimWorld::arrive(std::shared_ptr<Flight> flight, Answer answer) {
  flight->over = true;
  if (flight->fault == Fault::cut_after_effect) answer = {0, "", "connection reset by peer"};
  if (flight->fault == Fault::error_after_effect) answer = without_effect(flight->fault, *flight);
  if (flight->fault == Fault::list_missing && answer.ok()) {
    Json::Array items = Json::parse(answer.body).value().items();
    if (!items.empty()) items.erase(items.begin() + static_cast<long>(random_.below(items.size())));
    answer = answer_json(200, Json::array(items));
  }
  if (flight->call.progress && answer.ok()) answer.body = errors_only(answer.body);
  if (!flight->call.keep.empty() && answer.status == 200) {
    JsonSieve sieve(flight->call.keep);
    sieve.feed(answer.body);
    answer.body = sieve.take();
  }
  if (answer.body.size() > flight->call.body_max) {
    answer = {0, "", "the answer is too long"};
    answer.too_long = true;
  }
  trace_[flight->trace].status = answer.status;
  deliver(steady_ + latency(), flight->daemon, Answered{flight->id, std::move(answer)},
          flight->write);
}

void SimWorld::subscribe(RequestId id, const HttpCall& call) {
  const Key key{daemon_, id};
  trace_.push_back({steady_, call.method, call.path, "", false, 0, Fault::none, {}});
  const std::size_t line = trace_.size() - 1;
  Flight asked;
  asked.call = call;
  const Fault fault = choose_fault(asked);
  at(steady_ + latency(), [this, key, asked, line, fault] {
    trace_[line].fault = fault;
    pump();  // what is new for others is not new for this stream
    SimEngine::Replay replay = engine_.replay(asked.call);
    const bool bad = fault == Fault::refused || fault == Fault::cut_before_effect ||
                     fault == Fault::error_before_effect || fault == Fault::hang;
    if (bad) replay.answer = without_effect(fault, asked);
    trace_[line].status = replay.answer.status;
    if (!replay.answer.ok()) {
      const std::string why =
          replay.answer.answered()
              ? "status " + std::to_string(replay.answer.status) + ": " + replay.answer.body
              : replay.answer.error;
      return deliver(steady_ + latency(), key.first, StreamClosed{key.second, why});
    }
    Stream& stream = streams_[key];
    stream.filters = *parse_filters(parse_target(asked.call.path).word("filters"));
    stream.last = steady_ + latency();
    deliver(stream.last, key.first, StreamOpened{key.second});
    for (const EngineEvent& event : replay.events) hint(key, stream, event);
  });
}

void SimWorld::hint(Key key, Stream& stream, const EngineEvent& event) {
  const auto happens = [&](Fault fault) {
    const auto found = faults_.chance.find(fault);
    if (found == faults_.chance.end() || !random_.chance(found->second)) return false;
    sometimes().count(std::string("fault ") + fault_name(fault));
    return true;
  };
  if (events_lost_ || happens(Fault::event_lost)) return;
  Duration when = std::max(stream.last, steady_ + random_.between(Duration{0}, milliseconds(4)));
  if (happens(Fault::event_reordered)) {
    when += random_.between(milliseconds(1), milliseconds(200));  // those after it overtake
  } else {
    stream.last = when;
  }
  if (happens(Fault::event_too_long))
    return deliver(when, key.first, EventsLost{key.second, "a line was too long"});
  deliver(when, key.first, Hinted{key.second, event.line});
  if (happens(Fault::event_duplicated)) deliver(when, key.first, Hinted{key.second, event.line});
}

void SimWorld::pump() {
  for (const EngineEvent& event : engine_.take_new_events()) {
    nginx_.take(event);
    for (auto& [key, stream] : streams_) {
      if (SimEngine::event_matches(stream.filters, event)) hint(key, stream, event);
    }
  }
  for (auto it = flights_.begin(); it != flights_.end();) {
    const std::shared_ptr<Flight> flight = it->second;
    if (flight->call.progress) {
      for (const std::string& line : engine_.take_progress(flight->ticket)) {
        flight->last_line = steady_;
        if (steady_ - flight->last_progress < seconds(1)) continue;
        flight->last_progress = steady_;
        deliver(steady_, flight->daemon, Progressed{flight->id, line});
      }
    }
    const std::optional<Answer> answer = engine_.take(flight->ticket);
    it = answer ? flights_.erase(it) : std::next(it);
    if (answer) arrive(flight, *answer);
  }
}

void SimWorld::close_streams(const std::string& error) {
  for (auto& [key, stream] : std::exchange(streams_, {})) {
    deliver(std::max(stream.last, steady_), key.first, StreamClosed{key.second, error});
  }
}

void SimWorld::engine_down() {
  if (!engine_.up()) return;
  engine_.stop_engine(now());
  close_streams("connection reset by peer");
  for (auto& [ticket, flight] : std::exchange(flights_, {})) {
    arrive(flight, {0, "", "connection reset by peer"});
  }
}

void SimWorld::engine_up() {
  if (engine_.up()) return;
  engine_.start_engine(now());
  pump();
}

void SimWorld::engine_restart(Duration down_for) {
  engine_down();
  after(down_for, [this] { engine_up(); });
}

void SimWorld::restart_daemon() {
  ++daemon_;
  due_.clear();
  streams_.clear();
  // The engine notices that the client is gone: a pull for it alone ends.
  for (auto& [ticket, flight] : std::exchange(flights_, {})) {
    engine_.abandon(ticket);
    flight->over = true;
  }
  if (folder_set_) send_reading();
}

void SimWorld::step(Duration limit, bool daemon) {
  pump();  // what people did since is heard of now, not at the next thing
  Duration next = limit;
  if (const auto due = engine_.next_due()) next = std::min(next, *due);
  if (!timers_.empty()) next = std::min(next, timers_.begin()->first.first);
  if (daemon && !due_.empty()) next = std::min(next, due_.begin()->first.first);
  steady_ = std::max(steady_, next);
  engine_.advance(now());
  pump();
  if (!timers_.empty() && timers_.begin()->first.first <= steady_) {
    const auto timer = timers_.extract(timers_.begin());
    timer.mapped()();
    pump();
  }
}

Event SimWorld::wait(Duration deadline) {
  for (;;) {
    if (!due_.empty() && due_.begin()->first.first <= steady_) {
      const auto taken = due_.extract(due_.begin());
      const Due& due = taken.mapped();
      if (due.daemon != daemon_) continue;
      if (due.write) crash_check(CrashPlan::When::after_answer, *due.write, due.daemon);
      return due.event;
    }
    const bool acts = !timers_.empty() && timers_.begin()->first.first <= steady_;
    if (steady_ >= deadline && !acts) return Woken{};
    step(std::max(deadline, steady_));
  }
}

void SimWorld::run_until(Duration steady) {
  while (steady_ < steady) step(steady, false);
}

std::string SimWorld::trace_text(bool writes_only) const {
  std::string text;
  for (const TraceLine& line : trace_) {
    if (line.writes || !writes_only) text += line.text() + "\n";
  }
  return text;
}

const std::map<std::string, SimFile>& SimWorld::files(FileCall::Area area) const {
  static const std::map<std::string, SimFile> none;
  const auto found = files_.find(area);
  return found == files_.end() ? none : found->second;
}

}  // namespace fairlead::sim
