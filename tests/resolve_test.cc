#include "reconciler/resolve.h"

#include <doctest/doctest.h>

#include <string>

#include "providers/docker/docker.h"
#include "providers/mariadb/mariadb.h"
#include "providers/nginx/nginx.h"
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

TEST_CASE("no process has a name that leads to something else as well") {
  const auto refusal = [](const std::string& more) {
    const auto graph = graph_of("name: blog\nimage: a:1\n" + more);
    return graph.ok() ? std::string("resolved") : graph.error().text();
  };
  CHECK(
      refusal("needs: [database]\nprocesses:\n  mariadb: {}\n") ==
      "blog.yml:5: processes.mariadb: `mariadb` is the name by which the service mariadb is on the "
      "app's network: give the process another name");
  CHECK(refusal("needs: [messagebus]\nprocesses: {rabbitmq: {}}\n").find("processes.rabbitmq") !=
        std::string::npos);
  CHECK(refusal("needs: [messagebus]\nprocesses: {mariadb: {}}\n") == "resolved");
  CHECK(refusal("processes: {mariadb: {}, rabbitmq: {}}\n") == "resolved");
  CHECK(refusal("processes: {blog: {}}\n") ==
        "blog.yml:3: processes.blog: `blog` is the app's own name, by which others reach its main "
        "process: give the process another name");
  CHECK(refusal("needs: [database]\nhosts: {mariadb: 10.0.0.5}\n") ==
        "blog.yml:4: hosts.mariadb: `mariadb` is the name by which the app reaches the service "
        "mariadb: leave it out");
  CHECK(refusal("hosts: {mariadb: 10.0.0.5}\n") == "resolved");
}

TEST_CASE("a service that runs outside brings no name") {
  const ParsedManifest parsed = parse_manifest(
      "a.yml", "name: blog\nimage: a:1\nneeds: [database]\nprocesses: {mariadb: {}}\n");
  Platform platform;
  CHECK_FALSE(graph_beside({}, *parsed.apps.at(0).app, platform, {}).ok());
  platform.database.external = true;
  platform.database.host = "db.example.org";
  CHECK(graph_beside({}, *parsed.apps.at(0).app, platform, {}).ok());
}

TEST_CASE("what is refused anywhere is known without the files that the manifest names") {
  const auto refused = [](const std::string& more) {
    const ParsedManifest parsed = parse_manifest("a.yml", "name: blog\nimage: a:1\n" + more);
    REQUIRE(parsed.errors.empty());
    Providers providers;
    providers.push_back(mariadb::make_provider(testing::test_keys()));
    providers.push_back(nginx::make_provider(testing::test_keys()));
    providers.push_back(docker::make_provider(testing::test_keys()));
    const auto error = refused_anywhere(providers, *parsed.apps.at(0).app, Platform());
    return error ? error->message : "nothing";
  };
  CHECK(refused("secrets: {KEY: {file: key, as: env}}\nmounts: [{host: /srv, path: /srv}]\n"
                "expose: [{port: 80, auth: users}]\nenv: {A: \"${KEY} ${APP_URL}\"}\n") ==
        "nothing");
  CHECK(refused("env: {A: \"${KEY}\"}\n").find("env.A: there is no ${KEY}") == 0);
  CHECK(refused("needs: [database]\nprocesses: {mariadb: {}}\n").find("processes.mariadb:") == 0);
  CHECK(refused("expose: [{port: 80}]\nprocesses: {edge: {}}\n").find("processes.edge:") == 0);
  CHECK(refused("processes: {edge: {}}\n") == "nothing");
}

TEST_CASE(
    "A2: a port that an app may not have is told, and is no error: what runs is looked after") {
  std::vector<std::unique_ptr<Provider>> providers;
  providers.push_back(nginx::make_provider(testing::test_keys()));
  providers.push_back(docker::make_provider(testing::test_keys()));
  const auto refused = [&](const std::string& name, bool edge) {
    const ParsedManifest parsed = parse_manifest(
        "a.yml", "name: " + name + "\nimage: a:1\nexpose: [{proto: tcp, port: 1, publish: 80}]\n");
    const auto app = std::make_shared<const App>(*parsed.apps.at(0).app);
    const auto graph =
        resolve(providers, app, {Platform(), {}, {}, {}, [&](const std::string&) { return edge; }});
    REQUIRE(graph.ok());
    return (*graph)->refused;
  };
  CHECK(refused("blog", true).find("port 80 of the host is the edge's") != std::string::npos);
  CHECK(refused("blog", false).empty());
  CHECK(refused("edge", true).empty());
}
