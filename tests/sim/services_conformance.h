#pragma once

#include <string>
#include <vector>

#include "reconciler/world.h"

// One table of what MariaDB and RabbitMQ answer to the statements and requests of the providers,
// run on the simulated servers and (tests/live) on real ones, so that the simulated ones are never
// nicer. Rows are values; each makes only what is called "conf" or "conf-…", and removes it.
namespace fairlead::sim {

// Servers to run the table on; each call comes from an administrator unless it brings a login.
class ServiceTarget {
 public:
  virtual ~ServiceTarget() = default;
  virtual Answer sql(const std::string& statement) = 0;
  virtual Answer sql_as(const Login& login, const std::string& statement) = 0;
  virtual Answer http(const std::string& method, const std::string& path,
                      const std::string& body) = 0;
  virtual Answer http_as(const Login& login, const std::string& path) = 0;
};

struct ServiceStep {
  std::string method;  // "SQL", or of HTTP
  std::string what;    // statement or path
  std::string body;
  int status = 0;
  std::string says;  // part of the answer; empty: anything
  std::string lacks;
  std::string user;  // with `password`, instead of the administrator's
  std::string password;

  ServiceStep& with(const std::string& text);
  ServiceStep& without(const std::string& text);
  ServiceStep& as(const std::string& login, const std::string& secret);
};

struct ServiceRow {
  std::string name;
  std::vector<ServiceStep> steps;
};

const std::vector<ServiceRow>& service_table();

// What did not hold, in words; empty: all of it did.
std::vector<std::string> run_services(ServiceTarget& target, const ServiceRow& row);

}  // namespace fairlead::sim
