#include <doctest/doctest.h>

#include "providers/docker/published.h"
#include "tests/scene.h"

using namespace fairlead;
using fairlead::testing::parse_scene;
using fairlead::testing::Scene;

namespace {

const std::string game =
    "name: game\nimage: a:1\nexpose:\n- {proto: tcp, port: 25565, publish: \"0.0.0.0:25565\"}\n"
    "- {port: 80, publish: 8080}\n- {proto: tcp, port: 9000}\n";

// "HOST PATH PROTO UPSTREAMS STATE: CAUSE", one a line.
std::string routes(const std::string& manifest, const std::string& before,
                   const std::string& containers) {
  const Scene scene = parse_scene(manifest, before, "network game 10.213.0.0/26\n" + containers);
  const auto [plan, report] = scene.diff();
  std::string text;
  for (const RouteState& route : report.routes) {
    if (route.proto != "tcp") continue;
    text += route.host + route.path;
    for (const std::string& upstream : route.upstreams) text += " " + upstream;
    text += " " + route.state + (route.cause.empty() ? "" : ": " + route.cause) + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("published ports are routes: address and port of the host, of what is published alone") {
  CHECK(routes(game, "", "container game.web.NEW running healthy\n") ==
        "0.0.0.0:25565 10.213.0.2:25565 live\n127.0.0.1:8080 10.213.0.2:80 live\n");
}

TEST_CASE("a published port that no container holds waits, and says why") {
  CHECK(routes(game, "", "container game.web.NEW exited exit=3\n") ==
        "0.0.0.0:25565 waiting: no container that publishes it runs\n"
        "127.0.0.1:8080 waiting: no container that publishes it runs\n");
  CHECK(routes(game + "suspend: true\n", "", "container game.web.NEW exited\n") ==
        "0.0.0.0:25565 waiting: the app is suspended\n"
        "127.0.0.1:8080 waiting: the app is suspended\n");
}

TEST_CASE("a published port leads to its container also while that is not ready") {
  CHECK(routes(game, "", "container game.web.NEW running unhealthy\n")
            .find("0.0.0.0:25565 10.213.0.2:25565 live: its container is not ready: ") == 0);
}

TEST_CASE("an earlier container holds a published port only where it was made with it") {
  const std::string before =
      "name: game\nimage: a:0\nexpose:\n"
      "- {proto: tcp, port: 25565, publish: \"0.0.0.0:25565\"}\n- {port: 81, publish: 8080}\n";
  CHECK(routes(game, before, "container game.web.OLD running healthy\n") ==
        "0.0.0.0:25565 10.213.0.2:25565 live\n"
        "127.0.0.1:8080 waiting: no container that publishes it runs\n");
  CHECK(routes(game, before, "container game.web.OLD exited named=game.web.OLD.failed\n")
            .find("0.0.0.0:25565 waiting") == 0);
}
