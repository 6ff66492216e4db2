#include <doctest/doctest.h>

#include "providers/rabbitmq/resolve.h"
#include "tests/rabbitmq_scene.h"

using namespace fairlead;
using namespace fairlead::rabbitmq;
using fairlead::testing::bus_keys;
using fairlead::testing::BusScene;

TEST_CASE("an app that needs a message bus is told where it is, as whom, and how") {
  const BusScene scene(
      "name: blog\nimage: a/b:1\nneeds:\n- messagebus: {rotation: 3, connections_max: 9}\n", "");
  const std::string password = password_of(bus_keys(), {"blog", 3}).reveal();
  const std::string url = "amqp://blog.3:" + password + "@rabbitmq:5672/blog";
  const std::map<std::string, std::string> env = {
      {"AMQP_URL", url},          {"RABBITMQ_URL", url},       {"RABBITMQ_HOST", "rabbitmq"},
      {"RABBITMQ_PORT", "5672"},  {"RABBITMQ_USER", "blog.3"}, {"RABBITMQ_PASSWORD", password},
      {"RABBITMQ_VHOST", "blog"},
  };
  CHECK(scene.wanted->env == env);
  CHECK(scene.wanted->services == std::map<std::string, bool>{{"rabbitmq", true}});
  REQUIRE(scene.wanted->resources.size() == 1);
  CHECK(scene.wanted->resources[0].id() == "vhost blog");
  const auto* spec = dynamic_cast<const AccountSpec*>(scene.wanted->resources[0].spec.get());
  REQUIRE(spec);
  CHECK(spec->account == Account{"blog", 3});
  CHECK(spec->connections_max == 9);
  CHECK(spec->queues_max == 1000);
}

TEST_CASE("class A13: an app that says no limit has one of connections, of queues and their size") {
  const auto spec_of = [](const BusScene& scene) {
    return dynamic_cast<const AccountSpec&>(*scene.wanted->resources.at(0).spec);
  };
  const AccountSpec usual = spec_of(BusScene("name: a\nimage: a\nneeds: [messagebus]\n", ""));
  CHECK(usual.connections_max == 100);
  CHECK(usual.queues_max == 1000);
  CHECK(usual.queue_size == 256 << 20);
  const AccountSpec said = spec_of(
      BusScene("name: a\nimage: a\nneeds: [{messagebus: {queues_max: 7, queue_size: 2M}}]\n", ""));
  CHECK(said.queues_max == 7);
  CHECK(said.queue_size == 2 << 20);
}

TEST_CASE("an external message bus is reached at its own name, by TLS where that is said") {
  const std::string manifest = "name: blog\nimage: a/b:1\nneeds: [messagebus]\n";
  const BusScene plain(manifest, "external\n");
  const std::string password = password_of(bus_keys(), {"blog", 1}).reveal();
  CHECK(plain.wanted->env.at("RABBITMQ_URL") ==
        "amqp://blog:" + password + "@mq.example.org:5671/blog");
  CHECK(plain.wanted->services.empty());
  const BusScene encrypted(manifest, "external tls\n");
  CHECK(encrypted.wanted->env.at("RABBITMQ_URL").rfind("amqps://blog:", 0) == 0);
}

TEST_CASE("an IPv6 address stands in brackets in a URL, and as it is beside it") {
  BusScene scene("", "external\n");
  scene.platform.messagebus.host = "fd00::1";
  const ParsedManifest parsed =
      parse_manifest("blog.yml", "name: blog\nimage: a/b:1\nneeds: [messagebus]\n");
  const ResolveInput input{&*parsed.apps.at(0).app, &scene.platform, nullptr};
  Graph graph;
  REQUIRE(scene.provider->resolve(input, graph).ok());
  CHECK(graph.env.at("AMQP_URL").find("@[fd00::1]:5671/blog") != std::string::npos);
  CHECK(graph.env.at("RABBITMQ_HOST") == "fd00::1");
}

TEST_CASE("an app whose name is a word of the server's API is refused with its place") {
  const BusScene scene("", "");
  for (const std::string name : {"bulk-delete", "without-permissions"}) {
    const ParsedManifest parsed =
        parse_manifest("a.yml", "name: " + name + "\nimage: a/b:1\nneeds: [messagebus]\n");
    const ResolveInput input{&*parsed.apps.at(0).app, &scene.platform, nullptr};
    Graph graph;
    const Result<void> resolved = scene.provider->resolve(input, graph);
    REQUIRE_FALSE(resolved.ok());
    CHECK(resolved.error().code == Code::invalid);
    CHECK(resolved.error().text().rfind("a.yml:1: RabbitMQ can have no user " + name, 0) == 0);
    CHECK(graph.env.empty());
  }
}

TEST_CASE("an app that needs no message bus gets nothing") {
  const BusScene scene("name: blog\nimage: a/b:1\nneeds: [database]\n", "");
  CHECK(scene.wanted->env.empty());
  CHECK(scene.wanted->resources.empty());
  CHECK(scene.wanted->services.empty());
}
