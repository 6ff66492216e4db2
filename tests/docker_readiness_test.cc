#include <doctest/doctest.h>

#include <string>

#include "providers/docker/readiness.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using namespace std::chrono_literals;
using fairlead::testing::parse_scene;
using fairlead::testing::Scene;
using fairlead::testing::spec_of;

namespace {

const std::string smallest = "name: blog\nimage: a:1\n";
const std::string probed =
    "name: blog\nimage: a:1\nexpose: [{proto: http, port: 80}]\nhealth: {http: /up}\n";

// "ready: healthy" of a container in this state: "running healthy age=5s".
std::string judged(const std::string& state, const std::string& manifest = smallest) {
  const Scene scene = parse_scene(manifest, "", "container blog.web.NEW " + state + "\n");
  const Readiness is = readiness(*spec_of(scene.wanted.get(), "web"), scene.seen.containers[0],
                                 scene.memory, scene.now);
  const char* word = is.ready() ? "ready: " : is.broken() ? "broken: " : "pending: ";
  return word + is.text;
}

}  // namespace

TEST_CASE("the engine's health check decides where there is one") {
  CHECK(judged("running healthy") == "ready: healthy");
  CHECK(judged("running starting age=1h") == "pending: starting");
  CHECK(judged("running unhealthy") == "broken: unhealthy");
}

TEST_CASE("without a check a container is ready when it has run for three seconds") {
  CHECK(judged("running age=2999ms") == "pending: started");
  CHECK(judged("running age=3s") == "ready: running");
  const Scene scene = parse_scene(smallest, "", "container blog.web.NEW running age=1s\n");
  const Readiness is = readiness(*spec_of(scene.wanted.get(), "web"), scene.seen.containers[0],
                                 scene.memory, scene.now);
  CHECK(is.due == scene.now.steady + 2s);
}

TEST_CASE("the check that fairlead makes decides over what the engine says") {
  CHECK(judged("running healthy", probed) == "pending: starting");
  CHECK(judged("running unhealthy probe=ok", probed) == "ready: healthy");
  CHECK(judged("running probe=failed", probed) == "broken: unhealthy: GET /up: 503");
}

TEST_CASE("where a port is exposed and nobody says a check, something must accept there") {
  const std::string exposed = smallest + "expose: [{port: 3000}]\n";
  const std::string refused = "nothing accepts on port 3000: connection refused";
  CHECK(judged("running age=1h", exposed) == "pending: starting");
  CHECK(judged("running age=1h refuses=3000", exposed) == "pending: starting: " + refused);
  CHECK(judged("running age=3s accepts=3000", exposed) == "ready: running");
  // One that crashes right after its start is not yet well.
  CHECK(judged("running age=2999ms accepts=3000", exposed) == "pending: started");
  CHECK(judged("running age=1h ended=3000", exposed) == "broken: unhealthy: " + refused);
  const std::string two = smallest + "expose: [{port: 80}, {proto: tcp, port: 3000}]\n";
  CHECK(judged("running age=1h accepts=80", two) == "pending: starting");
  CHECK(judged("running age=1h accepts=80 accepts=3000", two) == "ready: running");
  CHECK(judged("running age=1h accepts=80 ended=3000", two) == "broken: unhealthy: " + refused);
}

TEST_CASE("a check that somebody says, and `disable`, decide over whether a port accepts") {
  const std::string exposed = smallest + "expose: [{port: 3000}]\n";
  CHECK(judged("running healthy refuses=3000", exposed) == "ready: healthy");
  CHECK(judged("running starting accepts=3000", exposed) == "pending: starting");
  CHECK(judged("running refuses=3000 probe=ok", exposed + "health: {http: /up}\n") ==
        "ready: healthy");
  CHECK(judged("running refuses=3000", exposed + "health: {disable: true}\n") == "ready: running");
  CHECK(judged("running refuses=3000", exposed + "health: {interval: 1s}\n") ==
        "pending: starting: nothing accepts on port 3000: connection refused");
}

TEST_CASE("the deadline follows from the check that applies, where none is written") {
  const auto of = [](const std::string& more, const std::string& state) {
    const Scene scene = parse_scene(smallest + more, "", "container blog.web.NEW " + state + "\n");
    const ContainerSpec& spec = *spec_of(scene.wanted.get(), "web");
    return std::pair(deadline_of(spec, scene.seen.containers[0]),
                     shortfall(spec, scene.seen.containers[0]));
  };
  CHECK(of("", "running").first == 60s);
  CHECK(of("", "running starting checks=5s").first == 60s);
  CHECK(of("", "running starting checks=60s").first == 90s);
  CHECK(of("", "running starting checks=90s").first == 120s);
  CHECK(of("", "running starting checks=90s").second == "");
  const auto written = of("deploy: {deadline: 30s}\n", "running starting checks=60s");
  CHECK(written.first == 30s);
  CHECK(written.second == "; the image checks every 1m, deploy.deadline is 30s");
  CHECK(of("deploy: {deadline: 70s}\n", "running starting checks=60s").second == "");
  const std::string asked = "expose: [{port: 80}]\nhealth: {http: /up, start_period: 2m}\n";
  CHECK(of(asked, "running checks=1h").first == 140s);
}

TEST_CASE("class 17: an image's check makes a rollout wait for minutes, not for days") {
  Scene scene = parse_scene(smallest, "", "container blog.web.NEW running starting checks=24h\n");
  const auto deadline = [&](const std::string& manifest) {
    const Scene other = parse_scene(manifest, "", "container blog.web.NEW running\n");
    return deadline_of(*spec_of(other.wanted.get(), "web"), scene.seen.containers[0]);
  };
  CHECK(deadline(smallest) <= 20min);
  CHECK(deadline(smallest + "health: {command: [check], interval: 24h}\n") > 24h);
  EngineCheck& check = *scene.seen.containers[0].detail->check;
  check = {24h, 24h, 24h, 1000};
  CHECK(deadline(smallest) == 30min);
  check = {5s, 30s, 10min, 3};
  CHECK(deadline(smallest) == 10min + 5s + 90s);
}

TEST_CASE("a restart begins its checks anew") {
  Scene scene = parse_scene(probed, "", "container blog.web.NEW running probe=ok\n");
  SeenContainer& container = scene.seen.containers[0];
  const ContainerSpec& spec = *spec_of(scene.wanted.get(), "web");
  CHECK(readiness(spec, container, scene.memory, scene.now).ready());
  container.detail->started_text = "later";
  CHECK_FALSE(readiness(spec, container, scene.memory, scene.now).ready());
}

TEST_CASE("three restarts by the engine are a crash loop, also between two crashes") {
  CHECK(judged("restarting restarts=2 exit=1") == "pending: restarted 2 times, last exit code 1");
  CHECK(judged("restarting restarts=3 exit=1") == "broken: restarted 3 times, last exit code 1");
  CHECK(judged("running restarts=3 age=1s") == "broken: restarted 3 times");
  CHECK(judged("running restarts=3 age=3s") == "ready: running");
  CHECK(judged("running healthy restarts=9") == "ready: healthy");
  const std::string exposed = smallest + "expose: [{port: 80}]\n";
  CHECK(judged("running restarts=3 age=1s", exposed) == "broken: restarted 3 times");
  CHECK(judged("running restarts=3 age=1h refuses=80", exposed) == "broken: restarted 3 times");
  CHECK(judged("running restarts=3 age=1h accepts=80", exposed) == "ready: running");
  // A daemon that was just started knows nothing of it.
  CHECK(judged("running restarts=3 age=1h", exposed) == "pending: starting");
}

TEST_CASE("a job is as healthy as its exit code") {
  const std::string job = smallest + "restart: on-failure\n";
  CHECK(judged("running age=5h", job) == "pending: running");
  CHECK(judged("running restarts=2", job) == "pending: running");
  CHECK(judged("restarting restarts=2 exit=2", job) ==
        "pending: restarted 2 times, last exit code 2");
  CHECK(judged("exited exit=0", job) == "ready: completed");
  CHECK(judged("exited exit=2 log: no database", job) ==
        "broken: exited with code 2, last log line: no database");
}

TEST_CASE("a job that failed many times is in a crash loop until a run ends well") {
  const std::string job = smallest + "restart: on-failure\n";
  CHECK(judged("restarting restarts=3 exit=2", job) ==
        "broken: restarted 3 times, last exit code 2");
  CHECK(judged("running restarts=9 age=5h", job) == "broken: restarted 9 times");
  CHECK(judged("exited restarts=9 exit=0", job) == "ready: completed");
}

TEST_CASE("what does not run is not ready, and says how it stands") {
  CHECK(judged("created") == "pending: created");
  CHECK(judged("paused healthy") == "pending: paused");
  CHECK(judged("exited exit=0") == "pending: exited with code 0");
  CHECK(judged("running healthy uninspected") == "pending: running");
}

TEST_CASE("evidence names the code, memory that ran out, the engine's error and the last line") {
  Scene scene = parse_scene(smallest, "", "container blog.web.NEW exited exit=137 oom\n");
  SeenContainer& container = scene.seen.containers[0];
  CHECK(evidence(container) == "exited with code 137 (out of memory: limit 1G, resources.memory)");
  container.detail->limits.memory = 0;
  CHECK(evidence(container) == "exited with code 137 (out of memory)");
  container.detail->error = "cannot mount";
  container.detail->last_log = "first\nlast";
  CHECK(evidence(container) ==
        "exited with code 137 (out of memory): cannot mount, last log line: last");
  container.detail->profile = "strict";
  container.detail->last_log = "chown: /data: Operation not permitted\nlast";
  CHECK(evidence(container).find("last log line: last; it may need a capability: the profile "
                                 "`strict`") != std::string::npos);
  container.state = "created";
  CHECK(evidence(container).find("never started") == 0);
}

TEST_CASE("tries are 5 s apart, then double, at most 5 min") {
  CHECK(retry_after(0) == 5s);
  CHECK(retry_after(1) == 5s);
  CHECK(retry_after(3) == 20s);
  CHECK(retry_after(6) == 160s);
  CHECK(retry_after(7) == 5min);
  CHECK(retry_after(1000) == 5min);
}
