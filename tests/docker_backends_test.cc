#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "providers/docker/backends.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using namespace std::chrono_literals;
using fairlead::testing::parse_scene;
using fairlead::testing::Scene;

namespace {

const std::string before = "name: blog\nimage: a:1\n";
const std::string after = "name: blog\nimage: a:2\n";
const std::string three = "name: blog\nimage: a:2\ndeploy: {replicas: 3}\n";

// A scene in which the n-th new container has the address 10.213.0.(n + 1), the n-th old one
// 10.213.0.(n + 4), and an edge that sends requests to some of these.
struct Edge {
  Scene scene;
  View view;

  Edge(const std::string& manifest, const std::string& containers)
      : scene(parse_scene(manifest, before, "network blog 10.213.0.0/26\n" + containers)) {
    for (SeenContainer& container : scene.seen.containers) {
      const int digit = container.identity.replica + (is_new(container) ? 1 : 4);
      container.networks.edit()["blog"].address = "10.213.0." + std::to_string(digit);
    }
    view = scene.view();
  }
  bool is_new(const SeenContainer& container) const {
    const auto* spec = fairlead::testing::spec_of(scene.wanted.get(), container.identity.process);
    return container.identity.fingerprint == spec->fingerprint;
  }
  Edge& sends(const std::string& addresses, Duration since = Duration(0)) {
    view.traffic = Traffic();
    view.traffic->known = true;
    view.traffic->since = since;
    for (std::size_t at = 0; at < addresses.size(); at += 2) {
      view.traffic->addresses.insert("10.213.0." + addresses.substr(at, 1));
    }
    return *this;
  }
  Edge& unknown() {
    view.traffic = Traffic();
    return *this;
  }
  // Last digits of the addresses.
  std::string backends() const {
    std::string all;
    for (const std::string& address : backends_of(view)) {
      all += (all.empty() ? "" : " ") + address.substr(9);
    }
    return all;
  }
  // Of the first old one, or of the only one.
  Drain drain() const {
    for (const SeenContainer& container : scene.seen.containers) {
      if (!is_new(container)) return drain_of(view, container);
    }
    return drain_of(view, scene.seen.containers.at(0));
  }
};

const std::string ready_and_old =
    "container blog.web.NEW running healthy\ncontainer blog.web.OLD running healthy\n";

}  // namespace

TEST_CASE("what is ready is sent requests, what is not is sent none") {
  CHECK(Edge(after, "container blog.web.NEW running healthy\n").sends("").backends() == "2");
  CHECK(Edge(after, "container blog.web.NEW running starting\n").sends("").backends() == "");
  CHECK(Edge(after, "container blog.web.NEW exited\n").sends("").backends() == "");
}

TEST_CASE(
    "one that is restarted keeps its place, one that is ill loses it to those that are well") {
  CHECK(Edge(after, "container blog.web.NEW running starting\n").sends("2").backends() == "2");
  const std::string ill = "container blog.web.NEW running unhealthy\n";
  CHECK(Edge(three, ill + "container blog.web.NEW.2 running healthy\n").sends("2 3").backends() ==
        "3");
  CHECK(Edge(after, ill + "container blog.web.OLD running healthy\n").sends("5").backends() == "5");
}

TEST_CASE("where none is well those that are ill serve, but not what keeps crashing") {
  const std::string ill =
      "container blog.web.NEW running unhealthy\ncontainer blog.web.NEW.2 running unhealthy\n";
  CHECK(Edge(three, ill).sends("2 3").backends() == "2 3");
  // One is being restarted and keeps its place: that does not make it well.
  CHECK(Edge(three, ill + "container blog.web.NEW.3 running starting\n").sends("4").backends() ==
        "2 3 4");
  CHECK(
      Edge(after, "container blog.web.NEW running unhealthy restarts=3\n").sends("2").backends() ==
      "");
}

TEST_CASE("the old one stays until the edge sends requests to the new one") {
  CHECK(Edge(after, ready_and_old).sends("5").backends() == "2 5");
  CHECK(Edge(after, ready_and_old).sends("2 5").backends() == "2");
}

TEST_CASE("where it is not known whom the edge sends requests the old one stays") {
  CHECK(Edge(after, ready_and_old).unknown().backends() == "2 5");
  // Without an edge readiness is all there is.
  CHECK(Edge(after, ready_and_old).backends() == "2");
}

TEST_CASE("each new replica that is sent requests takes the place of one old one") {
  const std::string old =
      "container blog.web.OLD running healthy\n"
      "container blog.web.OLD.2 running healthy\n"
      "container blog.web.OLD.3 running healthy\n";
  const std::string mixed = "container blog.web.NEW running healthy\n" + old;
  CHECK(Edge(three, mixed).sends("5 6 7").backends() == "2 5 6 7");
  const std::string rest = Edge(three, mixed).sends("2 5 6 7").backends();
  CHECK(rest.size() == 5);
  CHECK(rest.starts_with("2 "));
}

TEST_CASE("a suspended app, a job, and evidence of a failure are sent nothing") {
  CHECK(Edge(after + "suspend: true\n", ready_and_old).sends("2 5").backends() == "");
  CHECK(Edge(after + "restart: never\n", "container blog.web.NEW running\n").sends("").backends() ==
        "");
  const std::string failed =
      "container blog.web.NEW.failed running healthy\n"
      "container blog.web.OLD running healthy\n";
  CHECK(Edge(after, failed).sends("").backends() == "5");
}

TEST_CASE("a replica too many is sent nothing more") {
  const std::string two =
      "container blog.web.NEW running healthy\n"
      "container blog.web.NEW.2 running healthy\n";
  CHECK(Edge(after, two).sends("2 3").backends() == "2");
}

TEST_CASE("another process than the main one is sent nothing and drained of nothing") {
  const std::string manifest = after + "processes: {worker: {command: [work]}}\n";
  Edge edge(manifest, "container blog.worker.NEW running healthy\n");
  CHECK(edge.sends("2").backends() == "");
  CHECK(is_sent_requests(edge.view, edge.scene.seen.containers[0]));
  CHECK(edge.drain().wait.empty());
}

TEST_CASE("what is sent requests is not stopped, nor is what was until it is drained") {
  Edge edge(after, ready_and_old);
  const Duration now = edge.scene.now.steady;
  CHECK(edge.sends("2 5").drain().wait == "until the edge sends it no more requests");
  CHECK(edge.sends("2", now - 9s).drain().wait == "until it is drained");
  CHECK(edge.sends("2", now - 9s).drain().due == now + 1s);
  CHECK(edge.sends("2", now - 10s).drain().wait.empty());
  CHECK(edge.unknown().drain().wait == "until the edge has been asked whom it sends requests");
}

TEST_CASE("the manifest says how long is drained") {
  Edge edge(after + "deploy: {drain: 30s}\n", ready_and_old);
  const Duration now = edge.scene.now.steady;
  CHECK(edge.sends("2", now - 29s).drain().due == now + 1s);
  CHECK(edge.sends("2", now - 30s).drain().wait.empty());
}

TEST_CASE("without an edge, or where it has ended, nothing is drained") {
  Edge edge(after, ready_and_old);
  CHECK(edge.drain().wait.empty());
  CHECK(Edge(after, "container blog.web.OLD exited\n").sends("2").drain().wait.empty());
}
