#include <doctest/doctest.h>

#include "tests/sim/host.h"

// What an attacker found (class 5): a link that one container makes is mounted by the next.
namespace fairlead::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::string app(const std::string& name, const std::string& path) {
  return "name: " + name + "\nimage: app:1\nmounts: [{host: " + path + ", path: /x}]\n";
}

struct Bench {
  Bench() {
    host.platform()->mount_roots = {"/srv"};
    host.engine().add_image(image("app:1"));
    host.world().set_host("/srv/t", "1:7");
    host.world().set_file("web.yml", app("web", "/srv/t"));
  }
  int containers() {
    int count = 0;
    for (const auto& [id, container] : host.engine().containers()) {
      if (container.name.starts_with("web.web.")) ++count;
    }
    return count;
  }
  // Which of the writing requests it is whose path has this in it; nothing: none.
  std::optional<std::uint64_t> write_of(const std::string& part) {
    for (const TraceLine& line : host.world().trace()) {
      if (line.writes && line.path.find(part) != line.path.npos) return line.write;
    }
    return std::nullopt;
  }
  Host host;
};

TEST_CASE("a link that appears at any moment before the start is mounted by nobody (class 5)") {
  Bench undisturbed;
  undisturbed.host.run(minutes(1));
  REQUIRE(undisturbed.host.all_well());
  const auto start = undisturbed.write_of("/start");
  REQUIRE(start);
  for (std::uint64_t at = 0; at < *start; ++at) {
    CAPTURE(at);
    Bench bench;
    bench.host.world().at_write(at, [&] { bench.host.world().set_host("/srv/t", "/"); });
    bench.host.run(minutes(1));
    CHECK_FALSE(bench.write_of("/start"));
    CHECK(bench.containers() == 0);
    CHECK(bench.host.health("web") == "Degraded");
    CHECK(bench.host.message("web").find("/srv/t is a link") != std::string::npos);
    // It is not made over and over.
    const auto writes = bench.host.world().writes();
    bench.host.run(minutes(1));
    CHECK(bench.host.world().writes() == writes);
    bench.host.world().set_host("/srv/t", "1:7");
    CHECK(bench.host.run_until([&] { return bench.host.all_well(); }, minutes(1)));
    CHECK(bench.host.violations().empty());
  }
}

TEST_CASE("another folder in its place between create and start: made anew for that (class 5)") {
  Bench undisturbed;
  undisturbed.host.run(minutes(1));
  const auto create = undisturbed.write_of("/containers/create");
  REQUIRE(create);
  Bench bench;
  bench.host.world().at_write(*create, [&] { bench.host.world().set_host("/srv/t", "1:8"); });
  bench.host.run(minutes(2));
  CHECK(bench.host.all_well());
  CHECK(bench.containers() == 1);
  CHECK(bench.host.runs("web.web.") == 1);
  int creates = 0;
  for (const TraceLine& line : bench.host.world().trace()) {
    creates += line.path.find("/containers/create") != line.path.npos ? 1 : 0;
  }
  CHECK(creates == 2);
}

TEST_CASE("a crash between create and start forgets nothing of what was mounted (class 5)") {
  Bench undisturbed;
  undisturbed.host.run(minutes(1));
  const auto create = undisturbed.write_of("/containers/create");
  REQUIRE(create);
  Bench bench;
  CrashPlan crash;
  crash.write = *create;
  crash.when = CrashPlan::When::after_send;
  bench.host.world().plan_crash(crash);
  bench.host.world().at_write(*create, [&] { bench.host.world().set_host("/srv/t", "/"); });
  bench.host.run(minutes(1));
  CHECK(bench.host.crashes() == 1);
  CHECK_FALSE(bench.write_of("/start"));
  CHECK(bench.containers() == 0);
}

TEST_CASE("while the new version cannot mount its folder the old one runs on (class 5)") {
  Bench bench;
  bench.host.run(minutes(1));
  REQUIRE(bench.host.all_well());
  bench.host.world().set_host("/srv/t", "/");
  bench.host.world().set_file(
      "web.yml", app("web", "/srv/t") + "env: {A: b}\n" + "deploy: {strategy: recreate}\n");
  bench.host.run(minutes(1));
  CHECK(bench.host.health("web") == "Degraded");
  CHECK(bench.containers() == 1);
  CHECK(bench.host.runs("web.web.") == 1);
}

TEST_CASE("an app that mounts what another may write is refused, over a restart too (class 5)") {
  Bench bench;
  bench.host.run(minutes(1));
  bench.host.world().set_host("/srv/t/evil", "1:9");
  bench.host.world().set_file("a.yml", app("a", "/srv/t/evil"));
  for (int i = 0; i < 2; ++i) {
    bench.host.run(minutes(1));
    CHECK(bench.host.health("web") == "Healthy");
    CHECK(bench.host.health("a") == "Degraded");
    CHECK(bench.host.message("a").find("lies in /srv/t, which the app web mounts writable") !=
          std::string::npos);
    CHECK(bench.host.runs("a.web.") == 0);
    bench.host.crash_now();
  }
  bench.host.world().remove_file("web.yml");
  CHECK(bench.host.run_until([&] { return bench.host.health("a") == "Healthy"; }, minutes(2)));
}

}  // namespace
}  // namespace fairlead::sim
