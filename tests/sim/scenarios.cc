#include "tests/sim/scenarios.h"

namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Act files(std::map<std::string, std::string> all, Duration then = seconds(60)) {
  return {"files", [all](Host& host) { host.world().set_files(all); }, then};
}

void bad_images(Host& host) {
  SimImage exits = image("app:exits");
  exits.program.runs_for = milliseconds(200);
  exits.program.exit_code = 3;
  exits.program.log = {{1, "cannot go on"}};
  host.engine().add_image(exits);
  SimImage sick = image("app:sick");
  sick.program.healthy_after.reset();
  sick.healthcheck =
      Json::parse(R"({"Test":["CMD","true"],"Interval":1000000000,"Retries":2})").value();
  host.engine().add_image(sick);
  SimImage deaf = image("app:deaf");
  deaf.program.term = Program::Term::ignored;
  host.engine().add_image(deaf);
  SimImage broken = image("app:nostart");
  broken.program.start_error = "exec: \"serve\": executable file not found in $PATH: unknown";
  host.engine().add_image(broken);
}

// The engine's first check comes one interval after the start.
void slowly_checked(Host& host) {
  for (const char* version : {"60a", "60b", "90a", "90b"}) {
    SimImage slow = image(std::string("app:") + version);
    slow.healthcheck = Json::object(
        {{"Test", Json(std::vector<std::string>{"CMD", "true"})}, {"Timeout", 10'000'000'000}});
    slow.healthcheck.set("Interval", version[0] == '6' ? 60'000'000'000 : 90'000'000'000);
    host.engine().add_image(slow);
  }
  host.exclusive = {"web.data"};
}

void listens_elsewhere(Host& host) {
  host.serving["web"] = 1;
  SimImage elsewhere = image("app:elsewhere");
  elsewhere.program.listens_on = {8080};
  host.engine().add_image(elsewhere);
}

std::string web(const std::string& version, const std::string& more = "") {
  return "name: web\nimage: app:" + version + "\nexpose: [{proto: http, port: 80}]\n" + more;
}

const char* const stored = "needs: [storage]\n";

void exclusive_web(Host& host) {
  bad_images(host);
  host.exclusive = {"web.data"};
}

void serving_web(Host& host) {
  bad_images(host);
  host.serving["web"] = 1;
}

std::vector<Scenario> deploys() {
  return {
      {"first start",
       serving_web,
       {files({{"web.yml", web("1",
                               "needs: [{storage: {shared: true}}]\nprocesses: {worker: {command: "
                               "[work], replicas: 2}}\n"
                               "secrets: {TOKEN: {generate: 32}}\n")}})}},
      {"pull",
       [](Host& host) {
         host.engine().add_to_registry({image("late:1"), milliseconds(800), 0, ""});
       },
       {files({{"late.yml", "name: late\nimage: late:1\n"}})}},
      {"rolling replace",
       serving_web,
       {files({{"web.yml", web("1", "health: {http: /up}\n")}}),
        files({{"web.yml", web("2", "health: {http: /up}\n")}})}},
      {"rolling replace of three replicas",
       [](Host& host) { host.serving["web"] = 3; },
       {files({{"web.yml", web("1", "deploy: {replicas: 3}\n")}}),
        files({{"web.yml", web("2", "deploy: {replicas: 3}\n")}})}},
      {"recreate with storage",
       exclusive_web,
       {files({{"web.yml", web("1", stored)}}), files({{"web.yml", web("2", stored)}})}},
      {"there and back",
       serving_web,
       {files({{"web.yml", web("1")}}), files({{"web.yml", web("2")}}, seconds(2)),
        files({{"web.yml", web("1")}})}},
      {"secret changed",
       [](Host& host) {
         host.secrets = {"hunter-one", "hunter-two"};
         host.serving["web"] = 1;
         host.world().set_secret("key", "hunter-one");
       },
       {files({{"web.yml", web("1", "secrets: {KEY: {file: key}}\n")}}),
        {"secret", [](Host& host) { host.world().set_secret("key", "hunter-two"); }, seconds(60)}}},
  };
}

std::string owned(const std::string& owner) {
  return "needs: [{storage: {owner: \"" + owner + "\"}}]\n";
}

void image_of_users(Host& host) {
  SimImage made = image("app:1");
  made.files["/etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34:www:/:/bin/false\n";
  made.folders["/data"] = {7, 7, 0750};
  host.engine().add_image(made);
}

std::vector<Scenario> owners() {
  const auto exclusive = [](Host& host) {
    image_of_users(host);
    host.exclusive = {"web.data"};
  };
  return {
      {"storage of somebody, and then of somebody else",
       exclusive,
       {files({{"web.yml", web("1", owned("1000:1000"))}}),
        files({{"web.yml", web("1", owned("2000"))}})}},
      {"storage of the user that the app says, with nothing to be written",
       exclusive,
       {files(
           {{"web.yml", web("1", std::string(stored) + "user: www-data\nsecurity: strict\n")}})}},
      {"storage of somebody, shared by two replicas and a worker",
       image_of_users,
       {files(
            {{"web.yml", web("1",
                             "needs: [{storage: {shared: true, owner: \"1000:1000\"}}]\n"
                             "deploy: {replicas: 2}\nprocesses: {worker: {command: [work]}}\n")}}),
        files({{"other.yml", "name: other\nimage: app:1\n"}})}},
  };
}

std::vector<Scenario> slow_checks() {
  const auto update = [](const std::string& interval, const std::string& more) {
    return std::vector<Act>{files({{"web.yml", web(interval + "a", more)}}, minutes(3)),
                            files({{"web.yml", web(interval + "b", more)}}, minutes(4))};
  };
  return {
      {"slow check, rolling replace", slowly_checked, update("60", "")},
      {"slower check, rolling replace", slowly_checked, update("90", "")},
      {"slow check, recreate with storage", slowly_checked, update("60", stored)},
      {"slower check, recreate with storage", slowly_checked, update("90", stored)},
  };
}

std::vector<Scenario> failures() {
  return {
      {"failed health, repaired",
       serving_web,
       {files({{"web.yml", web("1")}}), files({{"web.yml", web("exits")}}, minutes(2)),
        files({{"web.yml", web("2")}})}},
      {"never healthy, taken back",
       serving_web,
       {files({{"web.yml", web("1")}}),
        files({{"web.yml", web("sick", "deploy: {deadline: 20s}\n")}}, minutes(2)),
        files({{"web.yml", web("1")}})}},
      {"listens on another port than it exposes, repaired",
       listens_elsewhere,
       {files({{"web.yml", web("1")}}), files({{"web.yml", web("elsewhere")}}, minutes(2)),
        files({{"web.yml", web("2")}})}},
      {"cannot start, repaired",
       serving_web,
       {files({{"web.yml", web("1")}}),
        files({{"web.yml", web("nostart", "deploy: {deadline: 10s}\n")}}, minutes(2)),
        files({{"web.yml", web("2")}})}},
      {"recreate fails, the old one returns",
       exclusive_web,
       {files({{"web.yml", web("1", stored)}}),
        files({{"web.yml", web("exits", stored)}}, minutes(3))},
       false},
      {"recreate fails, repaired",
       exclusive_web,
       {files({{"web.yml", web("1", stored)}}),
        files({{"web.yml", web("exits", stored)}}, minutes(3)),
        files({{"web.yml", web("2", stored)}})}},
  };
}

std::vector<Scenario> changes() {
  const auto replicas = [](int count) {
    return web("1", "deploy: {replicas: " + std::to_string(count) + "}\n");
  };
  return {
      {"scale up and down",
       serving_web,
       {files({{"web.yml", replicas(1)}}), files({{"web.yml", replicas(4)}}),
        files({{"web.yml", replicas(2)}})}},
      {"limits in place",
       serving_web,
       {files({{"web.yml", web("1")}}),
        files({{"web.yml", web("1", "resources: {memory: 256M, cpus: 0.5, pids: 99}\n")}})}},
      {"process added and removed",
       serving_web,
       {files({{"web.yml", web("1")}}),
        files({{"web.yml", web("1", "processes: {worker: {command: [work]}}\n")}}),
        files({{"web.yml", web("1")}})}},
      {"suspend and resume",
       nullptr,
       {files({{"web.yml", web("1")}}), files({{"web.yml", web("1", "suspend: true\n")}}),
        files({{"web.yml", web("1")}})}},
      {"rename of an app",
       nullptr,
       {files({{"a.yml", "name: before\nimage: app:1\nneeds: [storage]\n"}}),
        files({{"a.yml", "name: after\nimage: app:1\nneeds: [storage]\n"}})}},
      {"removal keeps data",
       nullptr,
       {files({{"web.yml", web("1", stored)}, {"b.yml", "name: other\nimage: app:1\n"}}),
        files({{"b.yml", "name: other\nimage: app:1\n"}})}},
      {"removal of an app that stops slowly",
       bad_images,
       {files({{"web.yml", web("deaf", "needs: [storage]\nstop_grace: 12s\n")},
               {"b.yml", "name: other\nimage: app:1\n"}}),
        files({{"b.yml", "name: other\nimage: app:1\n"}})}},
      {"removal with reclaim: delete",
       [](Host& host) { host.may_lose = {"web.data"}; },
       {files({{"web.yml", web("1", "needs: [storage]\nreclaim: delete\n")},
               {"b.yml", "name: other\nimage: app:1\n"}}),
        files({{"b.yml", "name: other\nimage: app:1\n"}})}},
      {"purge",
       [](Host& host) { host.may_lose = {"web.data"}; },
       {files({{"web.yml", web("1", stored)}, {"b.yml", "name: other\nimage: app:1\n"}}),
        files({{"b.yml", "name: other\nimage: app:1\n"}}),
        // A daemon that died with the order in its hands has not promised anything: people ask
        // again.
        {"purge",
         [](Host& host) {
           host.ask("purge", {{"app", "web"}});
         },
         seconds(30)},
        {"purge again",
         [](Host& host) {
           host.ask("purge", {{"app", "web"}});
         },
         seconds(30)}},
       true,
       true},
      {"run once, twice",
       nullptr,
       {files({{"job.yml", "name: job\nimage: app:once\nrestart: never\n"}}),
        files({{"job.yml", "name: job\nimage: app:once\nrestart: never\nenv: {N: 2}\n"}})}},
  };
}

std::vector<Scenario> by_hand() {
  const auto acts = [](std::function<void(Host&)> act) {
    return std::vector<Act>{
        files({{"web.yml", web("1", "processes: {worker: {command: [work]}}\n")}}),
        {"by hand", std::move(act), seconds(60)}};
  };
  const auto name = [](Host& host, const std::string& process) {
    for (const auto& [id, container] : host.engine().containers()) {
      if (container.name.find("web." + process) == 0) return container.name;
    }
    return std::string("none");
  };
  return {
      {"rm -f by hand", nullptr,
       acts([name](Host& host) { host.engine().docker_rm_f(name(host, "web")); })},
      {"stop, kill and pause by hand", nullptr, acts([name](Host& host) {
         host.engine().docker_stop(name(host, "web"));
         host.engine().docker_kill(name(host, "worker"));
       })},
      {"pause by hand", nullptr,
       acts([name](Host& host) { host.engine().docker_pause(name(host, "web")); })},
      {"rename by hand", nullptr,
       acts([name](Host& host) { host.engine().docker_rename(name(host, "web"), "mine"); })},
      {"update by hand", nullptr, acts([name](Host& host) {
         host.engine().docker_update(
             name(host, "web"),
             Json::parse(R"({"Memory":99000000,"MemorySwap":99000000})").value());
       })},
      {"disconnect by hand", nullptr, acts([name](Host& host) {
         host.engine().docker_network_disconnect("web", name(host, "web"));
       })},
      {"engine restart", nullptr, acts([](Host& host) { host.world().engine_restart(); })},
  };
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> made;
    for (auto part :
         {deploys(), owners(), slow_checks(), failures(), changes(), by_hand(), service_scenarios(),
          image_scenarios(), edge_scenarios(), prune_scenarios()}) {
      for (Scenario& scenario : part) made.push_back(std::move(scenario));
    }
    return made;
  }();
  return all;
}

}  // namespace fairlead::sim
