#include "providers/mariadb/mariadb.h"

#include <doctest/doctest.h>

#include "tests/mariadb_scene.h"

using namespace fairlead;
using namespace fairlead::mariadb;
using fairlead::mariadb::testing::keys;
using fairlead::mariadb::testing::parse_scene;
using fairlead::mariadb::testing::Scene;

namespace {

const std::string needs_one = "name: blog\nimage: a:1\nneeds: [database]\n";
const std::string in_place = "database ours\ngrant blog ALL\naccount R1\n";

Platform external() {
  Platform platform;
  Platform::Service& service = platform.database;
  service.external = true;
  service.host = "db.example.org";
  service.port = 3307;
  service.user = "admin";
  service.password_file = "/etc/fairlead/db.password";
  service.tls = true;
  return platform;
}

Result<Session> negotiate(const Platform& platform, const Answer& answer) {
  const auto provider = make_provider(keys());
  return provider->negotiate({"10.2.0.9", ""}, platform, {answer});
}

// The statements that an observation of the app sends.
std::size_t asked(const Scene& scene, const Section* before, bool listed) {
  const auto provider = make_provider(keys());
  Scope scope;
  scope.app = "blog";
  scope.wanted = scene.wanted.get();
  scope.before = before;
  scope.listed = listed;
  return provider->observe(scene.session, scope)->next().size();
}

}  // namespace

TEST_CASE("a managed server is asked as root with the derived password, an external one by file") {
  const auto provider = make_provider(keys());
  const Platform managed;
  CHECK(provider->hosted_by(managed) == "mariadb");
  const auto own = std::get<SqlCall>(*provider->handshake({"10.2.0.9", ""}, managed, {}));
  CHECK(own.endpoint == "10.2.0.9:3306");
  CHECK(own.login.user == "root");
  CHECK(own.login.password == keys().derive("secret/mariadb/MARIADB_ROOT_PASSWORD", 32));
  CHECK(!own.tls);
  CHECK(!own.writes());

  CHECK(provider->hosted_by(external()).empty());
  const Place place = provider->place(external());
  const auto other = std::get<SqlCall>(*provider->handshake(place, external(), {}));
  CHECK(other.endpoint == "db.example.org:3307");
  CHECK(other.login.user == "admin");
  CHECK(other.login.password.empty());
  CHECK(other.login.password_file == "/etc/fairlead/db.password");
  CHECK(other.tls);
  CHECK(!provider->handshake(place, external(), {Answer()}));
}

TEST_CASE("the handshake takes MariaDB from 10.6 and tells of anything else what it is") {
  const Answer good{200, R"([["10.11.19-MariaDB-0+deb12u1","root@%"]])", ""};
  const Result<Session> session = negotiate({}, good);
  REQUIRE(session.ok());
  CHECK(session->description == "MariaDB 10.11.19 at 10.2.0.9:3306");
  CHECK(session->facts.dump().find(
            keys().derive("secret/mariadb/MARIADB_ROOT_PASSWORD", 32).reveal()) ==
        std::string::npos);
  const auto error = [](const Answer& answer) { return negotiate({}, answer).error().message; };
  CHECK(error({200, R"([["8.0.36","root@%"]])", ""}).find("8.0.36, fairlead needs MariaDB") !=
        std::string::npos);
  CHECK(error({200, R"([["10.5.9-MariaDB","root@%"]])", ""}).find("upgrade it") !=
        std::string::npos);
  CHECK(error({1045, "denied", "denied"}).find("wrong password of root") != std::string::npos);
  CHECK(error({1040, "many", "many"}).find("is full") != std::string::npos);
  CHECK(error({0, "", "refused"}).find("no answer: refused") != std::string::npos);
  CHECK(negotiate(external(), {1045, "denied", "denied"})
            .error()
            .message.find("/etc/fairlead/db.password") != std::string::npos);
}

TEST_CASE("an app that needs a database is told where it is, others are told nothing") {
  const Scene scene = parse_scene(needs_one, "");
  const auto& env = scene.wanted->env;
  const std::string password = app_password(keys(), "blog", 1).reveal();
  CHECK(env.at("DATABASE_URL") == "mysql://blog:" + password + "@mariadb:3306/blog");
  CHECK(env.at("DB_PASSWORD") == password);
  CHECK(env.at("DB_HOST") == "mariadb");
  CHECK(env.size() == 7);
  CHECK(scene.wanted->services == std::map<std::string, bool>{{"mariadb", true}});
  const Scene without = parse_scene("name: blog\nimage: a:1\n", "");
  CHECK(without.wanted->env.empty());
  CHECK(without.wanted->services.empty());

  const Platform platform = external();
  Graph graph;
  const std::map<std::string, Secret> secrets;
  const auto provider = make_provider(keys());
  REQUIRE(provider->resolve({scene.wanted->app.get(), &platform, &secrets}, graph).ok());
  CHECK(graph.env.at("DB_HOST") == "db.example.org");
  CHECK(graph.services.empty());
}

TEST_CASE("nothing is asked for an app without a database, nor again right after a listing") {
  const Scene wants = parse_scene(needs_one, in_place);
  const Scene none = parse_scene("name: blog\nimage: a:1\n", "");
  CHECK(asked(wants, nullptr, false) == 1);
  CHECK(asked(wants, nullptr, true) == 1);
  CHECK(asked(wants, wants.seen.get(), false) == 1);
  CHECK(asked(wants, wants.seen.get(), true) == 0);
  CHECK(asked(none, nullptr, false) == 0);
  CHECK(asked(none, wants.seen.get(), false) == 1);
}

TEST_CASE("a listing is one statement, and names only apps that have something of ours") {
  const Scene scene = parse_scene(needs_one, in_place);
  Json rows = scene.rows;
  rows.push(testing::row({"database", "", "", "stranger", "utf8mb4", ""}));
  const auto provider = make_provider(keys());
  const auto observer = provider->observe(scene.session, Scope());
  CHECK(observer->next().size() == 1);
  CHECK(observer->next().empty());
  REQUIRE(observer->take(0, {200, rows.dump(), ""}).ok());
  const auto observed = observer->finish();
  CHECK(observed.apps.size() == 1);
  CHECK(observed.apps.count("blog") == 1);
  CHECK(!provider->observe(scene.session, Scope())->take(0, {1040, "many", "many"}).ok());
}

TEST_CASE("a listing tells each thing that changed, without a hash") {
  const auto provider = make_provider(keys());
  const auto changes = [&](const std::string& before, const std::string& after) {
    const Scene was = parse_scene("", before);
    const Scene is = parse_scene("", after);
    std::string text;
    for (const auto& change : provider->changes(was.seen.get(), is.seen.get()))
      text += change + "; ";
    return text;
  };
  CHECK(changes(in_place, in_place).empty());
  CHECK(changes("", "database foreign\naccount X\n").empty());
  CHECK(changes(in_place, "database ours\ngrant blog ALL\naccount X\n") ==
        "password of user blog changed; ");
  CHECK(changes(in_place, in_place + "role r\n") == "role r of user blog appeared; ");
  CHECK(changes(in_place, "database ours\naccount R1 locked\n") ==
        "user blog changed; privileges of user blog on `blog`.* vanished; ");
}

TEST_CASE("a locked account without sessions is nothing, and its database is data") {
  const auto provider = make_provider(keys());
  const auto left = [&](const std::string& seen) {
    const Scene scene = parse_scene("", seen);
    const Section* section = scene.seen.get();
    const auto data = provider->data(section);
    return std::string(provider->anything(section) ? "something" : "nothing") +
           (data.empty() ? "" : ", " + data.front());
  };
  CHECK(left(in_place) == "something, database blog");
  CHECK(left("database ours\naccount R1 locked\n") == "nothing, database blog");
  CHECK(left("database ours\naccount R1 locked\nsession 5 10.2.0.3:9\n") ==
        "something, database blog");
  CHECK(left("database foreign\naccount X\n") == "nothing");
  CHECK(left("") == "nothing");
}
