#include "reconciler/resolve.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/scene.h"

using namespace fairlead;
using fairlead::testing::graph_beside;

namespace {

Result<std::shared_ptr<const Graph>> graph_of(const std::string& manifest,
                                              const std::string& service = "") {
  const ParsedManifest parsed = parse_manifest("blog.yml", manifest);
  REQUIRE(parsed.errors.empty());
  return graph_beside({service}, *parsed.apps.at(0).app, Platform(), {});
}

}  // namespace

TEST_CASE("resources stand in one order, each after what it needs, with who made it") {
  const auto graph = graph_of(
      "name: blog\nimage: a:1\nneeds: [storage]\nprocesses: {worker: {}, cron: {command: [c]}}\n");
  REQUIRE(graph.ok());
  std::string text;
  for (const Resource& resource : (*graph)->resources) {
    text += resource.id() + " by " + resource.provider + ":";
    for (const std::string& need : resource.needs) text += " " + need;
    text += "\n";
  }
  CHECK(text ==
        "network blog by docker:\n"
        "volume blog.data by docker:\n"
        "container blog.web by docker: network blog volume blog.data\n"
        "container blog.cron by docker: network blog\n"
        "container blog.worker by docker: network blog\n");
}

TEST_CASE("needs that no provider offers are unmet, those that one offers are not") {
  const std::string manifest = "name: blog\nimage: a:1\nneeds: [database, messagebus, storage]\n";
  const auto alone = graph_of(manifest);
  REQUIRE(alone.ok());
  CHECK((*alone)->unmet == std::vector<std::string>{"database", "messagebus"});
  const auto beside = graph_of(manifest, "mariadb");
  REQUIRE(beside.ok());
  CHECK((*beside)->unmet == std::vector<std::string>{"messagebus"});
}

TEST_CASE("the revision names the fingerprints of all processes") {
  const auto graph = graph_of("name: blog\nimage: a:1\nprocesses: {worker: {command: [w]}}\n");
  REQUIRE(graph.ok());
  const auto digits = [&](const char* process) {
    return testing::spec_of(graph->get(), process)->short_fingerprint();
  };
  CHECK((*graph)->revision == "web=" + digits("web") + " worker=" + digits("worker"));
  CHECK(digits("web") != digits("worker"));
}

TEST_CASE("an error of a provider is the error of all, with its place") {
  const auto graph = graph_of("name: blog\nimage: a:1\nsecrets:\n  KEY: {file: key}\n");
  REQUIRE_FALSE(graph.ok());
  CHECK(graph.error().text() ==
        "blog.yml:4: secrets.KEY: there is no file /etc/fairlead/secrets/key; put it there, or "
        "correct the name");
}
