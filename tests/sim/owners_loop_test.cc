#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sim/host.h"

// Class 20: what was made under a name stays with those who made it, whoever says the name next.
namespace fairlead::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const std::string own =
    "name: own\nimage: app:1\nneeds: [storage]\nsecrets: {TOKEN: {generate: 32}}\n";
const std::string stolen = own + "env: {MORE: words}\n";

std::vector<std::string> containers(Host& host, const std::string& app = "own") {
  std::vector<std::string> ids;
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.starts_with(app + ".web.")) ids.push_back(id);
  }
  return ids;
}

std::string claim_token_of(Host& host) {
  const Json claims = host.ask("status").body["claims"];
  REQUIRE(claims.items().size() == 1);
  return claims.items().front()["token"].as_string();
}

std::string source_of(Host& host) {
  return host.ask("explain", {{"app", "own"}}).body["source"].as_string();
}

void settle(Host& host, const std::map<std::string, std::string>& files) {
  host.world().set_files(files);
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(1)));
  host.run(minutes(1));
}

}  // namespace

TEST_CASE("class 20: an owner that renames its file loses nothing to whoever waits for the name") {
  Host host;
  settle(host, {{"team-b/own.yml", own}});
  const auto before = containers(host);
  REQUIRE(before.size() == 1);
  host.world().set_files({{"team-a/x.yml", stolen}, {"team-b/own.yml", own}});
  host.run(seconds(30));
  CHECK(containers(host) == before);
  host.world().set_files({{"team-a/x.yml", stolen}, {"team-b/renamed.yml", own}});
  host.run(minutes(1));
  CHECK(containers(host) == before);
  host.crash_now();
  host.run(minutes(1));
  CHECK(containers(host) == before);
  CHECK(host.violations().empty());
}

TEST_CASE("class 20: data that an owner leaves behind is given by a person's word alone") {
  Host host;
  const std::string other = "name: c\nimage: app:1\n";
  settle(host, {{"team-b/own.yml", own}, {"c.yml", other}});
  host.world().set_files({{"team-a/x.yml", stolen}, {"team-b/own.yml", own}, {"c.yml", other}});
  host.run(seconds(30));
  host.world().set_files({{"team-a/x.yml", stolen}, {"c.yml", other}});
  host.run(minutes(2));
  CHECK(containers(host).empty());
  CHECK(host.engine().volumes().count("own.data") == 1);
  host.crash_now();
  host.run(minutes(1));
  CHECK(containers(host).empty());
  CHECK(host.ask("approve", {{"token", "00000000"}}).status == 409);
  CHECK(host.ask("approve").status == 409);
  host.run(minutes(1));
  CHECK(containers(host).empty());

  bool purged = false;
  SUBCASE("a person gives it") {
    CHECK(host.ask("approve", {{"token", claim_token_of(host)}}).status == 200);
    CHECK(host.run_until([&] { return host.all_well() && containers(host).size() == 1; },
                         minutes(1)));
    host.crash_now();
    host.run(minutes(1));
    CHECK(containers(host).size() == 1);
    CHECK(host.ask("status").body["claims"].empty());
  }
  SUBCASE("its owner comes back") {
    host.world().set_file("team-b/other.yml", own);
    CHECK(host.run_until([&] { return containers(host).size() == 1; }, minutes(1)));
    CHECK(host.run_until([&] { return host.health("own") == "Healthy"; }, minutes(1)));
  }
  SUBCASE("a person purges it, and the name is free") {
    purged = host.ask("purge", {{"app", "own"}}).status == 200;
    CHECK(purged);
    CHECK(host.run_until([&] { return containers(host).size() == 1; }, minutes(1)));
  }
  SUBCASE("the state folder is lost: the volume still says whose it is") {
    host.world().lose_state("names/owners.json");
    host.crash_now();
    host.run(minutes(1));
    CHECK(containers(host).empty());
    CHECK(host.message("own").find("it was made for the folder team-b") != std::string::npos);
    const std::string message = host.message("own");
    const std::string token = message.substr(message.rfind(' ') + 1);
    CHECK(host.ask("approve", {{"token", token}}).status == 200);
    CHECK(host.run_until([&] { return host.all_well() && containers(host).size() == 1; },
                         minutes(1)));
  }
  if (!purged) CHECK(host.violations().empty());
}

TEST_CASE("a file that is moved to another folder runs on until a person has decided") {
  Host host;
  settle(host, {{"team-b/own.yml", own}, {"c.yml", "name: c\nimage: app:1\n"}});
  const auto before = containers(host);
  host.world().set_files({{"team-c/own.yml", own}, {"c.yml", "name: c\nimage: app:1\n"}});
  host.run(minutes(2));
  CHECK(containers(host) == before);
  host.crash_now();
  host.run(minutes(1));
  CHECK(containers(host) == before);
  CHECK(host.ask("approve", {{"token", claim_token_of(host)}}).status == 200);
  host.run(minutes(1));
  CHECK(containers(host) == before);
  CHECK(host.all_well());
  CHECK(source_of(host) == "team-c/own.yml:1");
}

TEST_CASE("a file that is moved and has nothing of its own goes at once") {
  Host host;
  const std::string text = "name: own\nimage: app:1\n";
  settle(host, {{"team-b/own.yml", text}});
  const auto before = containers(host);
  settle(host, {{"team-c/own.yml", text}});
  CHECK(containers(host) == before);
  CHECK(source_of(host) == "team-c/own.yml:1");
}

TEST_CASE("A1: the names of the edge and of the services are the operator's") {
  Host host;
  host.world().set_files({{"team-a/edge.yml", "name: edge\nimage: app:1\n"},
                          {"team-a/mariadb.yml", "name: mariadb\nimage: app:1\n"}});
  host.run(minutes(1));
  CHECK(containers(host, "edge").empty());
  CHECK(containers(host, "mariadb").empty());
  const Json claims = host.ask("status").body["claims"];
  REQUIRE(claims.items().size() == 2);
  CHECK(claims.items()[0]["token"].as_string().empty());
  host.world().set_files({{"platform/edge.yml", "name: edge\nimage: app:1\n"}});
  host.run(minutes(1));
  CHECK(host.loop().apps().count("edge") == 1);
}

}  // namespace fairlead::sim
