#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "tests/live/services.h"

// What one app can take of the real services that all of them share.
namespace fairlead::testing {
namespace {

constexpr int too_many = 1226;  // ER_USER_LIMIT_REACHED

TEST_CASE("class A13: an app at its limit of connections keeps no other from logging in") {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string greedy = host.name("greedy");
  const std::string modest = host.name("modest");
  host.put("greedy.yml", counter(greedy));
  host.put("modest.yml", counter(modest));
  host.until_well({greedy, modest});
  const auto login_of = [&](const std::string& app) {
    for (const Json& container : host.containers(app)) {
      if (container["Labels"]["fairlead.process"].as_string() == "web") {
        return database_login(host.engine().inspect(container["Id"].as_string()));
      }
    }
    FAIL(app << " has no main process");
    return Login();
  };
  const Login login = login_of(greedy);
  std::vector<std::unique_ptr<live::SqlClient>> held;
  Answer refused;
  for (int i = 0; i < 60 && refused.status != too_many; ++i) {
    held.push_back(std::make_unique<live::SqlClient>(false));
    refused = services.ask(login, "SELECT 1", *held.back());
  }
  CHECK(refused.status == too_many);
  CHECK(held.size() > 10);  // its manifest says 20
  CHECK(services.ask(login_of(modest)).ok());
  CHECK(services.value("SELECT @@GLOBAL.connect_timeout") == "3");
  CHECK(services.value("SELECT @@GLOBAL.max_connections") == "500");
  host.drop("greedy.yml");
  host.drop("modest.yml");
}

TEST_CASE("class A13: a vhost has a limit of connections, of queues, and of what they hold") {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string app = host.name("queues");
  host.put("queues.yml", "name: " + app +
                             "\nimage: fairlead/ledger:1\nneeds:\n- database\n- messagebus: "
                             "{queues_max: 2, queue_size: 1M}\n");
  host.until("the limits are there", [&] {
    const auto limits = services.bus("GET", "/vhost-limits/" + app);
    return limits.text.find("\"max-connections\":100") != std::string::npos &&
           limits.text.find("\"max-queues\":2") != std::string::npos &&
           services.bus("GET", "/operator-policies/" + app + "/fairlead").ok();
  });
  CHECK(services.value("SELECT JSON_VALUE(Priv, '$.max_user_connections') FROM mysql.global_priv "
                       "WHERE User = '" +
                       app + "'") == "50");
  const std::string queues = "/queues/" + app + "/";
  const Json nothing = Json::object();
  services.bus("PUT", queues + "one", nothing);
  services.bus("PUT", queues + "two", nothing);
  CHECK_FALSE(services.bus("PUT", queues + "three", nothing).ok());

  // What a full queue has it keeps, and more it does not take.
  const Json message = Json::object({{"properties", Json::object()},
                                     {"routing_key", "one"},
                                     {"payload", std::string(400'000, 'x')},
                                     {"payload_encoding", "string"}});
  int taken = 0;
  for (int i = 0; i < 6; ++i) {
    const auto reply = services.bus("POST", "/exchanges/" + app + "/amq.default/publish", message);
    taken += reply.text == R"({"routed":true})";
  }
  CHECK(taken <= 3);
  const Json first = Json::object(
      {{"count", 10}, {"ackmode", "ack_requeue_true"}, {"encoding", "auto"}, {"truncate", 10}});
  CHECK(services.bus("POST", queues + "one/get", first).body.items().size() ==
        static_cast<std::size_t>(taken));

  // By hand it is taken away, and comes back.
  services.change_bus("DELETE", "/operator-policies/" + app + "/fairlead");
  host.until("the policy is back",
             [&] { return services.bus("GET", "/operator-policies/" + app + "/fairlead").ok(); });
  host.drop("queues.yml");
  Services::end();
}

}  // namespace
}  // namespace fairlead::testing
