#include "tests/sim/services_conformance.h"

#include <doctest/doctest.h>

#include "tests/live/services.h"

// The same table as the simulated services' on a real MariaDB and a real RabbitMQ, which are the
// shared ones of an installation: what the table makes is foreign to the daemon that runs them.
namespace fairlead::sim {
namespace {

using testing::LiveEngine;
using testing::Services;

class LiveServices : public ServiceTarget {
 public:
  LiveServices()
      : services_(Services::running()),
        bus_(services_.address("rabbitmq")),
        root_{"root", Secret(services_.password_of("mariadb")), ""},
        admin_{"fairlead", Secret(services_.password_of("rabbitmq")), ""} {}

  Answer sql(const std::string& statement) override { return sql_as(root_, statement); }
  Answer sql_as(const Login& login, const std::string& statement) override {
    return services_.ask(login, statement);
  }
  Answer http(const std::string& method, const std::string& path,
              const std::string& body) override {
    return request(admin_, method, path, body.empty() ? Json() : Json::parse(body).value());
  }
  Answer http_as(const Login& login, const std::string& path) override {
    return request(login, "GET", path, Json());
  }

 private:
  Answer request(const Login& login, const std::string& method, const std::string& path,
                 const Json& body) const {
    const std::string api = "/api";
    REQUIRE(path.starts_with(api));
    const LiveEngine::Reply reply =
        testing::ask_bus(bus_, login, method, path.substr(api.size()), body);
    return {reply.status, reply.text, ""};
  }

  const Services& services_;
  const std::string bus_;
  const Login root_;
  const Login admin_;
};

TEST_CASE("the real services answer as the table says") {
  LiveServices target;
  for (const ServiceRow& row : service_table()) {
    CAPTURE(row.name);
    for (const std::string& wrong : run_services(target, row)) FAIL_CHECK(wrong);
  }
  Services::end();
}

}  // namespace
}  // namespace fairlead::sim
