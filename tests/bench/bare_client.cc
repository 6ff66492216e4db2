// What the engine itself costs: a client that decides nothing.
//
//   bench_bare_client replay SOCKET RECORD CONCURRENCY
//     Sends the writing requests that bench_sim_server or bench_recorder wrote down, in their order
//     and so many at a time; an attachment waits for the networks, a start for its container's
//     create.
//   bench_bare_client heal SOCKET INSTALLATION TIMES
//     Removes the one container of the installation by force, TIMES times, and prints for each time
//     the milliseconds from the engine's `destroy` to the `start` of the replacement.

#include <httplib.h>
#include <sys/socket.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "reconciler/json.h"

namespace {

using fairlead::Json;

struct Sent {
  std::string method;
  std::string path;
  std::string body;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_bare_client: %s\n", why.c_str());
  std::exit(1);
}

httplib::Client connect(const std::string& socket) {
  httplib::Client client(socket);
  client.set_address_family(AF_UNIX);
  client.set_keep_alive(true);
  client.set_url_encode(false);
  client.set_read_timeout(120);
  client.set_default_headers({{"Host", "localhost"}});
  return client;
}

void send(httplib::Client& client, const Sent& sent) {
  httplib::Request request;
  request.method = sent.method;
  request.path = sent.path;
  request.body = sent.body;
  if (!sent.body.empty()) request.set_header("Content-Type", "application/json");
  const httplib::Result result = client.send(request);
  if (!result || result->status >= 300) {
    give_up(sent.method + " " + sent.path + ": " +
            (result ? std::to_string(result->status) + " " + result->body : "no answer"));
  }
}

// "/v1.41/containers/create?name=a" and "/v1.41/containers/a/start" → "a"; "" for anything else.
std::string container_of(const std::string& path) {
  const std::string named = "/containers/create?name=";
  if (const std::size_t at = path.find(named); at != path.npos) {
    const std::string name = path.substr(at + named.size());
    return name.substr(0, name.find('&'));
  }
  const std::size_t end = path.find("/start");
  const std::size_t begin = path.find("/containers/");
  if (end == path.npos || begin == path.npos) return "";
  return path.substr(begin + 12, end - begin - 12);
}

struct Recording {
  std::vector<Sent> before;       // networks, volumes
  std::vector<Sent> attachments;  // of services to the networks
  std::vector<Sent> steps;        // creates and starts of containers, in their order
};

Recording read_record(const std::string& record) {
  Recording recording;
  std::ifstream in(record);
  for (std::string line; std::getline(in, line);) {
    const auto json = Json::parse(line);
    if (!json || (*json)["method"].as_string() == "GET") continue;
    // A container that an image is read by is made and removed, and no part of what is wanted.
    if ((*json)["method"].as_string() == "DELETE") continue;
    if (container_of((*json)["path"].as_string()).find(".manifest.") != std::string::npos) continue;
    Sent sent{(*json)["method"].as_string(), (*json)["path"].as_string(),
              (*json)["body"].as_string()};
    const bool attaches = sent.path.ends_with("/connect");
    auto& before = attaches ? recording.attachments : recording.before;
    auto& list = container_of(sent.path).empty() ? before : recording.steps;
    list.push_back(std::move(sent));
  }
  if (recording.steps.empty()) give_up("no container in " + record);
  return recording;
}

// All at the same time: they are few.
void send_at_once(const std::string& socket, const std::vector<Sent>& all) {
  std::vector<std::jthread> senders;
  for (const Sent& sent : all) {
    senders.emplace_back([&] {
      httplib::Client client = connect(socket);
      send(client, sent);
    });
  }
}

int replay(const std::string& socket, const std::string& record, std::size_t concurrency) {
  const Recording recording = read_record(record);
  send_at_once(socket, recording.before);
  send_at_once(socket, recording.attachments);
  std::mutex mutex;
  std::condition_variable more;
  std::set<std::string> created;
  std::size_t next = 0;
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < concurrency; ++i) {
    workers.emplace_back([&] {
      httplib::Client client = connect(socket);
      std::unique_lock lock(mutex);
      while (next < recording.steps.size()) {
        const Sent& step = recording.steps[next++];
        const std::string container = container_of(step.path);
        if (step.body.empty()) more.wait(lock, [&] { return created.count(container) > 0; });
        lock.unlock();
        send(client, step);
        lock.lock();
        created.insert(container);
        more.notify_all();
      }
    });
  }
  return 0;
}

// The engine's events of one installation's containers, as they come.
class Events {
 public:
  Events(const std::string& socket, const std::string& installation)
      : client_(connect(socket)), reader_([this, installation] { read(installation); }) {}
  ~Events() { client_.stop(); }

  // Milliseconds of the first such event of a container that is (not) `id`.
  double wait(const std::string& action, const std::string& id, bool same) {
    std::unique_lock lock(mutex_);
    std::optional<double> at;
    const auto seen = [&] {
      for (const Json& event : events_) {
        const bool fits = (event["Actor"]["ID"].as_string() == id) == same;
        if (fits && event["Action"].as_string() == action) {
          at = static_cast<double>(event["timeNano"].as_int()) / 1e6;
        }
      }
      return at.has_value();
    };
    if (!more_.wait_for(lock, std::chrono::seconds(30), seen))
      give_up("no " + action + " event within 30 s");
    return *at;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }

 private:
  void read(const std::string& installation) {
    const std::string path =
        "/v1.41/events?filters=%7B%22label%22%3A%5B%22fairlead.installation%3D" + installation +
        "%22%5D%7D";
    std::string rest;
    client_.Get(path, [&](const char* data, std::size_t size) {
      rest.append(data, size);
      for (std::size_t end; (end = rest.find('\n')) != rest.npos; rest.erase(0, end + 1)) {
        auto event = Json::parse(std::string_view(rest).substr(0, end));
        const std::lock_guard lock(mutex_);
        if (event) events_.push_back(std::move(*event));
        more_.notify_all();
      }
      return true;
    });
  }

  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Json> events_;
  httplib::Client client_;
  std::jthread reader_;
};

std::string running_container(httplib::Client& client, const std::string& installation) {
  const auto list =
      client.Get("/v1.41/containers/json?filters=%7B%22label%22%3A%5B%22fairlead.installation%3D" +
                 installation + "%22%5D%7D");
  const auto json = Json::parse(list ? list->body : "");
  if (!json || json->items().size() != 1) give_up("not one container of " + installation);
  return json->items().front()["Id"].as_string();
}

int heal(const std::string& socket, const std::string& installation, int times) {
  // Long enough for the daemon to be at rest again, the health gate of a new container included.
  constexpr std::chrono::milliseconds apart{3500};
  httplib::Client client = connect(socket);
  Events events(socket, installation);
  for (int i = 0; i < times; ++i) {
    std::this_thread::sleep_for(apart);
    const std::string id = running_container(client, installation);
    events.forget();
    send(client, {"DELETE", "/v1.41/containers/" + id + "?force=1", ""});
    const double gone = events.wait("destroy", id, true);
    const double back = events.wait("start", id, false);
    std::printf("%.3f\n", back - gone);
    std::fflush(stdout);
  }
  std::this_thread::sleep_for(apart);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 4 && words[0] == "replay") {
    return replay(words[1], words[2], static_cast<std::size_t>(std::atoi(words[3].c_str())));
  }
  if (words.size() == 4 && words[0] == "heal") {
    return heal(words[1], words[2], std::atoi(words[3].c_str()));
  }
  give_up("usage: replay SOCKET RECORD CONCURRENCY | heal SOCKET INSTALLATION TIMES");
}
