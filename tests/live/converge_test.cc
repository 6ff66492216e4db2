#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "tests/live/live_host.h"

// From a file in the folder to a container that does its work.
namespace fairlead::testing {
namespace {

std::string field(const std::string& text, const std::string& name) {
  const std::size_t at = text.find(name + ":\t");
  if (at == text.npos) return "";
  const std::size_t begin = at + name.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

constexpr char secret[] = "correct horse battery staple";

TEST_CASE("a file becomes a healthy container, hardened by default") {
  LiveHost host;
  const std::string app = host.name("web");
  std::ofstream(host / "secrets/token") << secret;
  host.start();
  host.put("web.yml", manifest(app,
                               "secrets: {TOKEN: {file: token}, KEY: {generate: 32}}\n"
                               "resources: {cpus: 0.5, memory: 64M, pids: 100}\n"
                               "labels: {team: web}\nenv: {COLOUR: blue}\n"));
  host.until_well(app);
  const Json seen = host.only(app);
  const Json& limits = seen["HostConfig"];
  CHECK(limits["Memory"].as_int() == 64 << 20);
  CHECK(limits["NanoCpus"].as_int() == 500'000'000);
  CHECK(limits["PidsLimit"].as_int() == 100);
  CHECK(limits["Privileged"].as_bool() == false);
  CHECK(limits["Binds"].empty());
  CHECK(limits["Init"].as_bool());
  CHECK(limits["NetworkMode"].as_string() == app);
  CHECK(limits["RestartPolicy"]["Name"].as_string() == "unless-stopped");
  CHECK(limits["LogConfig"]["Type"].as_string() == "json-file");
  CHECK(limits["LogConfig"]["Config"]["max-size"].as_string() == std::to_string(10 << 20));
  CHECK(limits["LogConfig"]["Config"]["max-file"].as_string() == "3");
  CHECK(seen["Config"]["Labels"]["team"].as_string() == "web");

  const std::string id = seen["Id"].as_string();
  const std::string inside = host.engine().exec(id, {"cat", "/proc/self/status"}).output;
  CHECK(field(inside, "NoNewPrivs") == "1");
  const std::uint64_t capabilities = std::stoull("0x" + field(inside, "CapBnd"), nullptr, 16);
  // CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, NET_BIND_SERVICE: capabilities(7)
  CHECK(capabilities == (1u << 0 | 1u << 1 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 10));
  CHECK(host.engine().exec(id, {"sh", "-c", "echo $COLOUR"}).output == "blue\n");
}

TEST_CASE("secrets are files, and stand nowhere else") {
  LiveHost host;
  const std::string app = host.name("vault");
  std::ofstream(host / "secrets/token") << secret;
  host.put("vault.yml", manifest(app, "secrets: {TOKEN: {file: token}, KEY: {generate: 32}}\n"));
  host.start();
  host.until_well(app);
  const std::string id = host.only_id(app);
  CHECK(host.engine().exec(id, {"cat", "/run/secrets/TOKEN"}).output == secret);
  const std::string key = host.engine().exec(id, {"cat", "/run/secrets/KEY"}).output;
  CHECK(key.size() >= 32);
  CHECK(host.engine().exec(id, {"sh", "-c", "echo x > /run/secrets/TOKEN"}).code != 0);
  for (const std::string& told :
       {host.engine().call("GET", "/containers/" + id + "/json").text, host.log(),
        host.run({"status", "-o", "json"}).out, host.run({"explain", app, "-o", "json"}).out}) {
    CHECK(told.find(app) != told.npos);
    CHECK(told.find(secret) == told.npos);
    CHECK(told.find(key) == told.npos);
  }

  // Another content of the file is another container.
  const std::string before = host.revision(app);
  std::ofstream(host / "secrets/token") << "tr0ub4dor";
  host.until_new(app, before);
  const std::string next = host.only_id(app);
  CHECK(host.engine().exec(next, {"cat", "/run/secrets/TOKEN"}).output == "tr0ub4dor");
  CHECK(host.engine().exec(next, {"cat", "/run/secrets/KEY"}).output == key);
}

TEST_CASE("storage and generated secrets outlive restarts and deploys") {
  LiveHost host;
  const std::string app = host.name("store");
  const std::string needs = "needs: [storage]\nsecrets: {KEY: {generate: 32}}\n";
  host.put("store.yml", manifest(app, needs));
  host.start();
  host.until_well(app);
  const Json first = host.only(app);
  const std::string id = first["Id"].as_string();
  const std::string key = host.engine().exec(id, {"cat", "/run/secrets/KEY"}).output;
  CHECK(key.size() >= 32);
  CHECK(host.engine().exec(id, {"sh", "-c", "echo visits=7 > $STORAGE_PATH/kept"}).code == 0);

  CHECK(host.stop(seconds(10)) == 0);
  host.start();
  host.until_well(app);
  CHECK(host.only(app)["State"]["StartedAt"] == first["State"]["StartedAt"]);

  const std::string before = host.revision(app);
  host.put("store.yml", manifest(app, needs + "env: {COLOUR: green}\n"));
  host.until_new(app, before);
  const std::string next = host.only_id(app);
  CHECK(next != id);
  CHECK(host.engine().exec(next, {"cat", "/data/kept"}).output == "visits=7\n");
  CHECK(host.engine().exec(next, {"cat", "/run/secrets/KEY"}).output == key);
}

TEST_CASE("fairlead itself asks for HTTP health at the container's address") {
  LiveHost host;
  const std::string app = host.name("http");
  const std::string more =
      "expose: [{proto: http, port: 8080}]\n"
      "health: {http: /up, interval: 200ms, retries: 2}\n";
  const auto serving = [&](const std::string& folder) {
    return manifest(
        app, more + "command: [sh, -c, \"mkdir -p /www; touch /www/up; exec httpd -f -p 8080 -h " +
                 folder + "\"]\n");
  };
  host.put("http.yml", serving("/www"));
  host.start();
  host.until_well(app);
  const std::string id = host.only_id(app);
  host.put("http.yml", serving("/bin"));
  host.until("the page that is not there is told", [&] {
    const Json seen = host.app(app);
    return seen["health"].as_string() == "Degraded" &&
           seen["message"].as_string().find("404") != std::string::npos;
  });
  CHECK(host.engine().inspect(id)["State"]["Running"].as_bool());
}

TEST_CASE("30 apps at once become healthy, and broken ones beside them delay none") {
  LiveHost host;
  host.start();
  constexpr int batch = 15;
  const auto time_of = [&](const std::string& word) {
    const auto begun = std::chrono::steady_clock::now();
    std::vector<std::string> apps;
    for (int i = 0; i < batch; ++i) {
      apps.push_back(host.name(word + std::to_string(i)));
      // Without a health check: healthy once it has run for 3 s.
      host.put(apps.back() + ".yml", "name: " + apps.back() + "\nimage: fairlead-test/live:1\n");
    }
    host.until_well(apps, seconds(150));
    return std::chrono::steady_clock::now() - begun;
  };
  const auto alone = time_of("a");
  const std::string crashing = host.name("crashing");
  const std::string missing = host.name("missing");
  const std::string invalid = host.name("invalid");
  host.put("0.yml", manifest(crashing, "", "fairlead-test/live:broken"));
  host.put("1.yml", manifest(missing, "", "127.0.0.1:1/none:1"));
  host.put("2.yml", "name: " + invalid + "\nimage: [\n");
  const auto beside = time_of("b");
  CHECK(beside <= alone * 2 + seconds(10));
  // The engine's pauses before the third restart may be longer than the others took.
  host.until("the broken ones are Degraded", [&] {
    return host.app(crashing)["health"].as_string() == "Degraded" &&
           host.app(missing)["health"].as_string() == "Degraded";
  });
  const Json status = host.status();
  std::size_t healthy = 0;
  for (const Json& app : status["apps"].items()) healthy += app["health"].as_string() == "Healthy";
  CHECK(healthy == 2 * batch);
}

}  // namespace
}  // namespace fairlead::testing
