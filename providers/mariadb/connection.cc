#include "providers/mariadb/connection.h"

#include <cstdio>
#include <utility>

#include "providers/mariadb/judge.h"
#include "providers/mariadb/sql.h"

namespace fairlead::mariadb {
namespace {

constexpr std::size_t root_password_characters = 32;
constexpr int oldest_major = 10;
constexpr int oldest_minor = 6;

std::string endpoint(const std::string& host, int port) {
  const bool bare_ipv6 = host.find(':') != host.npos && host[0] != '[';
  return (bare_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string user_of(const Platform& platform) {
  return platform.database.external ? platform.database.user : "root";
}

Json facts_of(const Place& place, const Platform& platform) {
  const Platform::Service& service = platform.database;
  Json facts = Json::object({{"host", place.host},
                             {"port", port_of(platform)},
                             {"external", service.external},
                             {"user", user_of(platform)}});
  if (!service.external) return facts;
  facts.set("password_file", service.password_file);
  if (service.tls) facts.set("ca_file", service.ca_file);
  return facts;
}

SqlCall call_to(const Keys& keys, const Json& facts, std::string statement) {
  SqlCall call;
  call.endpoint = endpoint(facts["host"].as_string(), static_cast<int>(facts["port"].as_int()));
  call.login.user = facts["user"].as_string();
  if (facts["external"].as_bool()) {
    call.login.password_file = facts["password_file"].as_string();
  } else {
    // The same text as the app "mariadb" gets by `secrets: {MARIADB_ROOT_PASSWORD: {generate:
    // 32}}`.
    call.login.password =
        keys.derive("secret/mariadb/MARIADB_ROOT_PASSWORD", root_password_characters);
  }
  if (facts.has("ca_file")) call.tls = Tls{facts["ca_file"].as_string()};
  call.statement = std::move(statement);
  call.timeout = read_timeout;
  return call;
}

std::string refused_advice(const Platform& platform) {
  if (platform.database.external) {
    return "put the right one into " + platform.database.password_file +
           ", and check database.user in the platform file";
  }
  return "its data is of another installation's key, or root's password was changed inside; set it "
         "back to the one in the file /run/secrets/MARIADB_ROOT_PASSWORD of its container";
}

}  // namespace

std::string host_for_apps(const Platform& platform) {
  return platform.database.external ? platform.database.host : "mariadb";
}

int port_of(const Platform& platform) { return platform.database.port; }

SqlCall version_call(const Keys& keys, const Place& place, const Platform& platform) {
  return call_to(keys, facts_of(place, platform), select_version());
}

Result<Session> negotiate_version(const Place& place, const Platform& platform,
                                  const std::vector<Answer>& answers) {
  const std::string at = endpoint(place.host, port_of(platform));
  if (answers.empty()) return Error{Code::unavailable, "MariaDB at " + at + " was not asked", ""};
  const Answer& answer = answers.front();
  if (answer.status == error_wrong_password) {
    return Error{Code::denied,
                 "MariaDB at " + at + ": wrong password of " + user_of(platform) + ": " +
                     answer.error + "; " + refused_advice(platform),
                 ""};
  }
  if (!answer.ok()) return Error{code_of(answer), "MariaDB at " + at + ": " + explain(answer), ""};
  const Result<Json> rows = Json::parse(answer.body);
  std::string version;
  if (rows && !rows->items().empty() && !rows->items()[0].items().empty()) {
    version = rows->items()[0].items()[0].as_string();
  }
  int major = 0;
  int minor = 0;
  const bool known = std::sscanf(version.c_str(), "%5d.%5d", &major, &minor) == 2;
  const bool old = major < oldest_major || (major == oldest_major && minor < oldest_minor);
  if (version.find("MariaDB") == version.npos || !known || old) {
    return Error{Code::unavailable,
                 "the server at " + at + " says that it is " +
                     (version.empty() ? "nothing that is known" : version) +
                     ", fairlead needs MariaDB 10.6 or later: " +
                     (known && old ? "upgrade it" : "give another one in the platform file"),
                 ""};
  }
  Session session;
  session.description = "MariaDB " + version.substr(0, version.find('-')) + " at " + at;
  session.facts = facts_of(place, platform);
  return session;
}

SqlCall reading_call(const Keys& keys, const Session& session, std::string statement) {
  return call_to(keys, session.facts, std::move(statement));
}

SqlCall writing_call(const Keys& keys, const Session& session, std::string statement) {
  SqlCall call = call_to(keys, session.facts, std::move(statement));
  call.write = true;
  call.timeout = call.statement.rfind("DROP DATABASE ", 0) == 0 ? drop_timeout : write_timeout;
  return call;
}

}  // namespace fairlead::mariadb
