#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/live/live_host.h"

// Replacements: what serves goes on serving until the new one is healthy, and after it failed.
namespace fairlead::testing {
namespace {

// Looks at an app's containers again and again, beside the test's own thread.
class Sampler {
 public:
  Sampler(const LiveHost& host, std::string app)
      : host_(host), app_(std::move(app)), thread_([this] { run(); }) {}
  ~Sampler() { end(); }
  void end() {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int healthy_min() const { return healthy_min_; }
  int running_max() const { return running_max_; }
  int samples() const { return samples_; }

 private:
  void run() {
    while (!ended_) {
      int healthy = 0;
      int running = 0;
      for (const Json& container : host_.containers(app_)) {
        running += container["State"].as_string() == "running";
        healthy += container["Status"].as_string().find("(healthy)") != std::string::npos;
      }
      healthy_min_ = std::min(healthy_min_.load(), healthy);
      running_max_ = std::max(running_max_.load(), running);
      ++samples_;
      std::this_thread::sleep_for(milliseconds(10));
    }
  }

  const LiveHost& host_;
  const std::string app_;
  std::atomic<bool> ended_ = false;
  std::atomic<int> healthy_min_ = 1000;
  std::atomic<int> running_max_ = 0;
  std::atomic<int> samples_ = 0;
  std::thread thread_;
};

std::string message_of(const LiveHost& host, const std::string& app) {
  return host.app(app)["message"].as_string();
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

// The container that is kept as evidence; null: there is none.
Json evidence_of(const LiveHost& host, const std::string& app) {
  for (const Json& container : host.containers(app)) {
    if (name_of(container).ends_with(".failed")) return container;
  }
  return {};
}

TEST_CASE("while new containers get healthy, the old ones serve") {
  LiveHost host;
  const std::string app = host.name("roll");
  const std::string slow =
      "command: [sh, -c, \"sleep 1; touch /ready; exec sleep 1000000\"]\n"
      "deploy: {replicas: 2}\n" +
      health("test -e /ready");
  host.put("roll.yml", manifest(app, slow));
  host.start();
  host.until_well(app);
  const std::vector<std::string> before = host.names(app);
  CHECK(before.size() == 2);
  const std::string revision = host.revision(app);
  Sampler sampler(host, app);
  host.put("roll.yml", manifest(app, slow, "fairlead-test/live:2"));
  host.until_new(app, revision);
  sampler.end();
  CHECK(sampler.samples() > 20);
  CHECK(sampler.healthy_min() >= 2);
  CHECK(sampler.running_max() == 3);  // one at a time beside the old ones
  const std::vector<std::string> after = host.names(app);
  CHECK(after.size() == 2);
  CHECK(std::find(before.begin(), before.end(), after.front()) == before.end());
  const std::string id = host.containers(app).front()["Id"].as_string();
  CHECK(host.engine().exec(id, {"sh", "-c", "echo $RELEASE"}).output == "2\n");
  CHECK(says(host.log(), "image fairlead-test/live:1 → 2 (roll.yml:2"));
}

TEST_CASE("a new image that fails leaves the old container serving, and evidence behind") {
  LiveHost host;
  const std::string app = host.name("gate");
  host.put("gate.yml", manifest(app));
  host.start();
  host.until_well(app);
  const std::string id = host.only_id(app);

  // With a check: without one it is taken after three seconds, in which a busy engine may not yet
  // have told that it ended.
  host.put("gate.yml", manifest(app, "", "fairlead-test/live:broken"));
  host.until("the failure is told", [&] {
    return host.app(app)["health"].as_string() == "Degraded" && !evidence_of(host, app).is_null();
  });
  host.until("with its exit code and last words", [&] {
    const std::string message = message_of(host, app);
    return says(message, "exited with code 3") && says(message, "no database at db:3306");
  });
  CHECK(says(message_of(host, app), "serves on"));
  CHECK(host.app(app)["sync"].as_string() == "OutOfSync");
  CHECK(host.engine().inspect(id)["State"]["Running"].as_bool());
  CHECK(evidence_of(host, app)["State"].as_string() == "exited");

  // A daemon that knows nothing of it learns it from the evidence.
  host.kill();
  host.start();
  host.until("it is told again", [&] { return says(message_of(host, app), "exited with code 3"); });
  CHECK(host.engine().inspect(id)["State"]["Running"].as_bool());

  SUBCASE("a mended manifest converges and clears the evidence") {
    const std::string revision = host.revision(app);
    host.put("gate.yml", manifest(app, "", "fairlead-test/live:2"));
    host.until_new(app, revision);
    host.until("the evidence is gone", [&] { return host.containers(app).size() == 1; });
    CHECK(host.only_id(app) != id);
  }
  SUBCASE("a manifest that is taken back leaves the old container as it was") {
    const std::string revision = host.revision(app);
    host.put("gate.yml", manifest(app));
    host.until_new(app, revision);
    host.until("the evidence is gone", [&] { return host.containers(app).size() == 1; });
    CHECK(host.only_id(app) == id);
  }
}

TEST_CASE("an image that cannot be had, or a command that is not in it, changes nothing") {
  LiveHost host;
  const std::string missing = host.name("missing");
  const std::string command = host.name("command");
  host.put("missing.yml", manifest(missing));
  host.put("command.yml", manifest(command));
  host.start();
  host.until_well({missing, command});
  const std::string missing_id = host.only_id(missing);
  const std::string command_id = host.only_id(command);
  host.put("missing.yml", manifest(missing, "", "127.0.0.1:1/none:1"));
  host.put("command.yml", manifest(command, "command: [no-such-program]\n"));
  host.until("both are told", [&] {
    return says(message_of(host, missing), "127.0.0.1:1/none") &&
           says(message_of(host, command), "no-such-program") &&
           host.app(missing)["health"].as_string() == "Degraded" &&
           host.app(command)["health"].as_string() == "Degraded";
  });
  CHECK(host.engine().inspect(missing_id)["State"]["Running"].as_bool());
  CHECK(host.engine().inspect(command_id)["State"]["Running"].as_bool());
}

TEST_CASE("exclusive storage: never two at once, and back to the old container after a failure") {
  LiveHost host;
  const std::string app = host.name("store");
  const std::string storage = "needs: [storage]\n";
  host.put("store.yml", manifest(app, storage));
  host.start();
  host.until_well(app);
  const std::string id = host.only_id(app);
  Sampler sampler(host, app);
  host.put("store.yml", manifest(app, storage, "fairlead-test/live:broken"));
  host.until("the old one runs again beside the evidence", [&] {
    return !evidence_of(host, app).is_null() &&
           host.engine().inspect(id)["State"]["Running"].as_bool();
  });
  host.until("the failure is told", [&] {
    return says(message_of(host, app), "exited with code 3") &&
           host.app(app)["health"].as_string() == "Degraded";
  });
  const Json policy = host.engine().inspect(id)["HostConfig"]["RestartPolicy"];
  CHECK(policy["Name"].as_string() == "unless-stopped");

  const std::string revision = host.revision(app);
  host.put("store.yml", manifest(app, storage, "fairlead-test/live:2"));
  host.until_new(app, revision);
  host.until("the evidence is gone", [&] { return host.containers(app).size() == 1; });
  sampler.end();
  CHECK(sampler.running_max() == 1);
  CHECK(host.only_id(app) != id);
}

TEST_CASE("a crash loop ends in Degraded with a count, not in a flood") {
  LiveHost host;
  const std::string app = host.name("loop");
  host.put("loop.yml", "name: " + app + "\nimage: fairlead-test/live:broken\n");
  host.start();
  host.until("the loop is told", [&] {
    const std::string message = message_of(host, app);
    return says(message, "restarted ") && says(message, "no database at db:3306") &&
           host.app(app)["health"].as_string() == "Degraded";
  });
  const std::size_t before = host.log().size();
  std::this_thread::sleep_for(seconds(3));
  CHECK(host.log().size() - before < 2000);
  CHECK(host.containers(app).size() == 1);
  const std::string revision = host.revision(app);
  host.put("loop.yml", manifest(app));
  host.until_new(app, revision);
  CHECK(host.containers(app).size() == 1);
}

}  // namespace
}  // namespace fairlead::testing
