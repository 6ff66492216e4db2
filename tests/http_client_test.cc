#include "reconciler/live/http_client.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include <set>
#include <thread>

#include "tests/program.h"
#include "tests/temp_folder.h"

namespace fairlead::live {
namespace {

namespace fs = std::filesystem;
using testing::Authority;
using testing::TempFolder;

// An HTTP server on loopback that answers every GET and PUT with what it was asked by.
class Service {
 public:
  explicit Service(std::unique_ptr<httplib::Server> server, int port = 0)
      : server_(std::move(server)), port_(port) {
    const auto answer = [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      ports_.insert(request.remote_port);
      ++requests_;
      response.set_content(request.get_header_value("Authorization"), "text/plain");
    };
    server_->Get(".*", answer);
    server_->Put(".*", answer);
    if (port_ == 0) {
      port_ = server_->bind_to_any_port("127.0.0.1");
    } else {
      REQUIRE(server_->bind_to_port("127.0.0.1", port_));
    }
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) std::this_thread::yield();
  }
  ~Service() {
    server_->stop();
    thread_.join();
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  int port() const { return port_; }
  std::string at(const std::string& host) const { return host + ":" + std::to_string(port_); }
  int requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t connections() {  // that a request came by
    const std::lock_guard lock(mutex_);
    return ports_.size();
  }

 private:
  const std::unique_ptr<httplib::Server> server_;
  std::mutex mutex_;
  std::set<int> ports_;
  int requests_ = 0;
  int port_;
  std::thread thread_;
};

struct Bench {
  HttpClient client{std::make_shared<Platform>(), false};
  TempFolder folder;

  Answer get(const std::string& endpoint, std::optional<Login> login,
             std::optional<Tls> tls = std::nullopt, const std::string& method = "GET") {
    HttpCall call;
    call.endpoint = endpoint;
    call.method = method;
    call.path = "/api/vhosts";
    call.login = std::move(login);
    call.tls = std::move(tls);
    return client.call(call);
  }
};

Login login_of(const std::string& user, const std::string& password) {
  return {user, Secret(password), ""};
}

TEST_CASE("a login is sent as Basic authentication, its password as said or from its file") {
  Bench bench;
  Service service(std::make_unique<httplib::Server>());
  const std::string at = service.at("127.0.0.1");
  // The example of RFC 7617, and its UTF-8 one.
  CHECK(bench.get(at, login_of("Aladdin", "open sesame")).body ==
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  CHECK(bench.get(at, login_of("test", "123£")).body == "Basic dGVzdDoxMjPCow==");
  bench.folder.write("password", "open sesame\r\nanother line\n");
  CHECK(bench.get(at, Login{"Aladdin", Secret(), bench.folder / "password"}).body ==
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  CHECK(bench.get(at, std::nullopt).body == "");
  CHECK(service.requests() == 4);
}

TEST_CASE("class 8: what is for the internet is not connected to on this host") {
  Bench bench;
  Service service(std::make_unique<httplib::Server>());
  HttpCall call;
  call.path = "/v2/";
  for (const char* host : {"127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"}) {
    CAPTURE(host);
    call.endpoint = service.at(host);
    call.public_only = true;
    const Answer refused = bench.client.call(call);
    CHECK_FALSE(refused.answered());
    CHECK(refused.error.find("registries: {allow: ") != std::string::npos);
  }
  CHECK(service.requests() == 0);
  call.endpoint = service.at("127.0.0.1");
  call.public_only = false;
  CHECK(bench.client.call(call).ok());
}

TEST_CASE("without a password file that can be read nothing is sent") {
  Bench bench;
  Service service(std::make_unique<httplib::Server>());
  bench.folder.write("empty", "\npassword\n");
  for (const std::string file : {"absent", "empty"}) {
    const Answer answer =
        bench.get(service.at("127.0.0.1"), Login{"boss", Secret(), bench.folder / file});
    CHECK_FALSE(answer.answered());
    CHECK(answer.error.find("no password for boss: ") == 0);
    CHECK(answer.error.find(bench.folder / file) != std::string::npos);
  }
  CHECK(service.requests() == 0);
}

TEST_CASE("calls with a login share a connection, those without get one each") {
  Bench bench;
  Service service(std::make_unique<httplib::Server>());
  const std::string at = service.at("127.0.0.1");
  for (int i = 0; i < 5; ++i)
    REQUIRE(
        bench.get(at, login_of("a", std::to_string(i)), std::nullopt, i % 2 ? "PUT" : "GET").ok());
  CHECK(service.connections() == 1);
  for (int i = 0; i < 3; ++i) REQUIRE(bench.get(at, std::nullopt).ok());
  CHECK(service.connections() == 4);
}

TEST_CASE(
    "a service that was restarted meanwhile is asked over a new connection, by writing calls too") {
  Bench bench;
  auto service = std::make_unique<Service>(std::make_unique<httplib::Server>());
  const std::string at = service->at("127.0.0.1");
  REQUIRE(bench.get(at, login_of("a", "b")).ok());
  const int port = service->port();
  service.reset();
  CHECK(bench.get(at, login_of("a", "b")).error ==
        "no connection to tcp://" + at + ": Connection refused");
  service = std::make_unique<Service>(std::make_unique<httplib::Server>(), port);
  REQUIRE(bench.get(at, login_of("a", "b")).ok());
  service.reset();
  service = std::make_unique<Service>(std::make_unique<httplib::Server>(), port);
  CHECK(bench.get(at, login_of("a", "b"), std::nullopt, "PUT").ok());
}

TEST_CASE("a service by TLS is believed with the right authority and name only") {
  Bench bench;
  const Authority ours(bench.folder, "ours");
  const Authority others(bench.folder, "others");
  ours.issue("service", "DNS:localhost");
  Service service(std::make_unique<httplib::SSLServer>((bench.folder / "service.pem").c_str(),
                                                       (bench.folder / "service.key").c_str()));
  const Login login = login_of("a", "b");
  const auto error = [&](const std::string& host, const std::string& ca) {
    const Answer answer = bench.get(service.at(host), login, Tls{ca});
    CHECK_FALSE(answer.answered());
    return answer.error;
  };
  const std::string place = "no TLS with tcp+tls://" + service.at("localhost") + ": ";
  CHECK(error("localhost", others.file()) ==
        place + "its certificate is refused: unable to get local issuer certificate; check " +
            others.file());
  CHECK(error("localhost", "") ==
        place +
            "its certificate is refused: unable to get local issuer certificate; check the "
            "system's authorities");
  CHECK(error("127.0.0.1", ours.file()) == "no TLS with tcp+tls://" + service.at("127.0.0.1") +
                                               ": its certificate is for another name; check " +
                                               ours.file());
  CHECK(error("localhost", bench.folder / "absent.pem").find(place) == 0);
  CHECK(service.requests() == 0);
  for (int i = 0; i < 3; ++i) {
    const Answer answer = bench.get(service.at("localhost"), login, Tls{ours.file()});
    CHECK(answer.error == "");
    CHECK(answer.body == "Basic YTpi");
  }
  CHECK(service.connections() == 1);
  // Another authority does not get the connection that this one has opened.
  CHECK_FALSE(error("localhost", others.file()).empty());
}

TEST_CASE("a service that speaks no TLS gets nothing of a call that demands it") {
  Bench bench;
  const Authority ours(bench.folder, "ours");
  Service service(std::make_unique<httplib::Server>());
  const Answer answer = bench.get(service.at("localhost"), login_of("a", "b"), Tls{ours.file()});
  CHECK_FALSE(answer.answered());
  CHECK(answer.error == "no TLS with tcp+tls://" + service.at("localhost") +
                            ": the handshake failed; check " + ours.file());
  CHECK(service.requests() == 0);
}

// The folder that `certificates` of the engine names.
void make_engine_folder(const TempFolder& folder, const std::string& name, const std::string& ca,
                        const std::string& client) {
  fs::create_directories(folder / name);
  fs::copy_file(folder / (ca + ".pem"), folder / (name + "/ca.pem"));
  fs::copy_file(folder / (client + ".pem"), folder / (name + "/cert.pem"));
  fs::copy_file(folder / (client + ".key"), folder / (name + "/key.pem"));
}

TEST_CASE(
    "an engine by tcp with TLS and the client that it demands know each other, or nothing is "
    "said") {
  Bench bench;
  const TempFolder& folder = bench.folder;
  const Authority ours(folder, "ours");
  const Authority others(folder, "others");
  ours.issue("engine", "DNS:localhost");
  ours.issue("client", "DNS:client");
  others.issue("stranger", "DNS:client");
  make_engine_folder(folder, "good", "ours", "client");
  make_engine_folder(folder, "other-client", "ours", "stranger");
  make_engine_folder(folder, "other-engine", "others", "client");
  Service engine(std::make_unique<httplib::SSLServer>(
      (folder / "engine.pem").c_str(), (folder / "engine.key").c_str(), ours.file().c_str()));
  const auto ask = [&](const std::string& host, const std::string& certificates) {
    Platform platform;
    platform.engine.host = "tcp://" + engine.at(host);
    platform.engine.certificates = folder / certificates;
    bench.client.configure(std::make_shared<const Platform>(platform));
    return bench.get("engine", std::nullopt);
  };
  for (const std::string refused : {"other-client", "other-engine"}) {
    CAPTURE(refused);
    CHECK_FALSE(ask("localhost", refused).answered());
  }
  CHECK(ask("localhost", "other-engine").error.find("its certificate is refused") !=
        std::string::npos);
  CHECK(ask("127.0.0.1", "good").error.find("its certificate is for another name") !=
        std::string::npos);
  CHECK(engine.requests() == 0);
  CHECK(ask("localhost", "good").ok());
  CHECK(bench.get("engine", std::nullopt).ok());
  CHECK(engine.connections() == 1);
}

}  // namespace
}  // namespace fairlead::live
