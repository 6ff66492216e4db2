#include <doctest/doctest.h>

#include "tests/sim/sim_world.h"

namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration day = std::chrono::hours(24);

// An engine with one image whose program is given, and short words for calls.
struct Rig {
  explicit Rig(Program program = {}, Dialect dialect = Dialect::api_1_41) : engine(dialect, 7) {
    SimImage image;
    image.ref = "app:1";
    image.cmd = {"serve"};
    image.program = std::move(program);
    engine.add_image(image);
  }
  Instant at(Duration steady) const { return {steady, steady + seconds(1'800'000'000)}; }
  Answer call(const std::string& method, const std::string& path, const Json& body = {}) {
    HttpCall http;
    http.method = method;
    http.path = path;
    if (!body.is_null()) http.body = body.dump();
    const Answer answer = engine.handle(http, at(now));
    now = engine.now().steady;
    return answer;
  }
  Json get(const std::string& path) { return Json::parse(call("GET", path).body).value(); }
  std::string start(const Json& host = Json::object(), const Json& more = Json::object()) {
    Json body = more;
    body.set("Image", "app:1").set("HostConfig", host);
    REQUIRE(call("POST", "/containers/create?name=web", body).status == 201);
    REQUIRE(call("POST", "/containers/web/start").status == 204);
    return engine.container("web")->id;
  }
  void pass(Duration time) {
    now += time;
    engine.advance(at(now));
  }
  std::string state() { return engine.container("web")->status(); }
  std::string actions() {
    std::string text;
    for (const EngineEvent& event : engine.take_new_events()) {
      if (!event.action.starts_with("exec_")) text += event.type + " " + event.action + "\n";
    }
    return text;
  }

  SimEngine engine;
  Duration now{day};
};

Json restart_policy(const char* name) {
  return Json::object({{"RestartPolicy", Json::object({{"Name", name}})}});
}

TEST_CASE("a stop takes the whole grace where the program ignores it, and a shorter one wins") {
  Program program;
  program.term = Program::Term::ignored;
  Rig rig(program);
  rig.start();
  HttpCall stop;
  stop.method = "POST";
  stop.path = "/containers/web/stop?t=10";
  const Ticket first = rig.engine.begin(stop, rig.at(rig.now));
  rig.pass(seconds(2));
  CHECK_FALSE(rig.engine.take(first).has_value());
  const Duration before = rig.now;
  CHECK(rig.call("POST", "/containers/web/stop?t=1").status == 204);
  CHECK(rig.now - before < milliseconds(1200));
  CHECK(rig.engine.take(first)->status == 204);
  CHECK(rig.state() == "exited");
  CHECK(rig.engine.container("web")->exit_code == 137);
}

TEST_CASE(
    "a restart policy waits 100 ms, then twice as long each time, and starts anew after 10 s") {
  Program program;
  program.runs_for = milliseconds(1);
  program.exit_code = 3;
  Rig rig(program);
  rig.start(restart_policy("unless-stopped"));
  for (const auto pause : {milliseconds(100), milliseconds(200), milliseconds(400)}) {
    rig.pass(milliseconds(1));
    CHECK(rig.state() == "restarting");
    rig.pass(pause - milliseconds(1));
    CHECK(rig.state() == "restarting");
    rig.pass(milliseconds(1));
    CHECK(rig.state() == "running");
  }
  CHECK(rig.engine.container("web")->restart_count == 3);
  rig.pass(std::chrono::hours(1));
  CHECK(rig.engine.container("web")->backoff == seconds(60));
}

TEST_CASE("what the API killed stays down, what the host killed comes back") {
  Rig rig;
  rig.start(restart_policy("unless-stopped"));
  rig.engine.process_ends("web", 137);
  CHECK(rig.state() == "restarting");
  rig.pass(seconds(1));
  CHECK(rig.state() == "running");
  CHECK(rig.call("POST", "/containers/web/kill").status == 204);
  rig.pass(seconds(100));
  CHECK(rig.state() == "exited");
}

TEST_CASE("a forced removal passes through removing, and a second one is told so") {
  Rig rig;
  const std::string id = rig.start();
  rig.actions();
  rig.engine.docker_rm_f("web");
  rig.pass(milliseconds(30));
  CHECK(rig.state() == "removing");
  CHECK(rig.call("DELETE", "/containers/web?force=1").status == 409);
  CHECK(
      rig.call("POST", "/containers/create?name=web", Json::object({{"Image", "app:1"}})).status ==
      409);
  rig.pass(milliseconds(100));
  CHECK(rig.engine.container(id) == nullptr);
  CHECK(rig.actions() == "container kill\ncontainer die\nnetwork disconnect\ncontainer destroy\n");
}

TEST_CASE("health goes from starting to healthy, and to unhealthy after the retries") {
  Program program;
  program.healthy_after = seconds(3);
  program.unhealthy_after = seconds(10);
  Rig rig(program);
  const Json check = Json::object({{"Test", Json::array({"CMD", "check"})},
                                   {"Interval", std::int64_t{1'000'000'000}},
                                   {"StartPeriod", std::int64_t{60'000'000'000}},
                                   {"Retries", 2}});
  rig.start(Json::object(), Json::object({{"Healthcheck", check}}));
  const auto health = [&] { return rig.engine.container("web")->health->status; };
  rig.pass(milliseconds(2500));
  CHECK(health() == "starting");
  rig.pass(seconds(1));
  CHECK(health() == "healthy");
  rig.pass(milliseconds(7400));
  CHECK(health() == "healthy");
  rig.pass(seconds(1));
  CHECK(health() == "unhealthy");
  CHECK(rig.actions().find(
            "container health_status: healthy\ncontainer health_status: unhealthy\n") !=
        std::string::npos);
}

TEST_CASE("an engine restart revives what nobody stopped, and forgets its events") {
  Rig rig;
  const std::string id = rig.start(restart_policy("unless-stopped"));
  rig.engine.stop_engine(rig.at(rig.now));
  HttpCall list;
  list.path = "/containers/json";
  CHECK(rig.call("GET", "/containers/json").status == 0);
  rig.engine.start_engine(rig.at(rig.now));
  CHECK(rig.state() == "running");
  CHECK(rig.engine.container("web")->id == id);
  HttpCall events;
  events.path = "/events?since=0";
  for (const EngineEvent& event : rig.engine.replay(events).events) CHECK(event.action != "create");
  rig.call("POST", "/containers/web/stop");
  rig.engine.stop_engine(rig.at(rig.now));
  rig.engine.start_engine(rig.at(rig.now));
  CHECK(rig.state() == "exited");
}

TEST_CASE("the ring keeps the last 256 events, and since is inclusive") {
  Rig rig;
  rig.start();
  for (int i = 0; i < 200; ++i) {
    rig.pass(seconds(1));
    rig.call("POST", "/containers/web/pause");
    rig.call("POST", "/containers/web/unpause");
  }
  HttpCall events;
  events.path = "/events?since=0";
  const auto all = rig.engine.replay(events).events;
  CHECK(all.size() == 256);
  const std::int64_t stamp = all.back().wall.count();
  char since[64];
  std::snprintf(since, sizeof since, "/events?since=%lld.%09lld",
                static_cast<long long>(stamp / 1'000'000'000),
                static_cast<long long>(stamp % 1'000'000'000));
  events.path = since;
  CHECK(rig.engine.replay(events).events.size() == 1);
}

TEST_CASE("a label filter on events hides networks, a type filter does not") {
  Rig rig;
  rig.start(Json::object(), Json::object({{"Labels", Json::object({{"ours", "1"}})}}));
  int containers = 0;
  int networks = 0;
  const Filters by_label{{"label", {"ours"}}};
  const Filters by_type{{"type", {"network"}}};
  for (const EngineEvent& event : rig.engine.take_new_events()) {
    containers += SimEngine::event_matches(by_label, event) ? 1 : 0;
    networks += SimEngine::event_matches(by_type, event) ? 1 : 0;
    if (event.type == "network") CHECK_FALSE(SimEngine::event_matches(by_label, event));
  }
  CHECK(containers == 2);
  CHECK(networks == 1);
}

TEST_CASE("equal worlds have equal texts, ids and times apart") {
  const auto world = [](std::uint64_t seed, const char* memory_label) {
    Rig rig;
    rig.engine = SimEngine(Dialect::api_1_41, seed);
    SimImage image;
    image.ref = "app:1";
    image.cmd = {"serve"};
    rig.engine.add_image(image);
    rig.pass(seconds(static_cast<std::int64_t>(seed)));
    rig.start(Json::object(), Json::object({{"Labels", Json::object({{"x", memory_label}})}}));
    return rig.engine.final_world();
  };
  CHECK(world(1, "a") == world(2, "a"));
  CHECK(world(1, "a") != world(1, "b"));
}

}  // namespace
}  // namespace fairlead::sim
