#include <doctest/doctest.h>

#include <algorithm>

#include "providers/mariadb/marks.h"
#include "providers/mariadb/sql.h"
#include "tests/sim/host.h"
#include "tests/sim/services_conformance.h"

// The simulated services: the conformance table, what is theirs alone, and how soon the loop mends
// what somebody changed on them.
namespace fairlead::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class Simulated : public ServiceTarget {
 public:
  Answer sql(const std::string& statement) override { return mariadb_.execute(statement); }
  Answer sql_as(const Login& login, const std::string& statement) override {
    // To ask for the version everybody may.
    if (mariadb_.lets_in(login.user, login.password.reveal())) return mariadb_.execute(statement);
    return mariadb_.ask(login, statement, "10.0.0.1");
  }
  Answer http(const std::string& method, const std::string& path,
              const std::string& body) override {
    HttpCall call;
    call.method = method;
    call.path = path;
    call.body = body;
    return rabbitmq_.execute(call);
  }
  Answer http_as(const Login& login, const std::string& path) override {
    HttpCall call;
    call.path = path;
    call.login = login;
    return rabbitmq_.ask(call);
  }

 private:
  SimMariaDb mariadb_{"root"};
  SimRabbitMq rabbitmq_{"fairlead", "secret"};
};

TEST_CASE("the simulated services answer as the table says") {
  Simulated target;
  for (const ServiceRow& row : service_table()) {
    CAPTURE(row.name);
    for (const std::string& wrong : run_services(target, row)) FAIL_CHECK(wrong);
  }
}

TEST_CASE("a session outlives the lock and the end of its account, and ends when it is killed") {
  SimMariaDb server("root");
  server.execute(mariadb::create_user("web", mariadb::password_hash(Secret("one")), 0));
  const std::uint64_t session = server.connect("web", "one", "10.0.0.2");
  REQUIRE(session != 0);
  server.execute(mariadb::lock_user("web"));
  CHECK(server.connect("web", "one", "10.0.0.2") == 0);
  CHECK(server.sessions().count(session) == 1);
  server.execute(mariadb::drop_user("web"));
  CHECK(server.sessions().count(session) == 1);
  CHECK(server.execute(mariadb::kill(std::to_string(session))).status == 200);
  CHECK(server.sessions().empty());
}

TEST_CASE("a server that is full lets nobody in") {
  SimMariaDb server("root");
  const Login root{"root", Secret("root"), ""};
  server.be_full(true);
  CHECK(server.ask(root, mariadb::select_version(), "10.0.0.1").status == 1040);
  server.be_full(false);
  CHECK(server.ask(root, mariadb::select_version(), "10.0.0.1").status == 200);
}

// Both services and an app that uses them, in rest.
struct Bench {
  Bench() {
    files = service_manifests();
    files["web.yml"] = "name: web\nimage: app:1\nneeds: [database, messagebus]\n";
    host.world().set_files(files);
    REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(3)));
    host.run(minutes(1));
    before = host.world().services().text();
    host.may_lose = {"database web", "vhost web"};
  }
  // Whether the services are again as they were, within one resync and what it takes to look.
  bool mended() {
    return host.run_until([&] { return host.world().services().text() == before; }, seconds(40));
  }

  Host host;
  std::map<std::string, std::string> files;
  std::string before;
};

TEST_CASE("what is changed by hand on a service is mended within one resync") {
  Bench bench;
  SimMariaDb& database = bench.host.mariadb();
  SimRabbitMq& bus = bench.host.rabbitmq();
  const SimMariaDb::Who own{"web", "%"};
  SUBCASE("a database's password") { database.set_password("web", "mine"); }
  SUBCASE("a dropped account") { database.execute(mariadb::drop_user("web")); }
  SUBCASE("a dropped database") { database.execute(mariadb::drop_database("web")); }
  SUBCASE("a lock") { database.execute(mariadb::lock_user("web")); }
  SUBCASE("grants removed") { database.revoke_all(own, "web"); }
  SUBCASE("grants added") { database.grant(own, "mysql", {"SELECT"}); }
  SUBCASE("a limit of connections") { database.account("web")->connections_max = 1; }
  SUBCASE("global rights") { database.account("web")->all_privileges = true; }
  SUBCASE("a user's password") { bus.set_password("web", "mine"); }
  SUBCASE("a deleted user") { bus.execute("DELETE", "/api/users/web"); }
  SUBCASE("a deleted vhost") { bus.execute("DELETE", "/api/vhosts/web"); }
  SUBCASE("permissions widened") {
    bus.execute("PUT", "/api/permissions/%2F/web", Json::object({{"configure", ".*"}}));
  }
  SUBCASE("permissions removed") { bus.execute("DELETE", "/api/permissions/web/web"); }
  SUBCASE("a limit of a vhost") {
    bus.execute("PUT", "/api/vhost-limits/web/max-connections", Json::object({{"value", 1}}));
  }
  REQUIRE(bench.host.world().services().text() != bench.before);
  CHECK(bench.mended());
  CHECK(bench.host.violations().empty());
}

TEST_CASE("the audit gets round to every app, and asks no service for it") {
  Bench bench;
  bench.host.world().lose_events(true);
  std::string id;
  for (const auto& [key, container] : bench.host.engine().containers()) {
    if (container.name.rfind("web.web", 0) == 0) id = key;
  }
  bench.host.engine().docker_update(
      id, Json::object({{"Memory", 99'000'000}, {"MemorySwap", 99'000'000}}));
  const auto asked = [&] {
    const auto& trace = bench.host.world().trace();
    return std::count_if(trace.begin(), trace.end(), [](const TraceLine& line) {
      return line.method == "SQL" || line.path.find(":15672/api/") != std::string::npos;
    });
  };
  const auto before = asked();
  bench.host.run(minutes(5));
  CHECK(bench.host.engine().container(id)->host_config["Memory"].as_int() == 1 << 30);
  CHECK(asked() - before >= 8 * 5);
  // A pass that mended something, and the one after it, look at everything.
  CHECK(asked() - before <= 13 * 5 + 2 * 5);
}

TEST_CASE("accounts of one name at both services are two steps, and each is waited for") {
  Bench bench;
  bench.files["b.yml"] = "name: other\nimage: app:1\nneeds: [database, messagebus]\n";
  bench.host.world().set_files(bench.files);
  bench.host.run(minutes(1));
  CHECK(bench.host.health("other") == "Healthy");
  for (const TraceLine& line : bench.host.world().trace()) {
    CAPTURE(line.path);
    if (line.method == "SQL" && line.writes) CHECK(line.status == 200);
  }
}

TEST_CASE("a service that is listed tells nothing of networks: those made before stay taken") {
  Host host;
  std::map<std::string, std::string> files = service_manifests();
  files["a.yml"] = "name: web\nimage: app:1\nneeds: [database]\n";
  host.engine().add_image(image("app:1"));
  host.world().set_files(files);
  // Before the engine is listed for the second time.
  REQUIRE(host.run_until([&] { return host.health("web") == "Healthy"; }, seconds(25)));
  files["b.yml"] = "name: other\nimage: app:1\n";
  host.world().set_files(files);
  REQUIRE(host.run_until([&] { return host.health("other") == "Healthy"; }, seconds(20)));
  for (const TraceLine& line : host.world().trace()) {
    if (line.path.find("/networks/create") != std::string::npos) CHECK(line.status == 201);
  }
}

TEST_CASE("a database that is full holds up what is new, and nothing that runs") {
  Bench bench;
  bench.host.mariadb().be_full(true);
  bench.files["b.yml"] = "name: other\nimage: app:1\nneeds: [database]\n";
  bench.files["c.yml"] = "name: plain\nimage: app:1\n";
  bench.host.world().set_files(bench.files);
  bench.host.run(minutes(2));
  CHECK(bench.host.health("web") == "Healthy");
  CHECK(bench.host.health("plain") == "Healthy");
  CHECK(bench.host.health("other") != "Healthy");
  CHECK(bench.host.ask("status").body.dump().find("Too many connections") != std::string::npos);
  bench.host.mariadb().be_full(false);
  CHECK(bench.host.run_until([&] { return bench.host.all_well(); }, minutes(2)));
}

TEST_CASE("while a service is away every app that uses it says so, and runs on") {
  Bench bench;
  std::string removed;
  for (const auto& [id, container] : bench.host.engine().containers()) {
    if (container.name.rfind("mariadb.web", 0) == 0) removed = container.name;
  }
  REQUIRE_FALSE(removed.empty());
  bench.host.engine().docker_rm_f(removed);
  const auto told = [&] {
    return bench.host.sync("web") == "OutOfSync" &&
           bench.host.ask("status").body.dump().find("ServiceUnavailable") != std::string::npos;
  };
  CHECK(bench.host.run_until(told, seconds(10)));
  CHECK(bench.host.health("web") == "Healthy");
  CHECK(bench.host.run_until([&] { return bench.host.all_well(); }, minutes(2)));
}

TEST_CASE("services that go together with their apps let these go, and their data stays") {
  Bench bench;
  bench.host.world().set_files({{"b.yml", "name: other\nimage: app:1\n"}});
  bench.host.run(minutes(3));
  const Json status = bench.host.ask("status").body;
  CAPTURE(status.dump());
  CHECK(status["apps"].items().size() == 1);
  CHECK(status["removals"]["waiting"].items().empty());
  std::string orphans;
  for (const Json& orphan : status["orphans"].items()) orphans += orphan["app"].as_string() + " ";
  CHECK(orphans == "mariadb rabbitmq ");
  CHECK(bench.host.world().trace_text(true).find("ACCOUNT LOCK") != std::string::npos);
  CHECK(bench.host.violations().empty());
}

TEST_CASE("a foreign database of an app's name is a conflict, and other apps are served") {
  Bench bench;
  bench.host.mariadb().create_database("other", "of somebody");
  bench.files["b.yml"] = "name: other\nimage: app:1\nneeds: [database]\n";
  bench.files["c.yml"] = "name: third\nimage: app:1\nneeds: [database]\n";
  bench.host.world().set_files(bench.files);
  bench.host.run(minutes(2));
  CHECK(bench.host.health("third") == "Healthy");
  CHECK(bench.host.health("other") == "Degraded");
  CHECK(bench.host.message("other").find("is not fairlead's") != std::string::npos);
  CHECK(bench.host.mariadb().databases().at("other").comment == "of somebody");
}

}  // namespace
}  // namespace fairlead::sim
