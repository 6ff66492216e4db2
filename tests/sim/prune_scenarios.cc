#include <utility>

#include "tests/sim/scenarios.h"

// What has ended is removed by hand, as nightly jobs of many hosts do it: what it showed is known
// all the same, also to a daemon that starts afterwards.
namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Act files(std::map<std::string, std::string> all, Duration then = seconds(60)) {
  return {"files", [all](Host& host) { host.world().set_files(all); }, then};
}

Act prune(Duration then = minutes(1)) {
  return {"docker container prune -f", [](Host& host) { host.prune(); }, then};
}

Act restart() {
  return {"the daemon starts again", [](Host& host) { host.crash_now(); }, minutes(10)};
}

// From here on the old one serves, whatever happens.
Act old_serves() {
  return {"from here on it serves", [](Host& host) { host.serving["web"] = 1; }, seconds(1)};
}

void failing(Host& host) {
  SimImage made = image("app:fails");
  made.program.runs_for = milliseconds(200);
  made.program.exit_code = 3;
  made.program.log = {{1, "cannot go on"}};
  host.engine().add_image(made);
  host.exclusive = {"web.data"};
  host.run_once = {"job"};
}

std::string web(const std::string& version, const std::string& more = "") {
  return "name: web\nimage: app:" + version + "\n" + more;
}

std::string job(const std::string& version) {
  return "name: job\nimage: app:" + version + "\nrestart: never\n";
}

constexpr char stored[] = "needs: [storage]\n";

// The tag app:latest is built on the host, each time another image.
SimImage latest(const std::string& version) {
  SimImage made = image("app:latest");
  made.env = {"VERSION=" + version};
  return made;
}

Act build(const std::string& version, Duration then = minutes(2)) {
  return {"docker build -t app:latest",
          [version](Host& host) { host.engine().add_image(latest(version), true); }, then};
}

Act build_bad(Duration then = minutes(3)) {
  return {"docker build -t app:latest, a bad one",
          [](Host& host) {
            SimImage made = latest("bad");
            made.program.runs_for = milliseconds(200);
            made.program.exit_code = 3;
            host.engine().add_image(made, true);
          },
          then};
}

Act remove_container(Duration then = minutes(1)) {
  return {"docker rm -f",
          [](Host& host) {
            host.serving.clear();
            for (const auto& [id, container] : host.engine().containers()) {
              if (!container.name.starts_with("web.web.")) continue;
              return host.engine().docker_rm_f(container.name);
            }
          },
          then};
}

void built(Host& host) {
  failing(host);
  host.engine().add_image(latest("1"));
}

void built_serving(Host& host) {
  built(host);
  host.serving["web"] = 1;
}

std::vector<Scenario> tag_scenarios() {
  return {
      {"tag: built anew",
       built_serving,
       {files({{"web.yml", web("latest")}}), build("2"), build("3")}},
      {"tag: built anew, with storage",
       built,
       {files({{"web.yml", web("latest", stored)}}), build("2")}},
      {"tag: built anew, and what ran is removed at once",
       built,
       {files({{"web.yml", web("latest")}}), build("2", milliseconds(1)), remove_container()}},
      {"tag: built anew and back",
       built_serving,
       {files({{"web.yml", web("latest")}}), build("2"), build("1")}},
      {"tag: no event tells",
       built_serving,
       {files({{"web.yml", web("latest")}}),
        {"retagged", [](Host& host) { host.engine().add_image(latest("2")); }, minutes(3)}}},
      {"tag: a bad one, and what ran is made anew of its image",
       built_serving,
       {files({{"web.yml", web("latest")}}), build_bad(), remove_container(), restart()},
       false},
      {"tag: a bad one with storage, repaired",
       built,
       {files({{"web.yml", web("latest", stored)}}), build_bad(), prune(), restart(), build("3")}},
  };
}

}  // namespace

std::vector<Scenario> prune_scenarios() {
  std::vector<Scenario> all = {
      {"prune: a job that has run",
       failing,
       {files({{"job.yml", job("once")}}), prune(), restart()}},
      {"prune: a job that has failed",
       failing,
       {files({{"job.yml", job("fails")}}), prune(), restart()},
       false},
      {"prune: a job beside the app",
       failing,
       {files({{"web.yml", web("once",
                               "restart: on-failure\nprocesses: {other: {command: "
                               "[work], restart: always}}\n")}}),
        prune(), restart(),
        files({{"web.yml", web("2", "processes: {other: {command: [work]}}\n")}})}},
      {"prune: recreate failed",
       failing,
       {files({{"web.yml", web("1", stored)}}),
        files({{"web.yml", web("fails", stored)}}, minutes(3)), old_serves(), prune(minutes(10)),
        restart(), prune(minutes(10))},
       false},
      {"prune: rolling failed, repaired",
       failing,
       {files({{"web.yml", web("1")}}), old_serves(),
        files({{"web.yml", web("fails")}}, minutes(2)), prune(), restart(),
        files({{"web.yml", web("2")}})}},
  };
  for (Scenario& scenario : tag_scenarios()) all.push_back(std::move(scenario));
  // What has ended depends on what the faults did before.
  for (Scenario& scenario : all) scenario.calm = true;
  return all;
}

}  // namespace fairlead::sim
