#include <doctest/doctest.h>

#include "tests/sim/host.h"

// What is remembered of tries whose containers are gone, and how a person asks for another one.
namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

std::string web(const std::string& version, const std::string& deadline = "20s") {
  return "name: web\nimage: app:" + version +
         "\nexpose: [{port: 80}]\nneeds: [storage]\nhealth: {http: /up, interval: 1s}\n" +
         "deploy: {deadline: " + deadline + "}\n";
}

void sick_image(Host& host) {
  SimImage sick = image("app:sick");
  sick.program.http["/up"].status = 500;
  sick.program.log = {{1, "bye"}};
  host.engine().add_image(sick);
}

TEST_CASE("the status says why a version failed, also after a restart and a prune") {
  Host host;
  sick_image(host);
  host.world().set_file("web.yml", web("1"));
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(2)));
  host.world().set_file("web.yml", web("sick"));
  host.run(minutes(2));
  const auto told = [&] {
    const std::string text = host.message("web");
    INFO(text);
    CHECK(says(text, "failed: unhealthy: GET /up (Host "));
    CHECK(says(text, " times in "));
    CHECK(says(text, "serves on"));
    CHECK(says(text, "`fairlead retry web`"));
    CHECK_FALSE(says(text, "bye"));
  };
  told();
  host.crash_now();
  host.run(minutes(1));
  told();
  host.prune();
  host.run(minutes(1));
  told();
  host.crash_now();
  host.run(minutes(1));
  told();
}

TEST_CASE(
    "a failed version that means an outage is tried again when a person asks, or its manifest "
    "is saved anew") {
  Host host;
  sick_image(host);
  host.world().set_file("web.yml", web("1"));
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(2)));
  host.world().set_file("web.yml", web("sick"));
  host.run(minutes(5));
  const int runs = host.runs("web.web.");
  bool by_verb = false;
  SUBCASE("its evidence is there, by the verb") { by_verb = true; }
  SUBCASE("its evidence is there, by the manifest") {}
  SUBCASE("its evidence is gone, by the verb") {
    host.prune();
    by_verb = true;
  }
  SUBCASE("its evidence is gone, by the manifest") { host.prune(); }
  host.run(minutes(5));
  CHECK(host.runs("web.web.") == runs);
  if (by_verb) CHECK(host.ask("retry", {{"app", "web"}}).status == 200);
  if (!by_verb) host.world().set_file("web.yml", web("sick", "21s"));
  host.run(minutes(5));
  // The new one once more, and the old one again.
  CHECK(host.runs("web.web.") == runs + 2);
  CHECK(host.health("web") == "Degraded");
  CHECK(host.violations().empty());
}

TEST_CASE(
    "a job runs once more when a person asks for that, whether its container is there or not") {
  Host host;
  SimImage once = image("app:once");
  once.program.runs_for = seconds(2);
  host.engine().add_image(once);
  host.world().set_file("job.yml", "name: job\nimage: app:once\nrestart: never\n");
  host.run(minutes(1));
  SUBCASE("there") {}
  SUBCASE("gone") { host.prune(); }
  SUBCASE("gone, and the daemon was started again") {
    host.prune();
    host.crash_now();
  }
  host.run(minutes(1));
  CHECK(host.runs("job.web.") == 1);
  CHECK(host.all_well());
  // Nothing has failed.
  CHECK(host.ask("retry", {{"app", "job"}}).status == 409);
  CHECK(host.ask("retry", {{"app", "joke"}}).status == 404);
  CHECK(host.ask("retry", {{"app", "job.web"}}).status == 200);
  host.run(minutes(1));
  CHECK(host.runs("job.web.") == 2);
  CHECK(host.all_well());
}

TEST_CASE("what is remembered goes with the app") {
  Host host;
  SimImage once = image("app:once");
  once.program.runs_for = seconds(2);
  host.engine().add_image(once);
  const auto kept = [&] {
    return host.world().files(FileCall::Area::state).count("trials/job.json") > 0;
  };
  host.world().set_files({{"job.yml", "name: job\nimage: app:once\nrestart: never\n"},
                          {"web.yml", "name: web\nimage: app:1\n"}});
  host.run(minutes(1));
  host.prune();
  host.run(minutes(1));
  CHECK(kept());
  host.world().set_files({{"web.yml", "name: web\nimage: app:1\n"}});
  host.run(minutes(2));
  CHECK_FALSE(kept());
  CHECK(host.loop().apps().count("job") == 0);
}

}  // namespace
}  // namespace fairlead::sim
