#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sim/host.h"

// What others can do to the daemon: what ends it twice is left out, and everything else goes on;
// what they answer without end or effect is not asked for without pause.
namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string asked(const std::string& name, const std::string& path, const std::string& more = "") {
  return "name: " + name + "\nimage: app:1\nexpose: [{port: 80}]\nhealth: {http: " + path + "}\n" +
         more;
}

SimImage with_path(const std::string& path) {
  SimImage made = image("app:1");
  made.program.http[path].status = 200;
  return made;
}

// A health check of /evil.
bool is_evil(const Request& request) {
  const auto* call = std::get_if<HttpCall>(&request.what);
  return call && call->endpoint != "engine" && call->path == "/evil";
}

// Whose containers were made, by id.
std::set<std::string> ids(Host& host, const std::string& app) {
  std::set<std::string> all;
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.starts_with(app + ".web.")) all.insert(id);
  }
  return all;
}

TEST_CASE("an answer that ends the daemon leaves its app out after the second time") {
  Host host;
  host.engine().add_image(with_path("/evil"));
  host.world().set_files(
      {{"evil.yml", asked("evil", "/evil")}, {"web.yml", "name: web\nimage: app:1\n"}});
  host.deadly = is_evil;
  host.run(minutes(2));
  CHECK(host.crashes() == 2);
  CHECK(host.health("evil") == "Degraded");
  CHECK(host.message("evil").find("ended itself 2 times") != std::string::npos);
  CHECK(host.health("web") == "Healthy");
  const auto evil = ids(host, "evil");
  CHECK(evil.size() == 1);

  SUBCASE("everything else is healed as usual, and a restart changes nothing") {
    host.crash_now();
    host.run(minutes(1));
    host.engine().docker_rm_f(host.engine().containers().at(*ids(host, "web").begin()).name);
    CHECK(host.run_until([&] { return host.health("web") == "Healthy"; }, seconds(20)));
    CHECK(host.crashes() == 3);
    CHECK(ids(host, "evil") == evil);
    CHECK(host.ask("explain", {{"app", "evil"}}).body["why"].as_string().find("fairlead retry") !=
          std::string::npos);
  }
  SUBCASE("a person has it tried again") {
    host.deadly = nullptr;
    CHECK(host.ask("retry", {{"app", "evil"}}).status == 200);
    CHECK(host.run_until([&] { return host.all_well(); }, minutes(2)));
    CHECK(ids(host, "evil") == evil);
    host.crash_now();
    host.run(minutes(1));
    CHECK(host.all_well());
  }
  SUBCASE("one that is tried again and is as before is left out again") {
    host.ask("retry", {{"app", "evil"}});
    host.run(minutes(2));
    CHECK(host.crashes() == 4);
    CHECK(host.health("evil") == "Degraded");
    CHECK(host.health("web") == "Healthy");
  }
  SUBCASE("another version of the manifest is another try") {
    host.world().set_file("evil.yml", asked("evil", "/up"));
    CHECK(host.run_until([&] { return host.all_well(); }, minutes(2)));
    CHECK(host.crashes() == 2);
  }
  SUBCASE("with its manifest it goes") {
    host.world().remove_file("evil.yml");
    host.run(minutes(1));
    CHECK(ids(host, "evil").empty());
    CHECK(host.crashes() == 2);
    CHECK(host.health("web") == "Healthy");
  }
  CHECK(host.violations().empty());
}

TEST_CASE("kills from outside leave nobody out, however often they come") {
  Host host;
  host.world().set_file("web.yml", asked("web", "/up"));
  for (int i = 0; i < 20; ++i) {
    host.run(seconds(1));
    host.crash_now();
  }
  CHECK(host.run_until([&] { return host.all_well(); }, minutes(1)));
}

TEST_CASE("a daemon that never lives as long as the grace removes what has no manifest") {
  Host host;
  host.world().set_files({{"a.yml", asked("a", "/up")}, {"web.yml", asked("web", "/up")}});
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(1)));
  host.world().remove_file("a.yml");
  int lives = 0;
  for (; lives < 20 && !ids(host, "a").empty(); ++lives) {
    host.run(seconds(2));
    host.crash_now();
  }
  // The grace is 10 s.
  CHECK(lives >= 5);
  CHECK(lives <= 8);
  host.run(minutes(1));
  CHECK(host.all_well());
}

TEST_CASE("a manifest that comes back begins its grace anew, also beyond a restart") {
  Host host;
  const std::string text = asked("a", "/up");
  host.world().set_files({{"a.yml", text}, {"web.yml", asked("web", "/up")}});
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(1)));
  host.world().remove_file("a.yml");
  host.run(seconds(8));
  host.world().set_file("a.yml", text);
  host.run(seconds(5));
  host.world().remove_file("a.yml");
  host.run(seconds(5));
  host.crash_now();
  host.run(seconds(2));
  CHECK(ids(host, "a").size() == 1);
  host.run(seconds(20));
  CHECK(ids(host, "a").empty());
}

// Class 17 of what an attacker tries: exhaustion.
TEST_CASE("a pull that succeeds and brings nothing is not repeated without pause") {
  Host host;
  SimPull pull;
  pull.image = image("app:9");
  pull.takes = milliseconds(1);
  pull.arrives = false;
  host.engine().add_to_registry(pull);
  host.world().set_file("web.yml", "name: web\nimage: app:9\n");
  host.run(minutes(10));
  const auto& trace = host.world().trace();
  const auto pulls = std::count_if(trace.begin(), trace.end(), [](const TraceLine& line) {
    return line.path.find("/images/create") != line.path.npos;
  });
  CHECK(pulls >= 4);
  CHECK(pulls <= 20);
}

TEST_CASE("class 17: what is asked of the host beyond what it has is told, once") {
  Host host;
  host.world().set_file("web.yml", "name: web\nimage: app:1\nresources: {memory: 900T}\n");
  host.world().set_file("many.yml",
                        "name: many\nimage: app:1\ndeploy: {replicas: 100}\nprocesses:\n"
                        "  a: {command: [x], replicas: 100}\n  b: {command: [x]}\n");
  host.run(minutes(3));
  CHECK(host.health("web") == "Healthy");
  const Json broken = host.loop().status({})["apps"];
  const auto told = [&](const std::string& verb) {
    const auto& log = host.world().log();
    return std::count_if(log.begin(), log.end(),
                         [&](const LogRecord& line) { return line.verb == verb; });
  };
  CHECK(told("budget") == 2);  // web alone, and all together
  CHECK(broken.dump().find("at most 200 are one app's") != std::string::npos);
  for (const auto& [id, container] : host.engine().containers()) {
    CHECK_FALSE(container.name.starts_with("many."));
  }
}

TEST_CASE("a list that cannot be had is in the log, once a minute") {
  Host host;
  host.world().set_file("web.yml", "name: web\nimage: app:1\n");
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(1)));
  const auto told = [&] {
    const auto& log = host.world().log();
    return std::count_if(log.begin(), log.end(), [](const LogRecord& line) {
      return line.verb == "list" && line.resource == "docker" && line.cause.starts_with("list ");
    });
  };
  CHECK(told() == 0);
  host.world().faults().chance[Fault::error_before_effect] = 1;
  host.run(minutes(5));
  CHECK(told() >= 1);
  CHECK(told() <= 6);
}

}  // namespace
}  // namespace fairlead::sim
