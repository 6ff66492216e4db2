#include "tests/live/services.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What apps get from the shared database and message bus, on real ones: how it is given, guarded,
// mended, renewed, taken away and found again. The services run from the first test on; each test
// has apps of its own.
namespace fairlead::testing {
namespace {

constexpr seconds mend_limit{20};
constexpr seconds service_limit{120};  // until a service that was killed is there again

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

// The container of the app's main process.
Json front(const LiveHost& host, const std::string& app) {
  for (const Json& container : host.containers(app)) {
    if (container["Labels"]["fairlead.process"].as_string() == "web") {
      return host.engine().inspect(container["Id"].as_string());
    }
  }
  FAIL(app << " has no main process");
  return {};
}

std::string started(const Json& container) {
  return container["Id"].as_string() + " " + container["State"]["StartedAt"].as_string();
}

std::string page(const LiveHost& host, const std::string& app, const std::string& path) {
  return web(address_of(front(host, app)), path).text;
}

// Visits the app's page `count` times, and waits until the worker has counted all that there were.
void visit(const LiveHost& host, const std::string& app, int count, const std::string& total) {
  for (int i = 0; i < count; ++i) REQUIRE(says(page(host, app, "/"), "<h1>Visit "));
  const std::string wanted = "visits " + total + ", counted " + total + "\n";
  host.until(app + " says " + wanted, [&] { return page(host, app, "/count") == wanted; });
}

bool has_database(const Services& services, const std::string& name) {
  return !services.rows("SHOW DATABASES LIKE '" + name + "'").empty();
}

bool has_on_bus(const Services& services, const std::string& path) {
  return services.bus("GET", path).ok();
}

// Whether anything listens there, seen from inside the container (of the busybox image).
bool reaches(const LiveHost& host, const Json& container, const std::string& place, int port) {
  const LiveEngine::Ran ran =
      host.engine().exec(container["Id"].as_string(),
                         {"sh", "-c",
                          "echo GET / | busybox timeout 5 busybox nc -w 2 " + place + " " +
                              std::to_string(port) + " 2>/dev/null | busybox wc -c"});
  REQUIRE_MESSAGE(!ran.output.empty(), "the probe does not run");
  return ran.output != "0\n";
}

// One app with all needs for all tests, well.
std::string whole(const LiveHost& host) {
  const std::string app = host.name("whole");
  host.put("whole.yml", counter(app, 1, true));
  host.until_well(app);
  return app;
}

TEST_CASE("an app gets its database, its part of the bus and its storage before it starts") {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string app = whole(host);
  visit(host, app, 3, "3");
  const Json seen = front(host, app);
  CHECK(variable(seen, "DB_DATABASE") == app);
  CHECK(variable(seen, "RABBITMQ_VHOST") == app);
  CHECK(variable(seen, "STORAGE_PATH") == "/data");
  CHECK(services.ask(database_login(seen), "SELECT COUNT(*) FROM `" + app + "`.visits").body ==
        "[[\"3\"]]");
  CHECK(services.ask(database_login(seen), "SELECT * FROM mysql.user").status == 1142);
  CHECK(ask_bus(services.address("rabbitmq"), bus_login(seen), "GET", "/whoami").status == 401);
  CHECK(services.bus_knows(bus_login(seen)));
}

TEST_CASE("only who needs a service reaches it, and no app another app") {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string web = host.name("listens");
  const std::string with = host.name("with");
  const std::string without = host.name("without");
  host.put("listens.yml", manifest(web, "command: [httpd, -f, -p, \"8080\"]\n"));
  host.put("with.yml", manifest(with, "needs: [database]\n"));
  host.put("without.yml", manifest(without));
  host.until_well({web, with, without});
  const Json inside = host.only(with);
  const Json outside = host.only(without);

  CHECK(reaches(host, inside, "mariadb", 3306));
  CHECK(reaches(host, host.only(web), web, 8080));
  CHECK_FALSE(reaches(host, inside, "rabbitmq", 5672));
  CHECK_FALSE(reaches(host, outside, "mariadb", 3306));
  CHECK_FALSE(reaches(host, outside, "rabbitmq", 5672));
  CHECK_FALSE(reaches(host, outside, web, 8080));
  CHECK_FALSE(reaches(host, outside, address_of(host.only(web)), 8080));
  for (const auto& [service, port] : {std::pair{"mariadb", 3306}, {"rabbitmq", 5672}}) {
    const Json seen = services.service(service);
    for (const auto& [network, endpoint] : seen["NetworkSettings"]["Networks"].members()) {
      CAPTURE(network);
      CHECK_FALSE(reaches(host, outside, endpoint["IPAddress"].as_string(), port));
    }
  }
  // In a network of the service that it uses, it reaches its own part of it only.
  CHECK_FALSE(reaches(host, inside, services.address("rabbitmq"), 15672));
  CHECK_FALSE(reaches(host, inside, address_of(outside), 8080));
  for (const char* file : {"listens.yml", "with.yml", "without.yml"}) host.drop(file);
}

struct Drift {
  std::string name;
  std::string sql;     // with "$" for the app
  std::string method;  // or of the bus
  std::string path;
  Json body;
  std::string cause;  // as explain says it
};

std::vector<Drift> drifts_of_the_database() {
  const auto drift = [](const char* name, const char* sql, const char* cause) {
    return Drift{name, sql, "", "", {}, cause};
  };
  return {
      drift("the password is changed", "ALTER USER `$`@`%` IDENTIFIED BY 'by hand'",
            "password changed by hand"),
      drift("another database is opened to it", "GRANT SELECT ON mysql.* TO `$`@`%`",
            "on `mysql`.* was granted by hand"),
      drift("a privilege is taken", "REVOKE INSERT ON `$`.* FROM `$`@`%`",
            "INSERT revoked by hand"),
      drift("the account is dropped", "DROP USER `$`@`%`", "create user $: there is none"),
      drift("its limit is lifted", "ALTER USER `$`@`%` WITH MAX_USER_CONNECTIONS 0",
            "connections_max 0"),
      drift("the database is dropped", "DROP DATABASE `$`", "create database $: there is none"),
  };
}

std::vector<Drift> drifts_of_the_bus() {
  const auto user = [](const char* tags) {
    return Json::object({{"password", "by hand"}, {"tags", tags}});
  };
  const auto rights = [](const char* configure) {
    return Json::object({{"configure", configure}, {"write", ".*"}, {"read", ".*"}});
  };
  return {
      {"its password is changed", "", "PUT", "/users/$", user(""),
       "its password was changed by hand"},
      {"it is made administrator", "", "PUT", "/users/$", user("administrator"),
       "the tags administrator were given by hand"},
      {"another vhost is opened to it", "", "PUT", "/permissions/%2F/$", rights(".*"),
       "it may enter its own only"},
      {"its rights are narrowed", "", "PUT", "/permissions/$/$", rights("^$"),
       "configure changed to"},
      {"its user is deleted", "", "DELETE", "/users/$", {}, "create user $: there is none"},
      {"the vhost is deleted", "", "DELETE", "/vhosts/$", {}, "it is gone, and its queues with it"},
  };
}

std::string filled(std::string text, const std::string& app) {
  for (std::size_t at = 0; (at = text.find('$', at)) != text.npos; at += app.size()) {
    text.replace(at, 1, app);
  }
  return text;
}

// All that both servers say of an app's rights.
std::string rights(const Services& services, const std::string& app) {
  std::string text;
  const Login root{"root", Secret(services.password_of("mariadb")), ""};
  for (const char* statement :
       {"SHOW CREATE USER `$`@`%`", "SHOW GRANTS FOR `$`@`%`",
        "SELECT * FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '$'"}) {
    text += services.ask(root, filled(statement, app)).body + "\n";
  }
  for (const char* path : {"/users/$", "/users/$/permissions",
                           "/vhosts/$?columns=name,description,tags&disable_stats=true"}) {
    text += services.bus("GET", filled(path, app)).text + "\n";
  }
  return text;
}

TEST_CASE("what someone does to accounts, grants, databases and vhosts is mended in one resync") {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string app = host.name("drift");
  host.put("drift.yml", manifest(app, "needs: [database: {connections_max: 7}, messagebus]\n"));
  host.until_well(app);
  const std::string good = rights(services, app);
  const std::string before = started(host.only(app));
  std::vector<Drift> all = drifts_of_the_database();
  for (const Drift& drift : drifts_of_the_bus()) all.push_back(drift);
  for (const Drift& drift : all) {
    CAPTURE(drift.name);
    if (drift.method.empty()) {
      services.change(filled(drift.sql, app));
    } else {
      services.change_bus(drift.method, filled(drift.path, app), drift.body);
    }
    host.until(
        drift.name + ", and it is mended", [&] { return rights(services, app) == good; },
        mend_limit);
    host.until(
        drift.name + ", and explain says so",
        [&] {
          return says(host.run({"explain", app}).out, filled(drift.cause, app));
        },
        mend_limit);
  }
  host.until_well(app);
  CHECK(started(host.only(app)) == before);
  CHECK(services.ask(database_login(host.only(app))).ok());
  CHECK(services.bus_knows(bus_login(host.only(app))));
  host.drop("drift.yml");
}

// Logs in to both services as each running container of an app does, and lets it log in by itself,
// again and again. A refusal counts where the container still runs after it.
class Clients {
 public:
  Clients(const Services& services, std::string app)
      : engine_(services.host().engine()),
        app_(std::move(app)),
        database_(services.address("mariadb") + ":3306"),
        bus_(services.address("rabbitmq")),
        thread_([this] {
          while (!stop_) round();
        }) {}
  ~Clients() { end(); }
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  void end() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int logins() const { return logins_; }
  // Once ended.
  const std::string& failures() const { return failures_; }

 private:
  void round() {
    const LiveEngine::Reply listed =
        engine_.call("GET", "/containers/json?filters=%7B%22label%22%3A%5B%22fairlead.app%3D" +
                                app_ + "%22%5D%7D");
    for (const Json& entry : listed.body.items()) {
      const std::string path = "/containers/" + entry["Id"].as_string() + "/json";
      const Json container = engine_.call("GET", path).body;
      const std::string failure = log_in(container);
      const Json after = engine_.call("GET", path).body;
      if (!failure.empty() && after["State"]["Running"].as_bool()) {
        failures_ += name_of(entry) + ": " + failure + "\n";
      }
      ++logins_;
    }
  }

  static std::string log_in_to_database(const std::string& endpoint, const Login& login) {
    SqlCall call;
    call.endpoint = endpoint;
    call.login = login;
    call.statement = "SELECT 1";
    Answer answer;
    // A session may be ended as it begins, together with the old ones.
    for (int i = 0; i < 2 && !answer.ok(); ++i) {
      live::SqlClient client(true);
      answer = client.call(call);
    }
    return answer.ok() ? "" : "database: " + std::to_string(answer.status) + " " + answer.error;
  }

  std::string log_in(const Json& container) const {
    if (variable(container, "DB_USERNAME").empty()) return "";  // it is gone by now
    const std::string failure = log_in_to_database(database_, database_login(container));
    if (!failure.empty()) return failure;
    const LiveEngine::Reply known = ask_bus(bus_, bus_login(container), "GET", "/whoami");
    if (!is_known(known)) return "bus: " + known.text;
    if (container["Config"]["Labels"]["fairlead.process"].as_string() != "web") return "";
    const LiveEngine::Reply own = web(address_of(container), "/login");
    return own.status == 503 ? "by itself: " + own.text : "";
  }

  const LiveEngine& engine_;
  const std::string app_;
  const std::string database_;
  const std::string bus_;
  std::string failures_;
  std::atomic<int> logins_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;  // the last: it uses the others
};

// A session of the app, held open by `client`: its number.
std::string open_session(const Services& services, const Login& login, live::SqlClient& client) {
  const Answer answer = services.ask(login, "SELECT CONNECTION_ID()", client);
  REQUIRE_MESSAGE(answer.ok(), answer.error);
  const std::string id = answer.body.substr(3, answer.body.size() - 6);
  REQUIRE(services.value("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = " + id) ==
          "1");
  return id;
}

bool session_is_open(const Services& services, const std::string& id) {
  return services.value("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = " + id) !=
         "0";
}

TEST_CASE("a rotation fails no login, and ends with the old password refused") {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string app = host.name("rotates");
  host.put("rotates.yml", counter(app));
  host.until_well(app);
  visit(host, app, 2, "2");
  const Json old = front(host, app);
  live::SqlClient client(false);
  const std::string session = open_session(services, database_login(old), client);

  Clients clients(services, app);
  host.until("clients log in", [&] { return clients.logins() > 10; });
  const std::string revision = host.revision(app);
  host.put("rotates.yml", counter(app, 2));
  host.until_new(app, revision);
  const int rolled = clients.logins();
  host.until("clients log in after it", [&] { return clients.logins() > rolled + 10; });
  clients.end();
  CHECK_MESSAGE(clients.failures().empty(), clients.failures());

  const Json now = front(host, app);
  REQUIRE(variable(now, "DB_PASSWORD") != variable(old, "DB_PASSWORD"));
  host.until("the old session is ended", [&] { return !session_is_open(services, session); });
  CHECK(services.ask(database_login(old)).status == 1045);
  CHECK(services.ask(database_login(now)).ok());
  CHECK_FALSE(services.bus_knows(bus_login(old)));
  CHECK(services.bus_knows(bus_login(now)));
  CHECK(services.bus("GET", "/users/" + app).status == 404);
  visit(host, app, 1, "3");
  host.drop("rotates.yml");
}

bool is_orphan(const LiveHost& host, const std::string& resource) {
  const Json status = host.status();
  const auto& orphans = status["orphans"].items();
  return std::any_of(orphans.begin(), orphans.end(), [&](const Json& orphan) {
    return orphan["resource"].as_string() == resource;
  });
}

void until_orphaned(const LiveHost& host, const std::string& app) {
  host.until(app + " is gone but for its data", [&] {
    return host.app(app).is_null() && is_orphan(host, "database " + app) &&
           is_orphan(host, "vhost " + app);
  });
  CHECK(host.containers(app).empty());
}

TEST_CASE("a removed app keeps its data behind a locked door, until it is purged") {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string app = host.name("leaves");
  host.put("leaves.yml", counter(app));
  host.until_well(app);
  visit(host, app, 2, "2");
  const Login login = database_login(front(host, app));
  live::SqlClient client(false);
  const std::string session = open_session(services, login, client);

  host.drop("leaves.yml");
  until_orphaned(host, app);
  CHECK_FALSE(session_is_open(services, session));
  CHECK(services.ask(login).status == 4151);
  CHECK(has_database(services, app));
  CHECK(services.bus("GET", "/users/" + app).status == 404);
  CHECK(has_on_bus(services, "/vhosts/" + app));
  CHECK(says(host.run({"status"}).out, "fairlead purge " + app));

  host.put("leaves.yml", counter(app));
  host.until_well(app);
  CHECK_FALSE(is_orphan(host, "database " + app));
  visit(host, app, 1, "3");
  services.change("CREATE USER guest");
  services.change("GRANT SELECT ON `" + app + "`.* TO guest");

  host.drop("leaves.yml");
  until_orphaned(host, app);
  const LiveHost::Ran purged = host.run({"purge", app});
  CHECK_MESSAGE(purged.code == 0, purged.err);
  host.until("its data is gone", [&] {
    return !has_database(services, app) && !has_on_bus(services, "/vhosts/" + app);
  });
  CHECK(services.rows("SELECT * FROM mysql.db WHERE Db = '" + app + "'").empty());
  CHECK(services.rows("SELECT * FROM mysql.global_priv WHERE User = '" + app + "'").empty());
  services.change("DROP USER guest");
}

bool in_conflict(const LiveHost& host, const std::string& app, const std::string& resource) {
  const Json seen = host.app(app);
  return seen["reason"].as_string() == "Conflict" && says(seen["message"].as_string(), resource);
}

TEST_CASE("a database and a vhost of others in the way are conflicts, and stay as they are") {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string well = whole(host);
  const std::string a = host.name("taken-a");
  const std::string b = host.name("taken-b");
  const std::string before = started(front(host, well));
  services.change("CREATE DATABASE `" + a + "` COMMENT 'theirs'");
  services.change_bus("PUT", "/vhosts/" + b);
  const auto theirs = [&] { return rights(services, a) + rights(services, b); };
  const std::string untouched = theirs();
  host.put("a.yml", manifest(a, "needs: [database]\n"));
  host.put("b.yml", manifest(b, "needs: [messagebus]\n"));
  host.until("both conflicts are told", [&] {
    return in_conflict(host, a, "database " + a) && in_conflict(host, b, "vhost " + b);
  });
  std::this_thread::sleep_for(seconds(3));  // a resync and more
  CHECK(host.containers(a).empty());
  CHECK(host.containers(b).empty());
  CHECK(theirs() == untouched);
  CHECK(host.well(well));
  CHECK(started(front(host, well)) == before);

  services.change("DROP DATABASE `" + a + "`");
  services.change_bus("DELETE", "/vhosts/" + b);
  host.until_well({a, b});
  host.drop("a.yml");
  host.drop("b.yml");
}

void check_survives(const std::string& service, const std::string& need,
                    const std::function<void(const std::string&)>& harm) {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string app = whole(host);
  const std::string before = started(front(host, app));
  const std::string comes = host.name("meets-" + need);
  harm(host.only_id(service));
  host.put("comes.yml", manifest(comes, "needs: [" + need + "]\n"));
  host.until("it is told that " + service + " is away", [&] {
    const Json seen = host.app(app);
    return seen["sync"].as_string() != "Synced" && says(seen.dump(), service);
  });
  CHECK(host.app(app)["health"].as_string() == "Healthy");
  CHECK(host.containers(comes).empty());
  host.until_well({app, comes, service}, service_limit);
  CHECK(started(front(host, app)) == before);
  host.until("the app works again", [&] { return page(host, app, "/login") == "ok\n"; });
  host.drop("comes.yml");
}

TEST_CASE("a database that is removed by hand comes back, and no app is touched meanwhile") {
  const LiveEngine& engine = Services::running().host().engine();
  check_survives("mariadb", "database", [&](const std::string& id) { engine.remove(id); });
}

TEST_CASE("a bus that is killed comes back, and no app is touched meanwhile") {
  const LiveEngine& engine = Services::running().host().engine();
  check_survives("rabbitmq", "messagebus", [&](const std::string& id) {
    engine.done("POST", "/containers/" + id + "/kill");
  });
}

TEST_CASE("no password is in labels, the log, the status, an explanation or a plan") {
  Services& services = Services::running();
  LiveHost& host = services.host();
  const std::string app = whole(host);
  const Json seen = front(host, app);
  std::string told = host.log() + host.run({"plan"}).out + host.status().dump();
  for (const std::string& one : {app, std::string("mariadb"), std::string("rabbitmq")}) {
    for (const Json& container : host.containers(one)) told += container["Labels"].dump();
    told += host.run({"explain", one}).out + host.run({"explain", one, "-o", "json"}).out;
  }
  for (const std::string& secret :
       {services.password_of("mariadb"), services.password_of("rabbitmq"),
        variable(seen, "DB_PASSWORD"), variable(seen, "RABBITMQ_PASSWORD")}) {
    REQUIRE(secret.size() >= 20);
    CHECK_FALSE(says(told, secret));
  }
  // The last one: a failure to remove them is still a test's.
  Services::end();
}

}  // namespace
}  // namespace fairlead::testing
