// Fingerprints are pinned in tests/golden/fingerprints.txt: one that changes recreates every
// container of that kind on every host at the next upgrade. GOLDEN_UPDATE=1 writes the file anew,
// which is right only for a manifest that is new in it.

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "providers/docker/resolve.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using fairlead::testing::graph_beside;
using fairlead::testing::spec_of;

namespace {

const char* const golden = FAIRLEAD_SOURCE_DIR "/tests/golden/fingerprints.txt";
const std::string base = "name: blog\nimage: acme/blog:1\n";

using Secrets = std::map<std::string, Secret>;

Result<std::shared_ptr<const Graph>> resolved(const std::string& manifest,
                                              const Platform& platform = {},
                                              const Secrets& secrets = {}) {
  const ParsedManifest parsed = parse_manifest("blog.yml", manifest);
  REQUIRE_MESSAGE(parsed.errors.empty(), manifest);
  return graph_beside({}, *parsed.apps.at(0).app, platform, secrets);
}

ContainerSpec spec(const std::string& manifest, const std::string& process = "web",
                   const Platform& platform = {}, const Secrets& secrets = {}) {
  const auto graph = resolved(manifest, platform, secrets);
  REQUIRE_MESSAGE(graph.ok(), graph.error().text());
  return *spec_of(graph->get(), process);
}

std::string fingerprint(const std::string& manifest, const std::string& process = "web") {
  return spec(manifest, process).fingerprint;
}

Platform with_root() {
  Platform platform;
  platform.mount_roots = {"/srv"};
  return platform;
}

std::string refusal(const std::string& more, const Platform& platform = with_root()) {
  const auto graph = resolved(base + more, platform);
  return graph ? "resolved" : graph.error().text();
}

std::string env(const ContainerSpec& of) { return of.body["Env"].dump(); }

}  // namespace

TEST_CASE("golden fingerprints: no release changes the fingerprint of a manifest") {
  // Each case is a manifest after "---", and then a line "# process fingerprint" for each process.
  std::ifstream file(golden);
  std::ostringstream written;
  std::string line, manifest;
  Platform platform = with_root();
  const Secrets secrets{{"api-key", Secret("hunter2")}};
  int cases = 0;
  const auto flush = [&] {
    if (manifest.empty()) return;
    const auto graph = resolved(manifest, platform, secrets);
    REQUIRE_MESSAGE(graph.ok(), graph.error().text());
    written << "---\n" << manifest;
    for (const Resource& resource : (*graph)->resources) {
      const auto* made = dynamic_cast<const ContainerSpec*>(resource.spec.get());
      if (made) written << "# " << made->process << " " << made->fingerprint << "\n";
    }
    manifest.clear();
    ++cases;
  };
  std::string before;
  while (std::getline(file, line)) {
    before += line + "\n";
    if (line == "---") {
      flush();
    } else if (line.rfind("# ", 0) != 0) {
      manifest += line + "\n";
    }
  }
  flush();
  CHECK(cases >= 15);
  if (std::getenv("GOLDEN_UPDATE") != nullptr)
    std::ofstream(golden) << written.str();
  else
    CHECK(written.str() == before);
}

TEST_CASE("the order of keys, and where a file stands, are no part of a fingerprint") {
  CHECK(fingerprint(base + "env: {A: '1', B: '2'}\nlabels: {x: y, u: v}\n") ==
        fingerprint("labels: {u: v, x: y}\nenv:\n  B: '2'\n  A: '1'\nimage: acme/blog:1\n"
                    "name: blog\n"));
}

TEST_CASE("what Docker changes live, and what is fairlead's own doing, changes no fingerprint") {
  const std::string with_port = base + "expose: [{proto: http, port: 80}]\n";
  for (const char* more :
       {"resources: {cpus: 2, memory: 64M, pids: 9}\n", "restart: never\n", "restart: on-failure\n",
        "deploy: {strategy: recreate, replicas: 3, deadline: 9s, drain: 1s}\n",
        "health: {http: /up}\n", "health: {http: /up, interval: 9s, retries: 7}\n",
        "suspend: true\n", "reclaim: delete\n", "after: [search]\n"}) {
    CAPTURE(more);
    CHECK(fingerprint(with_port + more) == fingerprint(with_port));
  }
}

TEST_CASE("each field that is fixed at creation changes the fingerprint") {
  std::map<std::string, std::string> seen{{fingerprint(base), "nothing more"}};
  for (const std::string more : {"command: [serve]\n",
                                 "command: [serve, fast]\n",
                                 "entrypoint: [serve]\n",
                                 "user: '1000'\n",
                                 "workdir: /srv\n",
                                 "stop_signal: SIGINT\n",
                                 "stop_grace: 30s\n",
                                 "tmpfs: [/tmp]\n",
                                 "tmpfs: [/tmp, /run]\n",
                                 "hosts: {db: 10.0.0.9}\n",
                                 "env: {A: '1'}\n",
                                 "env: {A: '2'}\n",
                                 "env: {B: '1'}\n",
                                 "labels: {A: '1'}\n",
                                 "security: strict\n",
                                 "needs: [storage]\n",
                                 "needs: [{storage: {path: /files}}]\n",
                                 "secrets: {A: {generate: 32}}\n",
                                 "secrets: {A: {generate: 33}}\n",
                                 "secrets: {A: {generate: 32, as: env}}\n",
                                 "expose: [{proto: http, port: 80}]\n",
                                 "expose: [{proto: http, port: 81}]\n",
                                 "expose: [{proto: http, port: 80, publish: 8080}]\n",
                                 "expose: [{proto: http, port: 80, publish: '0.0.0.0:8080'}]\n",
                                 "health: {command: [check]}\n",
                                 "health: {command: [check], retries: 9}\n",
                                 "health: {interval: 9s}\n",
                                 "health: {disable: true}\n"}) {
    const auto [held, fresh] = seen.emplace(fingerprint(base + more), more);
    CHECK_MESSAGE(fresh, more, " has the fingerprint of ", held->second);
  }
  CHECK(fingerprint("name: blog\nimage: acme/blog:2\n") != fingerprint(base));
}

TEST_CASE("a mount, and whether it is read-only, is part of the fingerprint") {
  const auto mounted = [](const char* mount) {
    return spec(base + "mounts: [" + mount + "]\n", "web", with_root()).fingerprint;
  };
  CHECK(mounted("{host: /srv/a, path: /a}") != fingerprint(base));
  CHECK(mounted("{host: /srv/a, path: /a}") != mounted("{host: /srv/b, path: /a}"));
  CHECK(mounted("{host: /srv/a, path: /a}") !=
        mounted("{host: /srv/a, path: /a, read_only: true}"));
}

TEST_CASE("a default that fairlead or the platform file adds changes no fingerprint") {
  Platform other = with_root();
  other.log.container_bytes = 1;
  other.log.container_files = 9;
  other.domain = "example.org";
  other.network.pool = "10.9.0.0/16";
  other.folders.mounted_secrets = "/elsewhere";
  const std::string manifest = base + "secrets: {A: {generate: 32}}\n";
  CHECK(spec(manifest, "web", other).fingerprint == spec(manifest).fingerprint);
  CHECK(spec(manifest, "web", other).body.dump() != spec(manifest).body.dump());
}

TEST_CASE("the content of a secret file is part of the fingerprint, and stands nowhere else") {
  const std::string manifest = base + "secrets: {KEY: {file: key}}\n";
  const ContainerSpec one = spec(manifest, "web", {}, {{"key", Secret("hunter2")}});
  const ContainerSpec two = spec(manifest, "web", {}, {{"key", Secret("hunter3")}});
  CHECK(one.fingerprint != two.fingerprint);
  REQUIRE(one.secrets.size() == 1);
  CHECK(one.secrets[0].path != two.secrets[0].path);
  CHECK(one.secrets[0].content.reveal() == "hunter2");
  CHECK((one.body.dump() + one.labels.dump()).find("hunter2") == std::string::npos);
}

TEST_CASE("another key gives other fingerprints: they cannot be guessed from values") {
  const Keys others("0123456789abcdef", Secret(std::string(32, 'x')));
  CHECK(fingerprint_of(others, {{"image", "a"}}) !=
        fingerprint_of(fairlead::testing::test_keys(), {{"image", "a"}}));
  CHECK(fingerprint_of(others, {{"a", "b"}, {"c", "d"}}).size() == 32);
}

TEST_CASE("a change of one process leaves the others alone") {
  const std::string both = base + "processes:\n  worker: {command: [work]";
  CHECK(fingerprint(both + "}\n") == fingerprint(both + ", env: {A: '1'}}\n"));
  CHECK(fingerprint(both + "}\n", "worker") != fingerprint(both + ", env: {A: '1'}}\n", "worker"));
}

TEST_CASE("each container is hardened by default") {
  const Json host = spec(base).body["HostConfig"];
  CHECK(host["SecurityOpt"].dump() == R"(["no-new-privileges"])");
  CHECK(host["CapDrop"].dump() == R"(["ALL"])");
  CHECK(host["CapAdd"].dump() ==
        R"(["CHOWN","DAC_OVERRIDE","FOWNER","SETUID","SETGID","KILL","NET_BIND_SERVICE"])");
  CHECK(host["Init"].as_bool());
  CHECK(host["LogConfig"].dump() ==
        R"({"Type":"json-file","Config":{"max-size":"10485760","max-file":"3"}})");
  CHECK(host["NetworkMode"].as_string() == "blog");
  CHECK_FALSE(host.has("ReadonlyRootfs"));
  CHECK(spec(base).limits == Limits{0, std::int64_t{1} << 30, 1024});
  const Json strict = spec(base + "security: strict\n").body["HostConfig"];
  CHECK(strict["CapDrop"].dump() == R"(["ALL"])");
  CHECK_FALSE(strict.has("CapAdd"));
  CHECK(strict["ReadonlyRootfs"].as_bool());
}

TEST_CASE("what the manifest's env says wins, and a process's over the app's") {
  const std::string manifest = base +
                               "expose: [{proto: http, port: 80}]\nneeds: [storage]\n"
                               "env: {PORT: '9', A: app, B: app}\n"
                               "processes: {worker: {env: {B: own}}}\n";
  CHECK(env(spec(manifest)) == R"(["A=app","B=app","PORT=9","STORAGE_PATH=/data"])");
  CHECK(env(spec(manifest, "worker")) == R"(["A=app","B=own","PORT=9"])");
}

TEST_CASE("runners inherit the program's surroundings, not its command") {
  const std::string manifest = base +
                               "command: [serve]\nentrypoint: [tini]\nuser: u\nworkdir: /w\n"
                               "tmpfs: [/tmp]\nstop_grace: 20s\nresources: {memory: 64M}\n"
                               "restart: never\nprocesses: {worker: {resources: {pids: 5}}}\n";
  const ContainerSpec worker = spec(manifest, "worker");
  CHECK_FALSE(worker.body.has("Cmd"));
  CHECK(worker.body["Entrypoint"].dump() == R"(["tini"])");
  CHECK(worker.body["User"].as_string() == "u");
  CHECK(worker.body["WorkingDir"].as_string() == "/w");
  CHECK(worker.body["HostConfig"]["Tmpfs"].dump() == R"({"/tmp":""})");
  CHECK(worker.stop_grace == std::chrono::seconds(20));
  CHECK(worker.limits == Limits{0, 64 << 20, 5});
  CHECK(worker.restart == "unless-stopped");
  CHECK_FALSE(worker.once);
}

TEST_CASE("exclusive storage is the main process's alone and makes it recreate") {
  const std::string workers = "processes: {worker: {command: [w]}}\n";
  const std::string exclusive = base + "needs: [storage]\n" + workers;
  CHECK(spec(exclusive).recreate);
  CHECK(spec(exclusive).stores);
  CHECK_FALSE(spec(exclusive, "worker").stores);
  CHECK_FALSE(spec(exclusive, "worker").recreate);
  const std::string shared = base + "needs: [{storage: {shared: true}}]\n" + workers;
  CHECK_FALSE(spec(shared).recreate);
  CHECK(spec(shared, "worker").stores);
}

TEST_CASE("a published port makes it recreate; it is bound to the loopback unless told") {
  const ContainerSpec published =
      spec(base + "expose: [{proto: tcp, port: 25, publish: 2525}, {proto: http, port: 80}]\n");
  CHECK(published.recreate);
  CHECK(published.body["HostConfig"]["PortBindings"].dump() ==
        R"({"25/tcp":[{"HostIp":"127.0.0.1","HostPort":"2525"}]})");
  CHECK(published.body["ExposedPorts"].dump() == R"({"25/tcp":{}})");
  CHECK_FALSE(spec(base + "expose: [{proto: http, port: 80}]\n").recreate);
}

TEST_CASE("the image's health check is asked unless something else is said") {
  const auto health = [](const std::string& more, const char* process = "web") {
    return spec(base + more, process).body["Healthcheck"].dump();
  };
  const std::string none = R"({"Test":["NONE"]})";
  CHECK(health("") == "null");
  CHECK(health("health: {disable: true}\n") == none);
  CHECK(health("expose: [{proto: http, port: 80}]\nhealth: {http: /up}\n") == none);
  CHECK(health("health: {command: [check, it], interval: 2s, timeout: 3s, retries: 4}\n") ==
        R"({"Test":["CMD","check","it"],"Interval":2000000000,"Timeout":3000000000,"Retries":4})");
  CHECK(health("health: {start_period: 5s}\n") == R"({"StartPeriod":5000000000})");
  CHECK(health("processes: {worker: {command: [w]}}\n", "worker") == none);
  CHECK(health("processes: {worker: {}}\n", "worker") == "null");
}

TEST_CASE("the health check that fairlead makes goes to its port, else to the first exposed one") {
  const std::string expose = base + "expose: [{proto: http, port: 8080}]\n";
  CHECK(spec(expose + "health: {http: /up}\n").http->port == 8080);
  CHECK(spec(expose + "health: {http: /up, port: 9}\n").http->port == 9);
  CHECK(spec(expose + "health: {http: /up}\n").http->path == "/up");
  CHECK_FALSE(spec(expose).http.has_value());
}

TEST_CASE("the health check asks for the host that is said, else for the first domain") {
  const auto host = [](const std::string& domains, const std::string& more = "") {
    const std::string expose = "expose: [{port: 80" + domains + "}]\n";
    return spec(base + expose + "health: {http: /up" + more + "}\n").http->host;
  };
  CHECK(host("") == "");
  CHECK(host(", domains: [\"*.a.org\"]") == "");
  CHECK(host(", domains: [\"*.a.org\", b.org, c.org]") == "b.org");
  CHECK(host(", domains: [b.org]", ", host: d.org") == "d.org");
  const std::string plain = base + "expose: [{port: 80}]\n";
  CHECK(spec(plain + "health: {http: /up, host: d.org}\n").fingerprint == spec(plain).fingerprint);
}

TEST_CASE("mounts outside the roots are refused, with their place") {
  CHECK(refusal("mounts: [{host: /srv/media, path: /m}]\n") == "resolved");
  CHECK(refusal("mounts: [{host: /srv, path: /m}]\n") == "resolved");
  CHECK(refusal("mounts: [{host: /etc, path: /m}]\n").find("blog.yml:3") == 0);
  CHECK(refusal("mounts: [{host: /srvx, path: /m}]\n") != "resolved");
  CHECK(refusal("mounts: [{host: /srv, path: /m}]\n", Platform()) != "resolved");
}

TEST_CASE("many containers get a wider network, with room for old and new side by side") {
  const auto prefix = [](int replicas) {
    const auto graph = resolved(base + "deploy: {replicas: " + std::to_string(replicas) + "}\n");
    REQUIRE(graph.ok());
    return dynamic_cast<const NetworkSpec&>(*(*graph)->resources[0].spec).prefix;
  };
  CHECK(prefix(1) == 26);
  CHECK(prefix(20) == 26);
  CHECK(prefix(40) == 25);
  CHECK(prefix(100) == 24);
}

TEST_CASE("a secret in the environment lacks the last line end, in a file it is as it was") {
  const auto made = [](const char* text) {
    return spec(base + "secrets: {KEY: {file: key, as: env}, COPY: {file: key}}\n", "web", {},
                {{"key", Secret(text)}});
  };
  CHECK(env(made("hunter2\n")) == R"(["KEY=hunter2"])");
  CHECK(env(made("hunter2\r\n")) == R"(["KEY=hunter2"])");
  CHECK(env(made("two\nlines\n\n")) == R"(["KEY=two\nlines\n"])");
  CHECK(made("hunter2\n").secrets.at(0).content.reveal() == "hunter2\n");
  // Of the bytes of the file, as before: no upgrade recreates what was given the line end.
  CHECK(made("hunter2\n").fingerprint != made("hunter2").fingerprint);
}

TEST_CASE("what fairlead gives is put where the manifest's env says, and is part of it") {
  const std::string manifest =
      base +
      "expose: [{port: 8080}]\nneeds: [database, storage]\n"
      "secrets: {KEY: {file: key, as: env}}\n"
      "env:\n  PW: \"<${DB_PASSWORD}>\"\n  AT: \":${PORT}${STORAGE_PATH}\"\n"
      "  TOKEN: \"k=${KEY}\"\n  COST: \"5$$\"\n"
      "processes: {worker: {env: {DSN: \"${DB_USERNAME}\"}}}\n";
  const Secrets files{{"key", Secret("hunter2\n")}};
  const ContainerSpec web = spec(manifest, "web", {}, files);
  const ContainerSpec worker = spec(manifest, "worker", {}, files);
  const auto has = [](const ContainerSpec& of, const std::string& line) {
    for (const Json& held : of.body["Env"].items()) {
      if (held.as_string() == line) return true;
    }
    return false;
  };
  std::string password;
  for (const Json& line : web.body["Env"].items()) {
    if (line.as_string().rfind("DB_PASSWORD=", 0) == 0) password = line.as_string().substr(12);
  }
  REQUIRE(password.size() > 8);
  CHECK(has(web, "PW=<" + password + ">"));
  CHECK(has(worker, "PW=<" + password + ">"));
  CHECK(has(web, "AT=:8080/data"));
  CHECK(has(worker, "AT=:8080/data"));
  CHECK(has(web, "TOKEN=k=hunter2"));
  CHECK(has(web, "COST=5$"));
  CHECK(has(worker, "DSN=blog"));
  CHECK_FALSE(has(web, "DSN=blog"));
  const std::string labels = web.labels.dump();
  CHECK(labels.find(password) == labels.npos);
  CHECK(labels.find("hunter2") == labels.npos);
}

TEST_CASE("a value that is put in is part of the fingerprint, in each process that is told it") {
  const auto worker = [](const std::string& port, const std::string& text) {
    return spec(base + "expose: [{port: " + port + "}]\nenv: {AT: \"" + text +
                    "\"}\nprocesses: {worker: {command: [w]}}\n",
                "worker")
        .fingerprint;
  };
  CHECK(worker("80", "${PORT}") != worker("81", "${PORT}"));
  CHECK(worker("80", "$${PORT}") == worker("81", "$${PORT}"));
  CHECK(worker("80", "${PORT}") != worker("80", "$${PORT}"));
}

TEST_CASE("a name that is not given is refused with those that are, and with its place") {
  CHECK(refusal("env:\n  A: x\n  B: \"${DB_PASSWORD}\"\n") ==
        "blog.yml:5: env.B: there is no ${DB_PASSWORD}; fairlead gives this app nothing; write $${ "
        "where this text itself is meant");
  CHECK(
      refusal("expose: [{port: 80}]\nsecrets: {KEY: {generate: 16, as: env}, F: {generate: 16}}\n"
              "processes:\n  worker:\n    env: {B: \"${F}\"}\n") ==
      "blog.yml:7: processes.worker.env.B: there is no ${F}; there are KEY, PORT; write $${ where "
      "this text itself is meant");
}

TEST_CASE("each limit is told with who says it") {
  Platform platform;
  platform.defaults.memory = std::int64_t{2} << 30;
  platform.defaults.nano_cpus = 0;
  const auto graph = resolved(base +
                                  "resources:\n  pids: 99\nprocesses:\n  worker:\n    resources: "
                                  "{memory: 64M}\n",
                              platform);
  REQUIRE(graph.ok());
  std::string text;
  for (const Setting& limit : (*graph)->limits) {
    text += limit.process + " " + limit.name + " " + limit.value + " (" + limit.origin + ")\n";
  }
  CHECK(text ==
        "web memory 2G (platform file, defaults.resources.memory)\n"
        "web pids 99 (blog.yml:4)\n"
        "web cpus none (platform file, defaults.resources.cpus)\n"
        "worker memory 64M (blog.yml:7)\n"
        "worker pids 99 (blog.yml:4)\n"
        "worker cpus none (platform file, defaults.resources.cpus)\n");
  const auto plain = resolved(base);
  REQUIRE(plain.ok());
  CHECK((*plain)->limits.at(0).origin == "default; resources.memory");
  CHECK((*plain)->limits.at(0).value == "1G");
  CHECK(spec(base, "web", platform).fingerprint == fingerprint(base));
  CHECK(spec(base, "web", platform).limits == Limits{0, std::int64_t{2} << 30, 1024});
}
