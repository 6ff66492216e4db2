#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sim/host.h"

// A tag that comes to stand for another image on the host, and containers made anew of the image
// that ran.
namespace fairlead::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

SimImage latest(const std::string& version) {
  SimImage made = image("app:latest");
  made.env = {"VERSION=" + version};
  return made;
}

const SimContainer& web(Host& host) {
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.starts_with("web.web.") && container.status() == "running") return container;
  }
  FAIL("no container of web runs");
  throw std::logic_error("unreachable");
}

bool runs(Host& host, const std::string& version) {
  return web(host).config["Env"].dump().find("VERSION=" + version) != std::string::npos;
}

void settle(Host& host, const std::string& more = "") {
  host.engine().add_image(latest("1"));
  host.world().set_file("web.yml", "name: web\nimage: app:latest\n" + more);
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(2)));
  host.run(minutes(1));
}

bool is_logged(Host& host, const std::string& part) {
  const auto& log = host.world().log();
  return std::any_of(log.begin(), log.end(), [&](const LogRecord& record) {
    return record.cause.find(part) != std::string::npos;
  });
}

TEST_CASE("a tag that is built anew is rolled out with its cause, under another name") {
  Host host;
  settle(host);
  const std::string name = web(host).name;
  const std::string before = web(host).image_id.substr(7, 12);
  host.engine().add_image(latest("2"), true);
  host.run(minutes(1));
  CHECK(runs(host, "2"));
  CHECK(web(host).name != name);
  CHECK(host.all_well());
  CHECK(is_logged(host, "image app:latest: " + before + " → " + web(host).image_id.substr(7, 12) +
                            ", built or pulled on this host"));
  const std::string id = web(host).id;
  SUBCASE("a restarted daemon knows") {}
  SUBCASE("and finds out where its folder was lost") {
    auto& files =
        const_cast<std::map<std::string, SimFile>&>(host.world().files(FileCall::Area::state));
    REQUIRE(files.erase("local/web.json") == 1);
  }
  host.crash_now();
  host.run(minutes(5));
  CHECK(web(host).id == id);
  CHECK(host.all_well());
}

TEST_CASE("what is made anew is made of the image that ran, whatever its tag stands for") {
  Host host;
  settle(host);
  SimImage bad = latest("2");
  bad.program.runs_for = seconds(1);
  bad.program.exit_code = 3;
  host.engine().add_image(bad, true);
  host.run(minutes(3));
  CHECK(runs(host, "1"));
  CHECK(host.sync("web") == "OutOfSync");
  CHECK(host.message("web").find("the other one failed") != std::string::npos);
  const std::string name = web(host).name;
  host.engine().docker_rm_f(name);
  host.run(minutes(2));
  CHECK(runs(host, "1"));
  CHECK(web(host).name == name);
  SUBCASE("until that is gone, too") {
    const std::string id = web(host).image_id;
    host.engine().docker_rm_f(name);
    host.engine().remove_image(id);
    host.engine().add_image(latest("3"));
    host.run(minutes(3));
    CHECK(runs(host, "3"));
    CHECK(host.all_well());
  }
  SUBCASE("until it is built anew") {
    host.engine().add_image(latest("3"), true);
    host.run(minutes(3));
    CHECK(runs(host, "3"));
    CHECK(host.all_well());
  }
  SUBCASE("until a person asks for another try") {
    const int before = host.runs("web.web.");
    CHECK(host.ask("retry", {{"app", "web"}}).status == 200);
    host.run(minutes(3));
    CHECK(host.runs("web.web.") > before);
    CHECK(runs(host, "1"));
  }
}

TEST_CASE(
    "at an upgrade nothing is replaced because a tag stands for another image, and it is told") {
  Host host;
  settle(host);
  const std::string id = web(host).id;
  auto& files =
      const_cast<std::map<std::string, SimFile>&>(host.world().files(FileCall::Area::state));
  REQUIRE(files.erase("local/web.json") == 1);
  host.engine().add_image(latest("2"));
  host.crash_now();
  host.run(minutes(10));
  CHECK(web(host).id == id);
  CHECK(host.message("web").find("app:latest stands for ") != std::string::npos);
  SUBCASE("the next one is rolled out") {
    host.engine().add_image(latest("3"), true);
    host.run(minutes(2));
    CHECK(runs(host, "3"));
  }
  SUBCASE("so is this one with the next change of the manifest") {
    host.world().set_file("web.yml", "name: web\nimage: app:latest\ndeploy: {deadline: 50s}\n");
    host.run(minutes(2));
    CHECK(runs(host, "2"));
  }
  CHECK(host.all_well());
}

TEST_CASE("a job whose image is built anew runs once more, as another revision") {
  Host host;
  const auto once = [&](const std::string& version) {
    SimImage made = latest(version);
    made.program.runs_for = seconds(2);
    host.engine().add_image(made, true);
  };
  once("1");
  host.world().set_file("web.yml", "name: web\nimage: app:latest\nrestart: never\n");
  host.run(minutes(2));
  host.prune();
  host.run(minutes(2));
  CHECK(host.runs("web.web.") == 1);
  once("2");
  host.run(minutes(2));
  CHECK(host.runs("web.web.") == 2);
  CHECK(host.all_well());
}

}  // namespace
}  // namespace fairlead::sim
