#include <doctest/doctest.h>

#include "providers/docker/host_ports.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using fairlead::testing::parse_scene;
using fairlead::testing::Scene;

namespace {

const std::string game =
    "name: game\nimage: a:1\nexpose: [{proto: tcp, port: 25, publish: \"0.0.0.0:2525\"}]\n";
const std::string older =
    "name: game\nimage: a:0\nexpose: [{proto: tcp, port: 25, publish: \"0.0.0.0:2525\"}]\n";

Scene scene_of(const std::string& containers, const std::vector<Publish>& listening = {}) {
  Scene scene = parse_scene(game, older, "network game 10.213.0.0/26\n" + containers);
  scene.seen.listening = listening;
  return scene;
}

void refuse(Scene& scene, const std::string& why) {
  Graph graph = *scene.wanted;
  graph.refused = why;
  scene.wanted = std::make_shared<const Graph>(graph);
}

}  // namespace

TEST_CASE("A2: no container is made for a port on which another program listens") {
  for (const Publish& listener :
       {Publish{"0.0.0.0", 2525}, Publish{"::", 2525}, Publish{"192.0.2.1", 2525}}) {
    const Scene scene = scene_of("", {{"0.0.0.0", 25}, listener});
    const auto [plan, report] = scene.diff();
    CHECK(plan.empty());
    CHECK(report.health == HealthState::degraded);
    CHECK(report.reason == "PortRefused");
    CHECK(report.message.find("port 2525 of the host is in use by another program") == 0);
    CHECK(report.look_again.has_value());
  }
  CHECK_FALSE(scene_of("", {{"0.0.0.0", 25}, {"::1", 2525}}).diff().first.empty());
}

TEST_CASE("A2: what runs is not stopped for a port that cannot be had") {
  const std::string old = "container game.web.OLD running healthy\n";
  Scene refused = scene_of(old);
  refuse(refused, "port 2525 of the host is shop's");
  // It listens on another address than what it is to make room for.
  Scene taken =
      parse_scene(game, "name: game\nimage: a:0\nexpose: [{proto: tcp, port: 25, publish: 2525}]\n",
                  "network game 10.213.0.0/26\n" + old);
  taken.seen.listening = {{"127.0.0.1", 2525}, {"192.0.2.1", 2525}};
  for (const Scene* scene : {&refused, &taken}) {
    const auto [plan, report] = scene->diff();
    CHECK(plan.empty());
    CHECK(report.sync == SyncState::out_of_sync);
    CHECK(report.reason == "PortRefused");
    CHECK(report.health != HealthState::degraded);
  }
}

TEST_CASE("A2: what runs with a port that it may not have any more is healed, and not made anew") {
  Scene stopped = scene_of("container game.web.NEW exited exit=1\n");
  refuse(stopped, "port 2525 of the host is the edge's");
  CHECK(stopped.plan_text().find("start container game.web.NEW") != std::string::npos);
  Scene gone = scene_of("");
  refuse(gone, "port 2525 of the host is the edge's");
  CHECK(gone.diff().first.empty());
}

TEST_CASE("a port that the app's own container has is no other program's") {
  const Scene scene =
      scene_of("container game.web.OLD running healthy\n", {{"0.0.0.0", 2525}, {"::", 2525}});
  CHECK(scene.plan_text().find("create container game.web.NEW") != std::string::npos);
}

TEST_CASE("a job that runs is not removed for one that cannot be published") {
  Scene scene = parse_scene(game + "restart: never\n", older + "restart: never\n",
                            "network game 10.213.0.0/26\ncontainer game.web.OLD running\n");
  refuse(scene, "port 2525 of the host is shop's");
  CHECK(scene.diff().first.empty());
}
