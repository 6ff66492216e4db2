#pragma once

#include <memory>
#include <string>
#include <vector>

#include "reconciler/live/sql_client.h"
#include "tests/live/live_host.h"

// The shared MariaDB and RabbitMQ of one installation on a real engine, as deploy/platform
// describes them, with the images of deploy/images. They start slowly and find each other by fixed
// names, so there is one of these in a process: made at its first use, removed at the end of the
// process. It speaks to both servers as their administrator, with the passwords that fairlead has
// derived, and as anybody else. Used from the test's thread; what is const also from others. What
// does not answer as it must fails the test.
namespace fairlead::testing {

class Services {
 public:
  // Fails the test where objects of these names stand on the engine already, or they do not start.
  static Services& running();
  // Removes them while a failure to do so is still a test's.
  static void end() { held().reset(); }

  LiveHost& host() { return host_; }
  const LiveHost& host() const { return host_; }

  using Rows = std::vector<std::vector<std::string>>;  // null is "NULL"
  Rows rows(const std::string& statement) const;
  std::string value(const std::string& statement) const;  // of the one row with one column
  void change(const std::string& statement) const;
  // On `client`, which keeps its connection, or on a new one.
  Answer ask(const Login& login, const std::string& statement, live::SqlClient& client) const;
  Answer ask(const Login& login, const std::string& statement = "SELECT 1") const;

  // The management API of the message bus, as the administrator.
  LiveEngine::Reply bus(const std::string& method, const std::string& path,
                        const Json& body = {}) const;
  void change_bus(const std::string& method, const std::string& path, const Json& body = {}) const;
  bool bus_knows(const Login& login) const;

  // What a service is known by on the engine.
  Json service(const std::string& name) const { return host_.only(name); }
  std::string address(const std::string& service) const;  // in its own network
  // Content of the file that a service reads its password from.
  std::string password_of(const std::string& service) const;

 private:
  static std::unique_ptr<Services>& held();
  Services();

  LiveHost host_;
};

// Of a container as inspected: a variable of its environment; its address in its app's network.
std::string variable(const Json& container, const std::string& name);
std::string address_of(const Json& container);
Login database_login(const Json& container);
Login bus_login(const Json& container);

// The app of deploy/examples that counts visits in the database by jobs on the bus, without a
// published port. `storage`: with a volume too.
std::string counter(const std::string& app, int rotation = 1, bool storage = false);

// A call to the management API at `address`, as anybody. Who may not use the API is told so only
// with the right password: then the login is known.
LiveEngine::Reply ask_bus(const std::string& address, const Login& login, const std::string& method,
                          const std::string& path, const Json& body = {});
bool is_known(const LiveEngine::Reply& reply);

// GET of http://ADDRESS:8080PATH; status 0: no answer.
LiveEngine::Reply web(const std::string& address, const std::string& path);

}  // namespace fairlead::testing
