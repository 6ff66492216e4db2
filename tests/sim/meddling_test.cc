#include <doctest/doctest.h>

#include "tests/sim/play.h"
#include "tests/sim/seeds.h"

// Every scenario with people who meddle at each of its writing requests, and what they do in the
// middle of a removal that takes long.
namespace fairlead::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// The scenarios with services have hundreds of writing requests and take half of the time; of
// these every third one is met.
std::uint64_t step_of(const Scenario& scenario) {
  return scenario.name.starts_with("services: ") ? 3 : 1;
}

// One of them at each request, in turn: a run for each would take as long as all crashes.
TEST_CASE("whoever meddles at any writing request changes nothing in the end") {
  std::size_t turn = 0;
  for (const Scenario& scenario : scenarios()) {
    if (scenario.name.find(scenario_filter()) == std::string::npos) continue;
    CAPTURE(scenario.name);
    const Ending reference = play(scenario);
    const std::uint64_t first = scenario.known_beginning ? reference.first_writes : 0;
    for (std::uint64_t write = first; write < reference.writes; write += step_of(scenario)) {
      const Meddler& meddler = meddlers()[turn++ % meddlers().size()];
      CAPTURE(write);
      CAPTURE(meddler.name);
      Trouble trouble;
      trouble.meddling = Meddling{write, &meddler};
      CHECK(as_demanded(scenario, play(scenario, trouble), reference));
    }
  }
}

std::string app(const std::string& name) { return "name: " + name + "\nimage: app:1\n"; }

std::map<std::string, std::string> apps(int count) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < count; ++i)
    files[std::to_string(i) + ".yml"] = app("app" + std::to_string(i));
  return files;
}

int containers_of(Host& host, const std::string& app) {
  int count = 0;
  for (const auto& [id, container] : host.engine().containers()) {
    count += container.name.starts_with(app + ".") ? 1 : 0;
  }
  return count;
}

int starts(Host& host) {
  int count = 0;
  for (const TraceLine& line : host.world().trace()) count += line.path.ends_with("/start") ? 1 : 0;
  return count;
}

// Ten apps beside one that takes 12 s to stop, whose manifest is gone and whose stop has begun.
void begin_slow_removal(Host& host) {
  SimImage slow = image("app:slow");
  slow.program.term = Program::Term::ignored;
  host.engine().add_image(slow);
  auto files = apps(10);
  files["slow.yml"] = "name: slow\nimage: app:slow\nneeds: [storage]\nstop_grace: 12s\n";
  host.world().set_files(files);
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(2)));
  host.world().remove_file("slow.yml");
  REQUIRE(host.run_until([&] { return host.loop().apps().at("slow").removing; }, seconds(15)));
  host.run(seconds(1));
  REQUIRE(containers_of(host, "slow") == 1);
}

TEST_CASE("a removal that takes long goes on, whoever meddles with it") {
  for (const Meddler& meddler : meddlers()) {
    for (int second = 0; second < 14; second += 3) {
      CAPTURE(meddler.name);
      CAPTURE(second);
      Host host;
      begin_slow_removal(host);
      const int before = starts(host);
      host.run(seconds(second));
      meddler.act(host);
      host.run(minutes(1));
      CHECK(containers_of(host, "slow") == 0);
      CHECK(starts(host) == before);
      CHECK(host.all_well());
      CHECK(host.ask("status").body["orphans"].items().size() == 1);
      CHECK(host.ask("purge", {{"app", "slow"}}).status == 200);
    }
  }
}

TEST_CASE("a fuse that blows in the middle of a removal holds back the others, not this one") {
  Host host;
  begin_slow_removal(host);
  host.world().set_files(apps(5));
  host.run(seconds(3));
  const Json removals = host.ask("status").body["removals"];
  CHECK(removals["waiting"].items().size() == 5);
  CHECK(removals["reason"].as_string().find("removed in the last ten minutes (slow)") !=
        std::string::npos);
  host.run(minutes(1));
  CHECK(containers_of(host, "slow") == 0);
  CHECK(containers_of(host, "app9") == 1);
}

TEST_CASE("a manifest that comes back ends a removal that takes long") {
  Host host;
  begin_slow_removal(host);
  host.run(seconds(5));
  host.world().set_file("slow.yml",
                        "name: slow\nimage: app:slow\nneeds: [storage]\nstop_grace: 12s\n");
  host.run(minutes(2));
  CHECK(containers_of(host, "slow") == 1);
  CHECK(host.health("slow") == "Healthy");
}

TEST_CASE("a manifest that comes back in the middle of a purge is an app anew when that is over") {
  for (std::uint64_t later = 0; later < 2; ++later) {
    CAPTURE(later);
    Host host;
    const std::string stored = "name: web\nimage: app:1\nneeds: [storage]\n";
    host.may_lose = {"web.data"};
    host.world().set_files({{"web.yml", stored}, {"b.yml", app("other")}});
    host.run(minutes(1));
    host.world().remove_file("web.yml");
    host.run(minutes(1));
    host.world().at_write(host.world().writes() + later,
                          [&] { host.world().set_file("web.yml", stored); });
    CHECK(host.ask("purge", {{"app", "web"}}).status == 200);
    host.run(minutes(2));
    CHECK(host.all_well());
    CHECK(containers_of(host, "web") == 1);
    CHECK(host.world().files(FileCall::Area::state).count("manifests/web.json") == 1);
  }
}

}  // namespace
}  // namespace fairlead::sim
