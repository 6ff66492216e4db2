#include <algorithm>

#include "tests/sim/sim_flight.h"

// Calls to files, and to the services and programs in containers.
namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;

std::string verb_of(FileCall::Act act) {
  switch (act) {
    case FileCall::Act::write:
      return "WRITE";
    case FileCall::Act::remove:
      return "REMOVE";
    case FileCall::Act::list:
      return "LIST";
    case FileCall::Act::read:
      return "READ";
    case FileCall::Act::look:
      return "LOOK";
  }
  return "";
}

std::string area_of(FileCall::Area area) {
  switch (area) {
    case FileCall::Area::state:
      return "state:";
    case FileCall::Area::secrets:
      return "secrets:";
    case FileCall::Area::edge:
      return "edge:";
    case FileCall::Area::host:
      return "host:";
    case FileCall::Area::sockets:
      return "sockets:";
  }
  return "";
}

// As the engine's proxy does, which is there as long as the container runs.
bool publishes(const SimEngine& engine, const std::string& port) {
  const auto& all = engine.containers();
  return std::any_of(all.begin(), all.end(), [&](const auto& entry) {
    if (!entry.second.running || entry.second.restarting) return false;
    const Json& bindings = entry.second.host_config["PortBindings"];
    return std::any_of(bindings.members().begin(), bindings.members().end(),
                       [&](const auto& binding) {
                         const auto& places = binding.second.items();
                         return std::any_of(places.begin(), places.end(), [&](const Json& place) {
                           return place["HostPort"].as_string() == port;
                         });
                       });
  });
}

bool below(const std::string& path, const std::string& folder) {
  return folder.empty() || path == folder || path.starts_with(folder + "/");
}

}  // namespace

void SimWorld::submit_file(RequestId id, FileCall call) {
  std::optional<std::uint64_t> write;
  if (call.writes()) write = writes_++;
  if (write) begin_write(*write);
  const std::size_t line = trace_.size();
  trace_.push_back({steady_,
                    verb_of(call.act),
                    area_of(call.area) + call.path,
                    "",
                    call.writes(),
                    write.value_or(0),
                    Fault::none,
                    {}});
  const std::uint64_t daemon = daemon_;
  // One after the other, as the program does it.
  files_due_ = std::max(files_due_, steady_ + random_.between(Duration{0}, milliseconds(1)));
  at(files_due_, [this, id, call = std::move(call), write, line, daemon] {
    // What a process has not done to its files when it ends is never done.
    if (daemon != daemon_) return;
    Answer answer = act_on_file(call);
    trace_[line].status = answer.status;
    deliver(steady_, daemon, Answered{id, std::move(answer)}, write);
    if (write) crash_check(CrashPlan::When::after_send, *write, daemon);
  });
}

// Of a link the content is where it leads, of all else its identity.
Answer SimWorld::look_at_host(const FileCall& call) {
  const auto& files = files_[FileCall::Area::host];
  for (const auto& [path, file] : files) {
    if (below(call.path, path) && file.content.front() == '/') {
      return {403, "", path + " is a link"};
    }
  }
  const auto found = files.find(call.path);
  if (found == files.end()) return {404, "", call.path + " does not exist on this host"};
  const std::string& identity = found->second.content;
  if (call.identity.empty() || call.identity == identity) return {200, identity, ""};
  return {403, "", "something else lies at " + call.path};
}

Answer SimWorld::act_on_file(const FileCall& call) {
  if (call.act == FileCall::Act::look) return look_at_host(call);
  auto& files = files_[call.area];
  if (call.writes() && call.area == FileCall::Area::edge) ++edge_writes_;
  if (call.act == FileCall::Act::write) {
    const bool full =
        call.area == FileCall::Area::state ? faults_.disk_full_state : faults_.disk_full_secrets;
    if (full) {
      sometimes().count("fault disk_full");
      return {500, "", "write " + call.path + ": no space left on device"};
    }
    const auto held = files.find(call.path);
    const bool lasting = call.area == FileCall::Area::edge && call.path != "current.conf";
    if (lasting && held != files.end() && held->second.content != call.content.reveal()) {
      rewritten_.push_back(call.path);
    }
    files[call.path] = {call.content.reveal(), call.mode};
    return answer_empty(200);
  }
  if (call.act == FileCall::Act::remove) {
    const std::size_t removed =
        std::erase_if(files, [&](const auto& file) { return below(file.first, call.path); });
    return removed > 0 ? answer_empty(200) : Answer{404, "", call.path + ": no such file"};
  }
  if (call.act == FileCall::Act::read) {
    const auto file = files.find(call.path);
    if (file == files.end()) return {404, "", call.path + ": no such file"};
    return {200, file->second.content, ""};
  }
  Json list = Json::array();
  for (const auto& [path, file] : files) {
    if (below(path, call.path)) list.push(path);
  }
  if (list.empty()) return {404, "", call.path + ": no such file"};
  return {200, list.dump(), ""};
}

std::string SimWorld::host_file(const std::string& path) const {
  const std::string& folder = options_.mounted_secrets;
  if (!path.starts_with(folder + "/")) return "";
  const auto& secrets = this->files(FileCall::Area::secrets);
  const auto found = secrets.find(path.substr(folder.size() + 1));
  return found == secrets.end() ? "" : found->second.content;
}

void SimWorld::submit_sql(RequestId id, SqlCall call) {
  auto flight = std::make_shared<Flight>();
  flight->id = id;
  flight->to = Flight::To::service;
  flight->writes = call.writes();
  flight->call.endpoint = call.endpoint;
  flight->call.timeout = call.timeout;
  TraceLine line;
  line.method = "SQL";
  line.path = call.statement;
  flight->sql = std::move(call);
  submit_flight(std::move(flight), std::move(line));
}

void SimWorld::submit_process(RequestId id, ProcessCall call) {
  auto flight = std::make_shared<Flight>();
  flight->id = id;
  flight->to = Flight::To::process;
  flight->writes = call.writes();
  flight->call.timeout = call.timeout;
  TraceLine line;
  line.method = "RUN";
  line.path = join(call.arguments, " ");
  flight->process = std::move(call);
  submit_flight(std::move(flight), std::move(line));
}

void SimWorld::submit_connect(RequestId id, const ConnectCall& call) {
  auto flight = std::make_shared<Flight>();
  flight->id = id;
  flight->to = Flight::To::container;
  flight->call.endpoint = call.endpoint;
  flight->call.timeout = call.timeout;
  flight->connects = true;
  TraceLine line;
  line.method = "CONNECT";
  line.path = call.endpoint;
  submit_flight(std::move(flight), std::move(line));
}

// The kernel accepts for a program that is paused, too.
Answer SimWorld::connect_to(const std::string& endpoint) const {
  const std::size_t colon = endpoint.rfind(':');
  const Answer refused{0, "", "connection refused"};
  const std::string port = endpoint.substr(colon + 1);
  if (endpoint.substr(0, colon) == "127.0.0.1") {
    return publishes(engine_, port) ? answer_empty(200) : refused;
  }
  const SimContainer* container = engine_.container_at(endpoint.substr(0, colon));
  if (!container || container->restarting) return refused;
  const std::set<int>& ports = container->program.listens_on;
  const bool ours = ports.empty() || ports.count(std::stoi(port)) > 0;
  const bool late = steady_ - container->started.steady < container->program.listens_after;
  return ours && !late && !container->deaf() ? answer_empty(200) : refused;
}

void SimWorld::ask_service(std::shared_ptr<Flight> flight) {
  if (flight->over) return;
  const std::string& endpoint = flight->call.endpoint;
  const std::size_t colon = endpoint.rfind(':');
  const SimContainer* container = engine_.container_at(endpoint.substr(0, colon));
  if (container && container->paused) return;  // until the timeout
  const std::string service = flight->sql ? "mariadb" : "rabbitmq";
  if (auto refused = services_.refuse(container, service, endpoint.substr(colon + 1))) {
    return arrive(flight, *refused);
  }
  if (!flight->sql) return arrive(flight, services_.rabbitmq_of(*container)->ask(flight->call));
  const std::string from = container->endpoints.begin()->second.gateway;
  arrive(flight,
         services_.mariadb_of(*container)->ask(flight->sql->login, flight->sql->statement, from));
}

}  // namespace fairlead::sim
