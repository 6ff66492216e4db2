#include <doctest/doctest.h>

#include "providers/nginx/outside.h"
#include "providers/nginx/site.h"

using namespace fairlead;
using namespace fairlead::nginx;

namespace {

struct Scene {
  Platform platform;
  Memory memory;
  Graph wanted;
  View view;

  Scene() {
    view.app = edge_app;
    view.platform = &platform;
    view.memory = &memory;
    view.wanted = &wanted;
    view.place = Place{"10.213.0.2", "abc"};
  }
  std::string asked() const {
    std::string text;
    for (const Probe& probe : outside_probes(view)) {
      text += std::get<ConnectCall>(probe.call).endpoint + " ";
    }
    return text;
  }
  Report report() const {
    Report report;
    judge_outside(view, report);
    return report;
  }
};

}  // namespace

TEST_CASE("class A8: a managed edge is asked where visitors find it") {
  Scene scene;
  CHECK(scene.asked() == "127.0.0.1:80 127.0.0.1:443 ");
  scene.platform.edge.address = "::";
  scene.platform.edge.http_port = 8080;
  CHECK(scene.asked() == "127.0.0.1:8080 127.0.0.1:443 ");
  scene.platform.edge.address = "fd00::7";
  CHECK(scene.asked() == "[fd00::7]:8080 [fd00::7]:443 ");
}

TEST_CASE("nobody is asked where the ports are not this host's, or nothing runs") {
  Scene scene;
  scene.view.app = "blog";
  CHECK(scene.asked().empty());
  scene.view.app = edge_app;
  scene.platform.engine.host = "tcp://192.0.2.7:2376";
  CHECK(scene.asked().empty());
  scene.platform = Platform();
  scene.platform.edge.mode = Platform::Edge::Mode::host;
  CHECK(scene.asked().empty());
  scene.platform = Platform();
  scene.view.place.reset();
  CHECK(scene.asked().empty());
}

TEST_CASE("class A8: an edge whose port nobody answers on any more is not Healthy") {
  Scene scene;
  const std::string key = outside_probes(scene.view).front().key;
  CHECK(scene.report().health == HealthState::healthy);
  scene.memory.probes[key].failures_in_row = 2;
  CHECK(scene.report().health == HealthState::healthy);
  scene.memory.probes[key].failures_in_row = 3;
  scene.memory.probes[key].last_error = "nothing answers on port 80 of the host: refused";
  const Report report = scene.report();
  CHECK(report.health == HealthState::degraded);
  CHECK(report.reason == "EdgeUnreachable");
  CHECK(report.message.find("nothing answers on port 80 of the host") != std::string::npos);
}
