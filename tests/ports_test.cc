#include "reconciler/ports.h"

#include <doctest/doctest.h>

using namespace fairlead;

namespace {

using Ports = std::vector<Publish>;
using Claims = std::map<std::string, Ports>;

const Publish local{"127.0.0.1", 8080}, everywhere{"0.0.0.0", 8080}, other{"127.0.0.1", 8081};

App app_of(const std::string& expose) {
  const ParsedManifest parsed = parse_manifest("blog.yml", "name: blog\nimage: a:1\n" + expose);
  REQUIRE(parsed.errors.empty());
  return *parsed.apps.at(0).app;
}

std::string refusal(const std::string& port, const Platform& platform, bool edge,
                    const std::map<std::string, std::string>& lost = {}) {
  return refused_port(app_of("expose: [{proto: tcp, port: 1, publish: \"" + port + "\"}]\n"),
                      platform, edge, lost);
}

}  // namespace

TEST_CASE("ports overlap where no two programs can listen on both") {
  const auto both = [](const std::string& a, const std::string& b) {
    const bool there = overlap({a, 80}, {b, 80});
    CHECK(there == overlap({b, 80}, {a, 80}));
    return there;
  };
  CHECK(both("127.0.0.1", "127.0.0.1"));
  CHECK(both("0.0.0.0", "127.0.0.1"));
  CHECK(both("::", "127.0.0.1"));
  CHECK(both("::", "::1"));
  CHECK(both("::1", "0:0:0:0:0:0:0:1"));
  CHECK(both("::ffff:127.0.0.1", "127.0.0.1"));
  CHECK_FALSE(both("0.0.0.0", "::1"));
  CHECK_FALSE(both("127.0.0.1", "192.0.2.1"));
  CHECK(overlap({"0.0.0.0", 80, true}, {"::1", 80}));
  CHECK_FALSE(overlap({"127.0.0.1", 80}, {"127.0.0.1", 81}));
}

TEST_CASE("sockets that listen are read from the kernel's table, and nothing else is") {
  // As Linux 6.1 writes it on a little-endian machine.
  const Ports found = listening(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
      "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
      "   2: 0100007F:1F91 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0\n"
      "   3: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0\n"
      "   4: zz:0050 0:0 0A\n   5: 0100007F:zzzz 0:0 0A\n   6: 0100007F\n\n");
  CHECK(found == Ports{{"127.0.0.1", 8080}, {"0.0.0.0", 22}, {"::1", 80}});
}

TEST_CASE("A2: the first that publishes a port has it, and the second is told whose it is") {
  PortOwners owners;
  CHECK(owners.update({{"shop", {local}}}).empty());
  CHECK(owners.owners_changed());
  CHECK(owners.update({{"shop", {local}}, {"blog", {everywhere, other}}}) ==
        std::set<std::string>{"blog"});
  CHECK(owners.lost("shop").empty());
  CHECK(owners.lost("blog") == std::map<std::string, std::string>{{"0.0.0.0:8080", "shop"}});
  CHECK(owners.update({{"blog", {everywhere, other}}}) == std::set<std::string>{"blog"});
  CHECK(owners.lost("blog").empty());
}

TEST_CASE("A2: of two that come at once the first by name has the port, each time") {
  for (int i = 0; i < 2; ++i) {
    PortOwners owners;
    owners.update({{"shop", {local}}, {"blog", {local}}});
    CHECK(owners.lost("shop").at("127.0.0.1:8080") == "blog");
  }
}

TEST_CASE("A2: who has a port has it after a restart, also from one that came meanwhile") {
  PortOwners before, after;
  CHECK(before.encode().empty());
  before.update({{"shop", {local, {"::1", 80}}}});
  after.restore(before.encode());
  after.update({{"shop", {local, {"::1", 80}}}, {"blog", {everywhere, {"::", 80}}}});
  CHECK(after.lost("shop").empty());
  CHECK(after.lost("blog").size() == 2);
  CHECK_FALSE(after.owners_changed());
}

TEST_CASE("damaged text of ports is as none") {
  for (const char* text : {"", "{", "[]", R"({"ports": 7})", R"({"ports": {"shop": 7}})",
                           R"({"ports": {"shop": ["", ":", "x", "a:1234567", "a:b", "[:1"]}})"}) {
    CAPTURE(text);
    PortOwners owners;
    owners.restore(text);
    owners.update({{"shop", {local}}, {"blog", {local}}});
    CHECK(owners.lost("blog").empty());
  }
}

TEST_CASE("A2: the edge's ports are nobody else's, at whatever address it listens") {
  Platform platform;
  for (const char* port : {"80", "0.0.0.0:443", "[::1]:80", "192.0.2.1:80"}) {
    CAPTURE(port);
    CHECK(refusal(port, platform, true).find(" of the host is the edge's; choose another port") !=
          std::string::npos);
    CHECK(refusal(port, platform, false).empty());
  }
  CHECK(refusal("80", platform, true) ==
        "blog.yml:3: expose[0].publish: port 80 of the host is the edge's; choose another port");
  CHECK(refusal("8404", platform, true).empty());
  platform.edge.mode = Platform::Edge::Mode::host;
  platform.edge.both_families = false;
  platform.edge.address = "192.0.2.1";
  CHECK_FALSE(refusal("0.0.0.0:80", platform, true).empty());
  CHECK_FALSE(refusal("8404", platform, true).empty());
  CHECK(refusal("192.0.2.2:80", platform, true).empty());
}

TEST_CASE("A2: addresses are those of the platform file, where it says any, and the loopback") {
  Platform platform;
  CHECK(refusal("0.0.0.0:25565", platform, false).empty());
  platform.publish_addresses = {"192.0.2.1"};
  CHECK(refusal("0.0.0.0:25565", platform, false) ==
        "blog.yml:3: expose[0].publish: 0.0.0.0 is none of the platform file's publish.addresses; "
        "publish on 127.0.0.1, or add the address there");
  for (const char* port : {"25565", "[::1]:25565", "192.0.2.1:25565"}) {
    CAPTURE(port);
    CHECK(refusal(port, platform, false).empty());
  }
  platform.publish_addresses = {"0.0.0.0"};
  CHECK(refusal("192.0.2.7:1", platform, false).empty());
  CHECK_FALSE(refusal("[2001:db8::1]:1", platform, false).empty());
  platform.publish_addresses = {"::"};
  CHECK(refusal("[2001:db8::1]:1", platform, false).empty());
}

TEST_CASE("A2: a port that another app has is refused by its owner's name") {
  CHECK(refusal("8080", {}, false, {{"127.0.0.1:8080", "shop"}}) ==
        "blog.yml:3: expose[0].publish: port 8080 of the host is shop's; choose another port");
  CHECK(refusal("8081", {}, false, {{"127.0.0.1:8080", "shop"}}).empty());
}
