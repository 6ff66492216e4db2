#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <vector>

#include "tests/live/edge_host.h"

// What one visitor, one app or a lost proxy of the engine can do to a real edge.
namespace fairlead::testing {
namespace {

// Connections of one address whose requests never end, each with `bytes` of headers.
class Unfinished {
 public:
  Unfinished(int count, std::size_t bytes) {
    std::string head = "GET / HTTP/1.1\r\nHost: a.edge.test\r\n";
    while (head.size() < bytes) head += "X-Filler: " + std::string(900, 'x') + "\r\n";
    for (int i = 0; i < count; ++i) {
      live::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(EdgeHost::http_port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) continue;
      ::send(socket.get(), head.data(), head.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      open_.push_back(std::move(socket));
    }
  }
  std::size_t count() const { return open_.size(); }

 private:
  std::vector<live::UniqueFd> open_;
};

// As that process would: from its network.
WebReply fetch_within(std::int64_t process, const WebRequest& request) {
  WebReply reply;
  std::thread([&] {
    const std::string path = "/proc/" + std::to_string(process) + "/ns/net";
    const live::UniqueFd network(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (::setns(network.get(), CLONE_NEWNET) == 0) reply = fetch(request);
  }).join();
  return reply;
}

// The processes that the engine leads to that port of the host by.
std::vector<pid_t> proxies_of(int port) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string words = read_text(entry.path() / "cmdline");
    std::replace(words.begin(), words.end(), '\0', ' ');
    const bool proxy = words.find("docker-proxy") != words.npos &&
                       words.find("-host-port " + std::to_string(port) + " ") != words.npos;
    if (proxy) found.push_back(std::stoi(entry.path().filename().string()));
  }
  return found;
}

TEST_CASE("class A8: unfinished headers of one address end no worker, and others are answered") {
  EdgeHost edge;
  const std::string app = edge.host().name("calm");
  edge.deploy(app, 1);
  const int workers = edge.workers();
  {
    const Unfinished crowd(1500, 15'000);
    CHECK(crowd.count() > 1400);
    for (int i = 0; i < 20; ++i) CHECK(fetch(edge.http(app)).body == "1\n");
    CHECK(edge.workers() == workers);
  }
  CHECK(fetch(edge.https(app)).body == "1\n");
  const Json state = edge.host().engine().inspect(edge.edge_id())["State"];
  CHECK_FALSE(state["OOMKilled"].as_bool());
}

TEST_CASE("class A8: beyond its share of requests an address is told so, and no more is taken") {
  EdgeHost edge(
      "edge: {address: 127.0.0.1, http_port: 18080, https_port: 18443, "
      "connections_per_address: 1}\n");
  const std::string app = edge.host().name("crowd");
  edge.deploy(app, 1);
  // The proxy of the engine leads in what comes from this host: ten.
  Load::Options options;
  options.request = edge.http(app, "/slow/1500");
  options.connections = 14;
  options.keep_alive = false;
  Load load(options);
  WebReply refused;
  edge.host().until("one is refused", [&] { return load.count().statuses.count(429) > 0; });
  edge.host().until("the page says why", [&] {
    refused = fetch(edge.http(app));
    return refused.status == 429;
  });
  CHECK(refused.body.find("Too many requests from this address") != std::string::npos);
  CHECK(refused.headers.at("retry-after") == "5");
  const Load::Count count = load.stop();
  CHECK(count.statuses.at(200) > 5);
  CHECK(count.statuses.size() == 2);
}

TEST_CASE(
    "class A9, A10: no app is let in by a range around the pool, or told by the status port") {
  EdgeHost edge;
  const std::string app = edge.host().name("inner");
  const std::string named = edge.host().name("named");
  const std::string other = edge.host().name("other");
  edge.deploy(other, 1);
  edge.host().put("inner.yml", edge.manifest(app, 1, "allow: [10.0.0.0/8, 126.0.0.0/7]"));
  edge.host().put("named.yml", edge.manifest(named, 1, "allow: [10.231.0.0/16]"));
  // From this host, which is a gateway to it.
  edge.until_status("this host is kept out", edge.http(app), 403);
  edge.until_status("this host is let in", edge.http(named), 200);
  const Json networks = edge.host().engine().inspect(edge.edge_id())["NetworkSettings"]["Networks"];
  const Json from = edge.host().engine().inspect(edge.host().only_id(other));
  const auto asks = [&](const std::string& name, const std::string& path, int port) {
    WebRequest request;
    request.address = networks[other]["IPAddress"].as_string();
    request.port = port;
    request.host = EdgeHost::name_of(name);
    request.path = path;
    return fetch_within(from["State"]["Pid"].as_int(), request).status;
  };
  CHECK(asks(app, "/generation", 8404) == 403);
  CHECK(asks(app, "/", 80) == 403);
  CHECK(asks(named, "/", 80) == 200);
  CHECK(edge.host().app("edge")["health"].as_string() == "Healthy");
}

TEST_CASE("class A8: an edge whose proxy at the host is gone is not Healthy, and says so") {
  EdgeHost edge;
  const std::vector<pid_t> proxies = proxies_of(EdgeHost::http_port);
  REQUIRE(proxies.size() == 1);
  CHECK(edge.host().app("edge")["health"].as_string() == "Healthy");
  ::kill(proxies.front(), SIGKILL);
  edge.host().until(
      "it is Degraded", [&] { return edge.host().app("edge")["health"].as_string() == "Degraded"; },
      seconds(40));
  CHECK(edge.host().app("edge")["message"].as_string().find(
            "nothing answers on port 18080 of the host") != std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing
