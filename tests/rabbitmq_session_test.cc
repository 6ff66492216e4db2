#include <doctest/doctest.h>

#include "providers/rabbitmq/decode.h"
#include "tests/rabbitmq_scene.h"

using namespace fairlead;
using fairlead::testing::bus_keys;
using fairlead::testing::BusScene;
using fairlead::testing::ok;

namespace {

const Answer whoami{200, R"({"name":"fairlead","tags":["administrator"]})", ""};
const Answer overview{200, R"({"rabbitmq_version":"3.10.8"})", ""};

Result<Session> negotiated(const BusScene& scene, const std::vector<Answer>& answers) {
  return scene.provider->negotiate(scene.place(), scene.platform, answers);
}

std::string refusal(const std::string& seen, const std::vector<Answer>& answers) {
  const BusScene scene("", seen);
  const Result<Session> session = negotiated(scene, answers);
  REQUIRE_FALSE(session.ok());
  return session.error().message;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a managed server is asked at its container, as fairlead, by the derived password") {
  const BusScene scene("", "");
  CHECK(scene.provider->hosted_by(scene.platform) == "rabbitmq");
  const auto first = scene.provider->handshake(scene.place(), scene.platform, {});
  REQUIRE(first.has_value());
  const HttpCall& call = std::get<HttpCall>(*first);
  CHECK(call.endpoint == "10.213.0.2:15672");
  CHECK(call.path == "/api/whoami");
  REQUIRE(call.login.has_value());
  CHECK(call.login->user == "fairlead");
  CHECK(call.login->password == bus_keys().derive("secret/rabbitmq/RABBITMQ_DEFAULT_PASS", 32));
  CHECK_FALSE(call.tls.has_value());
  CHECK(scene.provider->policy(*first, scene.platform, nullptr).ok());
  CHECK(scene.provider->handshake(scene.place(), scene.platform, {whoami}).has_value());
  CHECK_FALSE(
      scene.provider->handshake(scene.place(), scene.platform, {whoami, overview}).has_value());
  CHECK_FALSE(
      scene.provider->handshake(scene.place(), scene.platform, {{401, "", ""}}).has_value());
}

TEST_CASE("an external server is asked as the platform file says, also after the handshake") {
  const BusScene scene("", "external tls\n");
  CHECK(scene.provider->hosted_by(scene.platform).empty());
  CHECK(scene.provider->place(scene.platform).host == "mq.example.org");
  const auto observer = scene.provider->observe(scene.session, Scope());
  const std::vector<Call> calls = observer->next();
  REQUIRE(calls.size() == 6);
  const HttpCall& call = std::get<HttpCall>(calls[0]);
  CHECK(call.endpoint == "mq.example.org:15671");
  REQUIRE(call.login.has_value());
  CHECK(call.login->user == "admin");
  CHECK(call.login->password.empty());
  CHECK(call.login->password_file == "/etc/mq");
  CHECK(call.tls.has_value());
  CHECK(scene.provider->policy(call, scene.platform, nullptr).ok());
}

TEST_CASE("a session says what was found, and holds no password") {
  const BusScene scene("", "");
  const Session session = negotiated(scene, {whoami, overview}).value();
  CHECK(session.description == "RabbitMQ 3.10.8 at 10.213.0.2:5672");
  CHECK(session.facts["host"].as_string() == "10.213.0.2");
  CHECK(session.facts["port"].as_int() == 5672);
  const std::string password =
      bus_keys().derive("secret/rabbitmq/RABBITMQ_DEFAULT_PASS", 32).reveal();
  CHECK_FALSE(says(session.facts.dump(), password));
}

TEST_CASE("versions before 3.8 and what is no version are refused") {
  const BusScene scene("", "");
  for (const char* version : {"3.8.0", "3.13.7", "4.0.1"}) {
    CAPTURE(version);
    const Json body = Json::object({{"rabbitmq_version", version}});
    CHECK(negotiated(scene, {whoami, ok(body)}).ok());
  }
  for (const char* version : {"3.7.28", "2.9.9", "", "nginx"}) {
    CAPTURE(version);
    const Json body = Json::object({{"rabbitmq_version", version}});
    CHECK(says(refusal("", {whoami, ok(body)}), "needs 3.8 or newer"));
  }
}

TEST_CASE("a refused login says what to do") {
  const Answer refused{401, R"({"error":"not_authorized","reason":"Login failed"})", ""};
  CHECK(says(refusal("", {refused}), "refuses the user fairlead: 401 Login failed; its data was"));
  CHECK(says(refusal("external\n", {refused}), "check user and password_file of messagebus"));
  const Answer no_rights{401, R"({"error":"not_authorised","reason":"Not management user"})", ""};
  CHECK(says(refusal("external\n", {no_rights}), "give it the tag administrator"));
  const Answer manager{200, R"({"name":"admin","tags":["management"]})", ""};
  CHECK(says(refusal("external\n", {manager, overview}), "give it the tag administrator"));
  const Answer before_39{200, R"({"name":"admin","tags":"management,administrator"})", ""};
  CHECK(negotiated(BusScene("", "external\n"), {before_39, overview}).ok());
}

TEST_CASE("a server that is down, in trouble or another one is said to be so") {
  CHECK(says(refusal("", {{0, "", "connection refused"}}), "no answer: connection refused"));
  CHECK(says(refusal("", {{503, "", ""}}), "does not answer: 503"));
  CHECK(says(refusal("", {{404, "<html>", ""}}), "is that its management port"));
  CHECK(says(refusal("", {{200, "<html>", ""}, overview}), "not JSON"));
  CHECK(says(refusal("", {whoami, {0, "", "timed out after 15s"}}), "timed out after 15s"));
}

TEST_CASE("a vhost is data, and users are what a removal waits for") {
  const BusScene both("", "vhost blog\nuser blog\n");
  const auto all = both.listed();
  CHECK(both.provider->data(all.at("blog").get()) == std::vector<std::string>{"vhost blog"});
  CHECK(both.provider->anything(all.at("blog").get()));
  const auto left = BusScene("", "vhost blog\n").listed();
  CHECK(both.provider->data(left.at("blog").get()) == std::vector<std::string>{"vhost blog"});
  CHECK_FALSE(both.provider->anything(left.at("blog").get()));
  CHECK(both.provider->data(nullptr).empty());
  CHECK_FALSE(both.provider->anything(nullptr));
}
