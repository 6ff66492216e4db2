#include "reconciler/budget.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace fairlead;

namespace {

constexpr std::int64_t gib = std::int64_t{1} << 30;

App app(const std::string& more, const std::string& name = "blog") {
  const ParsedManifest parsed =
      parse_manifest(name + ".yml", "name: " + name + "\nimage: a:1\n" + more);
  REQUIRE_MESSAGE(parsed.errors.empty(), more);
  return *parsed.apps.at(0).app;
}

Platform pool(const std::string& range) {
  Platform platform;
  platform.network.pool = range;
  return platform;
}

std::string refusal(const std::string& more, const Platform& platform = {}) {
  const Result<void> checked = check_demand(app(more), platform);
  return checked ? "" : checked.error().text();
}

// What is warned of, "about: text" one a line.
std::string warned(const std::vector<App>& apps, std::int64_t memory,
                   const Platform& platform = {}) {
  std::vector<const App*> all;
  for (const App& one : apps) all.push_back(&one);
  std::string text;
  for (const BudgetWarning& warning : budget_warnings(all, platform, memory)) {
    text += warning.about + ": " + warning.text + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("class 17: what an app asks for is counted over its processes and replicas") {
  Platform platform;
  const Demand small = demand_of(app(""), platform);
  CHECK(small.containers == 1);
  CHECK(small.memory == gib);
  CHECK(small.addresses == 64);
  const App large =
      app("deploy: {replicas: 3}\nresources: {memory: 2G}\n"
          "processes:\n  a: {command: [x], replicas: 4, resources: {memory: 512M}}\n"
          "  b: {command: [x]}\n");
  const Demand demand = demand_of(large, platform);
  CHECK(demand.containers == 8);
  CHECK(demand.memory == 3 * 2 * gib + 4 * gib / 2 + 2 * gib);
  CHECK(demand.largest == 2 * gib);
  platform.defaults.memory = 0;
  CHECK(demand_of(app(""), platform).memory == 0);
  const App endless =
      app("deploy: {replicas: 100}\nresources: {memory: \"9223372036854775807\"}\n");
  CHECK(demand_of(endless, platform).memory == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("class 17: what no host can give one app is refused, with its place") {
  CHECK(refusal("") == "");
  CHECK(refusal("deploy: {replicas: 100}\n") == "");
  const std::string many =
      "deploy: {replicas: 100}\nprocesses:\n  a: {command: [x], replicas: 100}\n";
  CHECK(refusal(many) == "");
  CHECK(refusal(many + "  b: {command: [x]}\n") ==
        "blog.yml:3: asks for 201 containers, at most 200 are one app's: say fewer replicas or "
        "processes, or make several apps of it");
  CHECK(refusal("", pool("10.0.0.0/24")) == "");
  CHECK(refusal("", pool("10.0.0.0/25")) == "");  // the least that there is
  CHECK(refusal("deploy: {replicas: 50}\n", pool("10.0.0.0/23")) == "");
  CHECK(refusal("deploy: {replicas: 50}\n", pool("10.0.0.0/24")) ==
        "blog.yml:3: asks for 50 containers and so for a network of 128 addresses, more than a "
        "quarter of network.pool (10.0.0.0/24): say fewer replicas, or a larger pool in the "
        "platform file");
}

TEST_CASE("class 17: what goes beyond the host is warned of, and no more") {
  CHECK(warned({app("")}, 4 * gib) == "");
  CHECK(warned({app("resources: {memory: 8G}\n")}, 4 * gib)
            .find("memory blog: blog: a container may use 8G, and the host has 4G (blog.yml:3, "
                  "resources.memory)\n") == 0);
  CHECK(warned({app("resources: {memory: 8G}\n")}, 0) == "");
  const std::vector<App> three = {app("resources: {memory: 3G}\n", "a"),
                                  app("resources: {memory: 3G}\n", "b"),
                                  app("resources: {memory: 3G}\n", "c")};
  CHECK(warned(three, 5 * gib) == "");
  CHECK(warned(three, 4 * gib) ==
        "memory: the memory limits of all containers are 9G together, and the host has 4G: if they "
        "use what they may, some will be ended\n");
  CHECK(warned({app("", "a"), app("", "b"), app("", "c"), app("", "d")}, 0, pool("10.0.0.0/24")) ==
        "");
  CHECK(warned({app("", "a"), app("", "b"), app("", "c"), app("", "d"), app("", "e")}, 0,
               pool("10.0.0.0/24")) ==
        "network: the networks of all apps need 320 addresses, network.pool (10.0.0.0/24) has 256: "
        "say a larger pool in the platform file\n");
  CHECK(warned({app("deploy: {replicas: 100}\nprocesses: {a: {command: [x]}}\n")}, 0) ==
        "containers blog: blog: asks for 101 containers (blog.yml:3, replicas)\n");
  std::vector<App> crowd;
  for (int i = 0; i < 11; ++i) {
    crowd.push_back(app("deploy: {replicas: 100}\n", "a" + std::to_string(i)));
  }
  CHECK(warned(crowd, 0) == "containers: all apps ask for 1100 containers, more than 1000\n");
}
