#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <thread>

#include "tests/live/live_host.h"

// The daemon dies, is ended, or is started twice: never a stray object, never a half-done rollout
// that stays.
namespace fairlead::testing {
namespace {

// The image of each running container by process; a second one of a process is an error.
std::vector<std::string> objects(const LiveHost& host, const std::string& app) {
  std::vector<std::string> all;
  for (const Json& container : host.containers(app)) {
    all.push_back(container["Labels"]["fairlead.process"].as_string() + "." +
                  container["Labels"]["fairlead.replica"].as_string() + " " +
                  container["State"].as_string());
  }
  return all;
}

TEST_CASE("killed at any moment of a rollout, the next start finishes it and leaves no stray") {
  LiveHost host;
  const std::string roll = host.name("roll");
  const std::string store = host.name("store");
  const auto text = [&](const std::string& app, int release) {
    const std::string more = "env: {VERSION: \"" + std::to_string(release) + "\"}\n";
    return manifest(app,
                    app == roll ? more + "deploy: {replicas: 2}\n" : more + "needs: [storage]\n");
  };
  const auto put_both = [&](int release) {
    for (const std::string& app : {roll, store}) host.put(app + ".yml", text(app, release));
  };
  host.start();
  put_both(0);
  host.until_well({roll, store});
  // From before the manifests are read to after the first rollout is through.
  const std::vector<int> moments_ms = {20, 150, 220, 350, 500, 700, 950, 1300};
  for (std::size_t i = 0; i < moments_ms.size(); ++i) {
    CAPTURE(moments_ms[i]);
    const int release = static_cast<int>(i) + 1;
    put_both(release);
    std::this_thread::sleep_for(milliseconds(moments_ms[i]));
    host.kill();
    host.start();
    const auto serves_release = [&](const std::string& app) {
      for (const Json& container : host.containers(app)) {
        const std::string id = container["Id"].as_string();
        const auto reply = host.engine().call("GET", "/containers/" + id + "/json");
        if (reply.text.find("VERSION=" + std::to_string(release)) == reply.text.npos) return false;
      }
      return host.well(app);
    };
    host.until("both apps are in release " + std::to_string(release),
               [&] { return serves_release(roll) && serves_release(store); });
    CHECK(objects(host, roll) == std::vector<std::string>{"web.1 running", "web.2 running"});
    CHECK(objects(host, store) == std::vector<std::string>{"web.1 running"});
  }
}

TEST_CASE("SIGTERM ends the daemon in under 2 s, also while a container is slow to stop") {
  LiveHost host;
  const std::string app = host.name("slow");
  // It does not hear SIGTERM.
  const std::string deaf =
      "command: [sh, -c, \"trap '' TERM; while true; do sleep 1; done\"]\nstop_grace: 8s\n"
      "needs: [storage]\n";
  host.put("slow.yml", manifest(app, deaf));
  host.start();
  host.until_well(app);
  host.put("slow.yml", manifest(app, deaf + "env: {A: b}\n"));
  host.until("the new one waits beside the old one",
             [&] { return host.containers(app).size() == 2; });
  std::this_thread::sleep_for(milliseconds(300));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(host.stop(seconds(2)) == 0);
  CHECK(std::chrono::steady_clock::now() - begun < seconds(2));
  host.start();
  host.until("the rollout is through",
             [&] { return host.containers(app).size() == 1 && host.well(app); });
}

TEST_CASE("a second daemon and an apply beside a daemon are refused, naming the first") {
  LiveHost host;
  const std::string app = host.name("one");
  host.put("one.yml", manifest(app));
  host.start();
  host.until_well(app);
  const std::string pid = std::to_string(host.daemon().pid());
  for (const char* verb : {"run", "apply"}) {
    CAPTURE(verb);
    const LiveHost::Ran second = host.run({verb});
    CHECK(second.code == 1);
    CHECK(second.err.find("another fairlead (pid " + pid + ")") != std::string::npos);
  }
  // A plan only looks.
  CHECK(host.run({"plan"}).code == 0);
  CHECK(host.well(app));
}

}  // namespace
}  // namespace fairlead::testing
