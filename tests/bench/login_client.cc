// Clients of one app that keep logging in to its services.
//
//   bench_login_client SOCKET APP DATABASE BUS THREADS
//
// Each thread logs in to the database (HOST:PORT) and to the bus (HOST, its management API) with
// what stands in the environment of the app's running containers, in turn, and asks those that
// answer HTTP to log in by themselves. Until SIGTERM; then prints how many logins there were, and
// how many of them were refused by a server while the container still ran. Says each on stderr.

#include <httplib.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "reconciler/json.h"
#include "reconciler/live/sql_client.h"

namespace {

using namespace fairlead;

constexpr std::chrono::milliseconds list_interval{50};
constexpr std::chrono::seconds patience{5};
constexpr int management_port = 15672;
constexpr int web_port = 8080;
constexpr int access_denied = 1045;
constexpr int account_locked = 4151;
constexpr int unavailable = 503;

struct Container {
  std::string id;
  std::string address;  // empty: it does not answer HTTP
  std::map<std::string, std::string> env;
};

httplib::Client connect(const std::string& socket) {
  httplib::Client client(socket);
  client.set_address_family(AF_UNIX);
  client.set_keep_alive(true);
  client.set_url_encode(false);
  client.set_default_headers({{"Host", "localhost"}});
  return client;
}

Json get(httplib::Client& client, const std::string& path) {
  const httplib::Result result = client.Get("/v1.41" + path);
  if (!result || result->status != 200) return {};
  const Result<Json> body = Json::parse(result->body);
  return body ? *body : Json();
}

bool runs(httplib::Client& engine, const std::string& id) {
  return get(engine, "/containers/" + id + "/json")["State"]["Running"].as_bool();
}

Container container_of(const Json& seen, const std::string& app) {
  Container made;
  made.id = seen["Id"].as_string();
  for (const Json& entry : seen["Config"]["Env"].items()) {
    const std::string& text = entry.as_string();
    const std::size_t name = text.find('=');
    made.env[text.substr(0, name)] = text.substr(name + 1);
  }
  if (seen["Config"]["Labels"]["fairlead.process"].as_string() == "web") {
    made.address = seen["NetworkSettings"]["Networks"][app]["IPAddress"].as_string();
  }
  return made;
}

class Clients {
 public:
  Clients(std::string socket, std::string app, std::string database, std::string bus)
      : socket_(std::move(socket)),
        app_(std::move(app)),
        database_(std::move(database)),
        bus_(std::move(bus)) {}

  void run(int threads, const sigset_t& until) {
    std::jthread lister([this](const std::stop_token& stop) { list(stop); });
    std::vector<std::jthread> clients;
    for (int i = 0; i < threads; ++i) {
      clients.emplace_back([this](const std::stop_token& stop) { log_in(stop); });
    }
    int signal = 0;
    sigwait(&until, &signal);
  }
  int logins() const { return logins_; }
  int refused() const { return refused_; }

 private:
  // Those that run, again and again.
  void list(const std::stop_token& stop) {
    httplib::Client engine = connect(socket_);
    while (!stop.stop_requested()) {
      const Json listed =
          get(engine, "/containers/json?filters=%7B%22label%22%3A%5B%22fairlead.app%3D" + app_ +
                          "%22%5D%7D");
      std::vector<Container> now;
      for (const Json& entry : listed.items()) {
        const Json seen = get(engine, "/containers/" + entry["Id"].as_string() + "/json");
        if (seen["State"]["Running"].as_bool()) now.push_back(container_of(seen, app_));
      }
      {
        const std::lock_guard lock(mutex_);
        containers_ = std::move(now);
      }
      std::this_thread::sleep_for(list_interval);
    }
  }

  std::vector<Container> containers() {
    const std::lock_guard lock(mutex_);
    return containers_;
  }

  void log_in(const std::stop_token& stop) {
    httplib::Client engine = connect(socket_);
    while (!stop.stop_requested()) {
      const std::vector<Container> all = containers();
      if (all.empty()) std::this_thread::sleep_for(list_interval);
      for (const Container& container : all) {
        count(engine, container, to_database(container));
        count(engine, container, to_bus(container));
        if (!container.address.empty()) count(engine, container, by_itself(container));
      }
    }
  }

  void count(httplib::Client& engine, const Container& container, const std::string& refusal) {
    ++logins_;
    if (refusal.empty() || !runs(engine, container.id)) return;
    ++refused_;
    std::fprintf(stderr, "%s: %s\n", container.id.substr(0, 12).c_str(), refusal.c_str());
  }

  // Once more where the session ended with no word on the login: it may be ended as it begins,
  // together with the old ones.
  std::string to_database(const Container& container) const {
    SqlCall call;
    call.endpoint = database_;
    call.login = {container.env.at("DB_USERNAME"), Secret(container.env.at("DB_PASSWORD")), ""};
    call.statement = "SELECT 1";
    Answer answer;
    for (int i = 0; i < 2 && !answer.ok(); ++i) {
      live::SqlClient client(true);
      answer = client.call(call);
      if (answer.status == access_denied || answer.status == account_locked) break;
    }
    return answer.ok() ? "" : "database: " + std::to_string(answer.status) + " " + answer.error;
  }

  // Who may not use the API is told so only with the right password.
  std::string to_bus(const Container& container) const {
    httplib::Client client(bus_, management_port);
    client.set_connection_timeout(patience);
    client.set_basic_auth(container.env.at("RABBITMQ_USER"), container.env.at("RABBITMQ_PASSWORD"));
    const httplib::Result result = client.Get("/api/whoami");
    if (!result) return "bus: " + httplib::to_string(result.error());
    return result->body.find("Not management user") != std::string::npos ? ""
                                                                         : "bus: " + result->body;
  }

  // By SQL and AMQP. No answer: it is not up yet, or not any more.
  static std::string by_itself(const Container& container) {
    httplib::Client client(container.address, web_port);
    client.set_connection_timeout(std::chrono::seconds(1));
    const httplib::Result result = client.Get("/login");
    return result && result->status == unavailable ? "by itself: " + result->body : "";
  }

  const std::string socket_;
  const std::string app_;
  const std::string database_;
  const std::string bus_;
  std::mutex mutex_;
  std::vector<Container> containers_;  // under mutex_
  std::atomic<int> logins_{0};
  std::atomic<int> refused_{0};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: bench_login_client SOCKET APP DATABASE BUS THREADS\n");
    return 1;
  }
  sigset_t until;
  sigemptyset(&until);
  sigaddset(&until, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &until, nullptr);  // for all threads; the main one waits for it
  Clients clients(argv[1], argv[2], argv[3], argv[4]);
  clients.run(std::atoi(argv[5]), until);
  std::printf("%d %d\n", clients.logins(), clients.refused());
}
