#include "reconciler/live/connector.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

using namespace fairlead;
using namespace fairlead::live;
using namespace std::chrono_literals;

namespace {

// A socket at a port of 127.0.0.1 that is its own; it accepts once it listens.
struct Bound {
  UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string endpoint;

  Bound() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    endpoint = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  void listen() const { REQUIRE(::listen(socket.get(), 8) == 0); }
};

}  // namespace

TEST_CASE("a port accepts once something listens there, and is refused before") {
  const Connector connector;
  const Bound bound;
  const Answer refused = connector.call({bound.endpoint, 1s});
  CHECK(refused.status == 0);
  CHECK(refused.error == "connection refused");
  bound.listen();
  CHECK(connector.call({bound.endpoint, 1s}).status == 200);
}

TEST_CASE("where nothing answers the call ends by its timeout, or when it is stopped") {
  const Connector connector;
  const auto begun = std::chrono::steady_clock::now();
  // An address that is never answered; where there is no way to it, that is said at once.
  const Answer silent = connector.call({"192.0.2.1:80", 100ms});
  CHECK(silent.status == 0);
  CHECK_FALSE(silent.error.empty());
  connector.stop();
  CHECK(connector.call({"192.0.2.1:80", 1min}).status == 0);
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
}

TEST_CASE("what is no address is said") {
  const Connector connector;
  CHECK(connector.call({"nowhere", 1s}).error.find("not ADDRESS:PORT") == 0);
  CHECK(connector.call({"blog.example.org:80", 1s}).error == "not an address: blog.example.org");
}
