#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "tests/live/edge_host.h"

// Deploys behind a real nginx, with clients that go on asking.
namespace fairlead::testing {
namespace {

Load::Options many(const WebRequest& request, bool keep_alive) {
  Load::Options options;
  options.request = request;
  options.connections = 4;
  options.per_second = 200;
  options.keep_alive = keep_alive;
  options.retry = keep_alive;  // as browsers do
  return options;
}

TEST_CASE("an app is reached over HTTP and TLS at its name, and no other name is") {
  EdgeHost edge;
  const std::string app = edge.host().name("site");
  edge.deploy(app, 1);
  const WebReply plain = fetch(edge.http(app));
  CHECK(plain.status == 200);
  CHECK(plain.body == "1\n");
  WebConnection over_tls;
  CHECK(over_tls.ask(edge.https(app)).body == "1\n");
  CHECK(fetch(edge.http("nobody")).status == 404);
  CHECK(fetch(edge.https("nobody")).error == "handshake");
  const Json route = edge.route(EdgeHost::name_of(app));
  CHECK(route["state"].as_string() == "live");
  CHECK(route["certificate"].as_string() == "self-signed");
  CHECK(route["upstreams"].items().size() == 1);

  edge.host().drop(app + ".yml");
  edge.until_status("the route is gone", edge.http(app), 404);
  CHECK(fetch(edge.https(app)).error == "handshake");
}

TEST_CASE("an edge that says no address is reached over IPv4 and over IPv6") {
  EdgeHost edge("edge: {http_port: 18080, https_port: 18443}\n");
  const std::string app = edge.host().name("both");
  edge.deploy(app, 1);
  for (const char* address : {"127.0.0.1", "::1"}) {
    CAPTURE(address);
    WebRequest plain = edge.http(app);
    WebRequest tls = edge.https(app, "/headers");
    plain.address = tls.address = address;
    CHECK(fetch(plain).body == "1\n");
    // An IPv4 one: what the engine's proxy for IPv6 comes from is the gateway of the edge's
    // network.
    const std::string head = fetch(tls).body;
    CHECK(head.find("X-Forwarded-Proto: https\r\n") != std::string::npos);
    CHECK(head.find("X-Real-IP: 10.") != std::string::npos);
  }
}

TEST_CASE("deploys under load lose no request, also with the daemon killed in the middle") {
  EdgeHost edge;
  const std::string app = edge.host().name("busy");
  edge.deploy(app, 1);
  Load once(many(edge.http(app), false));
  Load kept(many(edge.https(app), true));
  Load slow(many(edge.http(app, "/slow/700"), false));
  for (int version = 2; version <= 6; ++version) {
    edge.host().put(app + ".yml", edge.manifest(app, version));
    if (version % 2 == 0) {
      std::this_thread::sleep_for(milliseconds(400 * version));
      edge.host().kill();
      edge.host().start();
    }
    edge.until_serves(app, version);
  }
  edge.host().until("the last old one is gone",
                    [&] { return edge.host().containers(app).size() == 1; });
  for (Load* load : {&once, &kept, &slow}) {
    const Load::Count count = load->stop();
    CAPTURE(count.json().dump());
    CHECK(count.failed() == 0);
    CHECK(count.answers() > 20);
    CHECK(count.statuses.size() == 1);
    CHECK(count.versions.size() >= 5);
  }
}

TEST_CASE("deploys of an app that listens late and says no word on health lose no request") {
  EdgeHost edge;
  const std::string app = edge.host().name("late");
  const auto manifest = [&](int version) {
    return "name: " + app + "\nimage: fairlead-test/echo:1\nenv: {VERSION: \"" +
           std::to_string(version) +
           "\", LISTEN_DELAY: \"4\"}\nexpose: [{port: 8080}]\ndeploy: {drain: 1s}\n";
  };
  edge.host().put(app + ".yml", manifest(1));
  edge.until_serves(app, 1);
  Load once(many(edge.http(app), false));
  Load kept(many(edge.https(app), true));
  for (int version = 2; version <= 3; ++version) {
    edge.host().put(app + ".yml", manifest(version));
    edge.until_serves(app, version);
  }
  edge.host().until("the last old one is gone",
                    [&] { return edge.host().containers(app).size() == 1; });
  for (Load* load : {&once, &kept}) {
    const Load::Count count = load->stop();
    CAPTURE(count.json().dump());
    CHECK(count.failed() == 0);
    CHECK(count.answers() > 500);
    CHECK(count.versions.size() == 3);
  }
}

TEST_CASE("a version that never gets healthy takes no request from the one that serves") {
  EdgeHost edge;
  const std::string app = edge.host().name("sick");
  edge.deploy(app, 1);
  Load load(many(edge.http(app), false));
  const std::string bad = edge.manifest(app, 2, "", "deploy: {deadline: 3s, drain: 1s}\n");
  edge.host().put(app + ".yml", bad + "entrypoint: [sh, -c, \"SICK=1 exec /echo_app\"]\n");
  edge.host().until("the bad one is put aside", [&] {
    const std::vector<std::string> names = edge.host().names(app);
    return std::any_of(names.begin(), names.end(),
                       [](const std::string& name) { return name.ends_with(".failed"); });
  });
  const Load::Count count = load.stop();
  CAPTURE(count.json().dump());
  CHECK(count.failed() == 0);
  CHECK(count.versions.size() == 1);
  CHECK(edge.host().app(app)["health"].as_string() == "Degraded");
  CHECK(edge.route(EdgeHost::name_of(app))["state"].as_string() == "live");
}

TEST_CASE("a websocket is not touched by deploys of another app, and old workers are few") {
  EdgeHost edge;
  const std::string talk = edge.host().name("talk");
  const std::string busy = edge.host().name("busy");
  edge.deploy(talk, 1);
  edge.deploy(busy, 1);
  SocketWatch plain(edge.http(talk, "/ws"));
  SocketWatch secure(edge.https(talk, "/ws"));
  edge.host().until("both talk", [&] { return plain.echoes() > 2 && secure.echoes() > 2; });
  const int before = edge.workers();
  for (int version = 2; version <= 4; ++version) edge.deploy(busy, version);
  edge.host().until("the last old one is gone",
                    [&] { return edge.host().containers(busy).size() == 1; });
  const int echoes = plain.echoes();
  edge.host().until("they go on", [&] { return plain.echoes() > echoes + 3; });
  CHECK(edge.workers() <= before + 4);
  CHECK(plain.stop() == "");
  CHECK(secure.stop() == "");
}

TEST_CASE(
    "the edge's container comes back with the last good generation, with the daemon or without") {
  EdgeHost edge;
  const std::string app = edge.host().name("back");
  edge.deploy(app, 1);
  const std::string first = edge.edge_id();
  edge.host().engine().done("POST", "/containers/" + first + "/kill");
  edge.until_serves(app, 1);
  edge.host().engine().remove(edge.edge_id());
  edge.until_serves(app, 1);
  CHECK(edge.edge_id() != first);
  edge.host().kill();
  edge.host().engine().done(
      "POST", "/containers/edge." + edge.host().names("edge").at(0).substr(5) + "/restart?t=1");
  edge.until_serves(app, 1);
}

TEST_CASE("what the edge itself has to say: maintenance, nothing ready, nothing known") {
  EdgeHost edge;
  const std::string app = edge.host().name("still");
  edge.deploy(app, 1);
  edge.host().put(app + ".yml", edge.manifest(app, 1, "", "suspend: true\n"));
  edge.until_status("the maintenance page", edge.http(app), 503);
  const WebReply maintenance = fetch(edge.https(app));
  CHECK(maintenance.status == 503);
  CHECK(maintenance.headers.count("retry-after") == 1);
  edge.deploy(app, 1);

  const std::string sick = edge.host().name("never");
  edge.host().put("never.yml", edge.manifest(sick, 1, "", "entrypoint: [sleep, \"1000\"]\n"));
  edge.until_status("the page of an app with nothing ready", edge.http(sick), 503);
  const WebReply unavailable = fetch(edge.http(sick));
  CHECK(unavailable.body != maintenance.body);
  const WebReply unknown = fetch(edge.http("nobody"));
  CHECK(unknown.status == 404);
  CHECK(unknown.body != unavailable.body);
  CHECK(fetch(edge.http(app)).body == "1\n");
}

}  // namespace
}  // namespace fairlead::testing
