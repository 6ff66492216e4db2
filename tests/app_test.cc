#include "reconciler/app.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "reconciler/platform.h"
#include "reconciler/source_text.h"

using namespace fairlead;
using namespace std::chrono_literals;

namespace {

const std::filesystem::path golden = FAIRLEAD_SOURCE_DIR "/tests/golden/manifests";

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool is_platform(const std::filesystem::path& path) {
  return path.filename().string().compare(0, 8, "fairlead") == 0;
}

std::vector<std::filesystem::path> golden_inputs() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(golden)) {
    if (entry.path().extension() != ".errors") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string joined(const std::vector<Error>& errors) {
  std::string text;
  for (const Error& error : errors) text += error.text() + "\n";
  return text;
}

std::string errors_of(const std::string& text) {
  return joined(parse_manifest("a.yml", text).errors);
}

// The one app of a manifest that must be good.
App good(const std::string& text) {
  const ParsedManifest manifest = parse_manifest("a.yml", text);
  REQUIRE_MESSAGE(manifest.errors.empty(), joined(manifest.errors));
  REQUIRE(manifest.apps.size() == 1);
  return *manifest.apps[0].app;
}

// The errors of "name: a" and "image: a" with `more`, without their place.
std::string refusal(const std::string& more) {
  std::string text;
  for (const Error& error : parse_manifest("a.yml", "name: a\nimage: a\n" + more).errors) {
    text += error.message + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("golden manifests have exactly the errors that stand beside them") {
  int good_ones = 0;
  int bad_ones = 0;
  for (const auto& path : golden_inputs()) {
    const std::string name = path.filename().string();
    CAPTURE(name);
    const auto expected = std::filesystem::path(path).replace_extension(".errors");
    const auto errors = is_platform(path) ? parse_platform(name, read(path)).errors
                                          : parse_manifest(name, read(path)).errors;
    const bool is_bad = std::filesystem::exists(expected);
    CHECK(joined(errors) == (is_bad ? read(expected) : ""));
    ++(is_bad ? bad_ones : good_ones);
  }
  CHECK(good_ones >= 5);
  CHECK(bad_ones >= 15);
}

TEST_CASE("all of the design's example reaches the typed manifest") {
  const App app = good(read(golden / "good-design.yml"));
  CHECK(app.name == "blog");
  CHECK(app.image == "ghcr.io/acme/blog:0042");
  REQUIRE(app.expose.size() == 2);
  CHECK(app.expose[0].proto == Expose::Proto::http);
  CHECK(app.expose[0].port == 80);
  CHECK_FALSE(app.expose[0].publish);
  CHECK(app.expose[0].domains ==
        std::vector<std::string>{"blog.example.org", "www.blog.example.org"});
  CHECK(app.expose[0].body_limit == 10 << 20);
  CHECK(app.expose[1].proto == Expose::Proto::tcp);
  CHECK(app.expose[1].publish == Publish{"127.0.0.1", 25565});
  REQUIRE(app.needs.database);
  CHECK(app.needs.database->reclaim == "retain");
  CHECK(app.needs.database->connections_max == 50);
  CHECK(app.needs.database->rotation == 1);
  CHECK(app.needs.messagebus);
  REQUIRE(app.needs.storage);
  CHECK(app.needs.storage->path == "/data");
  CHECK(app.needs.storage->size == std::int64_t{2} << 30);
  CHECK_FALSE(app.needs.storage->shared);
  CHECK(app.env == std::map<std::string, std::string>{
                       {"APP_ENV", "production"}, {"T", "True"}, {"V", "1.50"}});
  CHECK(app.secrets.at("API_KEY").file == "api-key");
  CHECK_FALSE(app.secrets.at("API_KEY").as_env);
  CHECK(app.secrets.at("SESSION_KEY").generate == 32);
  CHECK(app.secrets.at("SESSION_KEY").as_env);
  CHECK(app.main.command == std::vector<std::string>{"serve"});
  REQUIRE(app.mounts.size() == 1);
  CHECK(app.mounts[0].host == "/srv/media");
  CHECK(app.mounts[0].path == "/media");
  CHECK(app.mounts[0].read_only);
  CHECK(app.after == std::vector<std::string>{"search"});
  CHECK(app.main.resources == Resources{500'000'000, 512 << 20, 256});
  REQUIRE(app.main.health);
  CHECK(app.main.health->http == "/up");
  CHECK(app.main.health->interval == 1s);
  CHECK(app.main.health->timeout == 5s);
  CHECK(app.main.health->start_period == 5s);
  CHECK(app.main.health->retries == 3);
  CHECK(app.deploy.strategy == Deploy::Strategy::recreate);
  CHECK(app.deploy.replicas == 1);
  CHECK(app.deploy.deadline == 60s);
  CHECK(app.deploy.drain == 10s);
  CHECK(app.processes.at("worker").command == std::vector<std::string>{"work"});
  CHECK(app.processes.at("worker").replicas == 2);
  CHECK(app.processes.at("worker").resources.memory == 256 << 20);
  CHECK(app.main.restart == Restart::always);
  CHECK(app.labels == std::map<std::string, std::string>{{"team", "web"}});
}

TEST_CASE("what is left out stays absent, so that it enters no fingerprint") {
  const App app = good("name: a\nimage: a\n");
  CHECK(app.expose.empty());
  CHECK_FALSE(app.needs.database);
  CHECK_FALSE(app.needs.messagebus);
  CHECK_FALSE(app.needs.storage);
  CHECK_FALSE(app.main.command);
  CHECK_FALSE(app.main.user);
  CHECK_FALSE(app.main.stop_grace);
  CHECK_FALSE(app.main.health);
  CHECK_FALSE(app.main.restart);
  CHECK(app.main.resources == Resources{});
  CHECK_FALSE(app.deploy.strategy);
  CHECK_FALSE(app.deploy.replicas);
  CHECK_FALSE(app.suspend);
  CHECK(app.reclaim == Reclaim::retain);
  CHECK(app.security == Security::standard);
}

TEST_CASE("shorthand, several documents and spellings") {
  const ParsedManifest manifest = parse_manifest("s.yml", read(golden / "good-several.yml"));
  REQUIRE(manifest.apps.size() == 2);
  const App& one = *manifest.apps[0].app;
  CHECK(one.needs.storage->shared);
  CHECK(one.needs.storage->path == "/srv/data");
  CHECK(one.main.user == "1000");
  CHECK(one.main.tmpfs == std::vector<std::string>{"/tmp", "/run"});
  CHECK(one.security == Security::strict);
  const App& two = *manifest.apps[1].app;
  CHECK(two.expose[0].publish == Publish{"0.0.0.0", 53});
  CHECK(two.expose[1].publish == Publish{"::1", 54});
  CHECK(two.expose[2].domains == std::vector<std::string>{"*.example.org", "blog.example.org"});
  CHECK(two.env == std::map<std::string, std::string>{{"BOOL", "True"},
                                                      {"FLOAT", "1.50"},
                                                      {"HEX", "0x1F"},
                                                      {"MANY", "two\nlines\n"},
                                                      {"YES", "yes"}});
  CHECK(two.hosts.at("host") == "host-gateway");
  CHECK(two.main.health->command == std::vector<std::string>{"test", "-e", "/ok"});
  CHECK(two.main.health->timeout == 90s);
  CHECK(two.processes.at("worker").health->port == 9000);
  CHECK(two.processes.at("worker").env.at("A") == "b");
  CHECK(two.processes.at("worker").restart == Restart::on_failure);
  CHECK(two.processes.at("worker").replicas == 0);
  CHECK(two.processes.at("cron").entrypoint == std::vector<std::string>{"/bin/cron"});
  CHECK(two.processes.at("cron").restart == Restart::never);
  CHECK(two.labels.at("count") == "3");
}

TEST_CASE("a cause is told by file and line of the field or what it stands in") {
  const App app = good("name: a\nimage: b\nenv:\n  A: b\n");
  CHECK(app.where("image") == "a.yml:2");
  CHECK(app.where("env.A") == "a.yml:4");
  CHECK(app.where("env.B") == "a.yml:3");
  CHECK(app.where("deploy.replicas") == "a.yml:1");
}

TEST_CASE("the manifest inside an image needs no image, a file in the folder does") {
  const ParsedFile file = parse_file("cloud_manifest.yml", "name: myapp\nneeds: [database]\n");
  const ParsedApp parsed = parse_app(file.documents.at(0));
  REQUIRE(parsed.app);
  CHECK(parsed.app->image.empty());
  CHECK(errors_of("name: myapp\n") == "a.yml:1:1: image: is missing\n");
}

TEST_CASE("the name is told however broken the rest is, so that the app can be frozen") {
  const auto name_of = [](const std::string& text) {
    const ParsedManifest manifest = parse_manifest("a.yml", text);
    CHECK_FALSE(manifest.errors.empty());
    REQUIRE(manifest.apps.size() == 1);
    CHECK_FALSE(manifest.apps[0].app);
    return manifest.apps[0].name;
  };
  CHECK(name_of("name: blog\nimage: [x]\nnonsense: 1\n") == "blog");
  CHECK(name_of("name: blog\nimage: a\nimage: b\n") == "blog");
  CHECK(name_of("name: blog\nenv: *x\n") == "blog");
  CHECK(name_of("name: blog\nenv: {A: \"b\n") == "blog");
  CHECK(name_of("name: blog\nimage: a\nenv:\n\tA: b\n") == "blog");
  CHECK(name_of("name: Blog\nimage: a\n") == "");
  CHECK(name_of("- name: blog\n") == "");
}

TEST_CASE("of two apps with one name in a file the first one stays") {
  const ParsedManifest manifest =
      parse_manifest("a.yml", "name: blog\nimage: a:1\n---\nname: blog\nimage: a:2\n");
  REQUIRE(manifest.apps.size() == 1);
  CHECK(manifest.apps[0].app->image == "a:1");
  CHECK(joined(manifest.errors) ==
        "a.yml:4:1: name: \"blog\" is already the name of the app at a.yml:1:1\n");
}

TEST_CASE("errors come in the order of their places, no more than a hundred") {
  std::string many = "name: a\nimage: a\nenv:\n";
  for (int i = 100; i < 300; ++i) many += "  " + std::to_string(i) + "x: y\n";
  const auto errors = parse_manifest("a.yml", many + "---\nname: b\n").errors;
  REQUIRE(errors.size() == 101);
  CHECK(errors[0].where == "a.yml:4:3");
  CHECK(errors[99].where == "a.yml:103:3");
  CHECK(errors[100].text() == "a.yml: has more errors than these: the rest is left out");
}

TEST_CASE("names have a grammar and a length") {
  CHECK(good("name: a" + std::string(39, '-') + "\nimage: a\n").name.size() == 40);
  CHECK(errors_of("name: a" + std::string(40, 'b') + "\nimage: a\n") != "");
  for (const char* name : {"1a", "-a", "A", "a_b", "a.b", "ä", "''"}) {
    CAPTURE(name);
    CHECK(errors_of(std::string("name: ") + name + "\nimage: a\n") != "");
  }
  CHECK(refusal("processes: {abcdefghijklmnopqrst: {}}\n") == "");
  CHECK(refusal("processes: {abcdefghijklmnopqrstu: {}}\n") != "");
}

TEST_CASE("names of environment variables are what programs want of them") {
  const App app = good(
      "name: a\nimage: b\nenv: {discovery.type: x, es-java-opts: x, _A: x, 'Log:Level': x}\n"
      "secrets: {bootstrap.password: {generate: 16, as: env}}\n");
  CHECK(app.env.size() == 4);
  CHECK(app.env.at("discovery.type") == "x");
  CHECK(app.secrets.at("bootstrap.password").as_env);
  for (const char* name :
       {"''", "'A=B'", "'A B'", "\"A\\tB\"", "\"A\\n\"", "1A", "-A", ".a", "ä"}) {
    CAPTURE(name);
    CHECK(refusal(std::string("env: {? ") + name + " : x}\n") != "");
  }
}

TEST_CASE("image references follow the grammar of registries") {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  for (const std::string& image : std::vector<std::string>{
           "a", "a/b/c:1", "localhost/a", "a" + digest, "127.0.0.1:5000/a_b/c__d.e--f:V1_2.3-x",
           "reg.example.org:443/a:1" + digest}) {
    CAPTURE(image);
    CHECK(good("name: a\nimage: \"" + image + "\"\n").image == image);
  }
  for (const std::string& image : std::vector<std::string>{
           "A",       "a:",          "a:b c",   ":1",    "/a",   "a/",      "a//b",
           "a:-1",    "a@sha256:12", "a@md5:0", "a___b", "a..b", "a:5000/", "http://a/b",
           "reg:0/a", "reg:70000/a", "a:1:2",   "-a",    "a-",   "a\\nb",   "a;b"}) {
    CAPTURE(image);
    CHECK(errors_of("name: a\nimage: \"" + image + "\"\n") != "");
  }
}

TEST_CASE("strings that name something hold no line ends, env and commands may") {
  CHECK(refusal("user: \"a\\nb\"\n") != "");
  CHECK(refusal("workdir: \"/a\\nb\"\n") ==
        "workdir: must be one line without control characters\n");
  CHECK(refusal("labels: {a: \"b\\nc\"}\n") ==
        "labels.a: must be one line without control characters\n");
  CHECK(refusal("secrets: {a: {file: \"b\\nc\"}}\n") ==
        "secrets.a.file: must be one line without control characters\n");
  CHECK(refusal("env: {A: \"b\\nc\"}\ncommand: [sh, -c, \"a\\n\\tb\"]\n") == "");
}

TEST_CASE("exclusive storage and published ports allow one container at a time") {
  const std::string storage = "needs: [storage]\n";
  const std::string shared = "needs: [storage: {shared: true}]\n";
  const std::string published = "expose: [{proto: tcp, port: 1, publish: 1}]\n";
  CHECK(refusal(storage + "deploy: {replicas: 1}\n") == "");
  CHECK(refusal(storage + "deploy: {replicas: 0, strategy: recreate}\n") == "");
  CHECK(refusal(storage + "deploy: {replicas: 2}\n") != "");
  CHECK(refusal(storage + "deploy: {strategy: rolling}\n") != "");
  CHECK(refusal(shared + "deploy: {replicas: 2, strategy: rolling}\n") == "");
  CHECK(refusal(published + "deploy: {replicas: 2}\n") != "");
  CHECK(refusal(published + "deploy: {strategy: rolling}\n") != "");
  CHECK(refusal(storage + "processes: {worker: {replicas: 2}}\n") == "");
}

TEST_CASE("no mutation of a manifest crashes, and what is accepted has no errors") {
  std::vector<std::string> seeds;
  for (const auto& path : golden_inputs()) seeds.push_back(read(path));
  const std::string alphabet = "{}[]:,-?&*!|>'\"#%@` \n\t\\0az~<.\xff\xc3\xef";
  std::mt19937 random(20240607);
  const auto below = [&](std::size_t limit) { return random() % std::max<std::size_t>(limit, 1); };
  for (int round = 0; round < 1500; ++round) {
    std::string text = seeds[below(seeds.size())];
    for (std::size_t i = below(8); i < 8; ++i) {
      const std::size_t at = below(text.size());
      const std::size_t act = below(4);
      if (act == 0) text.insert(at, 1, alphabet[below(alphabet.size())]);
      if (act == 1) text.erase(at, 1 + below(10));
      if (act == 2) text.insert(at, text.substr(below(text.size()), below(40)));
      if (act == 3 && !text.empty()) text[at] = static_cast<char>(below(256));
    }
    CAPTURE(round);
    const ParsedManifest manifest = parse_manifest("m.yml", text);
    bool all_good = true;
    for (const ParsedApp& app : manifest.apps) {
      REQUIRE(app.app.has_value() <= app.errors.empty());
      REQUIRE((!app.app || app.app->name == app.name));
      all_good = all_good && app.app;
    }
    REQUIRE((all_good || !manifest.errors.empty()));
    for (const Error& error : manifest.errors) {
      REQUIRE(error.where.compare(0, 5, "m.yml") == 0);
      REQUIRE(clean_source("", error.text(), {}).ok());
      REQUIRE(error.text().find('\n') == std::string::npos);
    }
    REQUIRE(parse_platform("p.yml", text).errors.size() <= 1000);
  }
}

TEST_CASE("an app says how newer images are found") {
  const App app =
      good("name: a\nimage: acme/a:1.2.0\nupdate: {track: semver \">=1.2 <2\", interval: 1m}\n");
  REQUIRE(app.update);
  CHECK(app.update->track.by == Track::By::semver);
  CHECK(app.update->track.text == "semver \">=1.2 <2\"");
  CHECK(app.update->interval == 60s);
  CHECK(good("name: a\nimage: a:0042\nupdate: {track: numeric}\n").update->interval == 5min);
  CHECK(good("name: a\nimage: a\nupdate: {track: digest}\n").update->track.by == Track::By::digest);
  CHECK_FALSE(good("name: a\nimage: a\n").update);
}

TEST_CASE("the host of a health check belongs to `http`, and is one that a header can hold") {
  CHECK(good("name: a\nimage: a\nhealth: {http: /up, port: 80, host: a.org}\n").main.health->host ==
        "a.org");
  CHECK(refusal("health: {host: a.org}\n") ==
        "health.host: is the host that `http` is asked for, which is not said\n");
  CHECK(refusal("health: {http: /up, port: 80, host: \"a.org\\r\\nX: y\"}\n")
            .find("health.host: must be a host name") == 0);
}

TEST_CASE("a deadline that ends before the first check is refused") {
  const std::string check = "health: {command: [check], interval: 60s}\n";
  CHECK(refusal(check + "deploy: {deadline: 30s}\n") ==
        "deploy.deadline: no version can get healthy within it, as the first check comes 1m after "
        "the start (health.interval): say a longer one, or leave it out\n");
  CHECK(refusal("processes: {w: {health: {command: [x], interval: 30s}}}\n"
                "deploy: {deadline: 30s}\n")
            .find("(processes.w.health.interval)") != std::string::npos);
  good("name: a\nimage: a\n" + check);
  good("name: a\nimage: a\n" + check + "deploy: {deadline: 61s}\n");
  // Newer engines check more often in the start period.
  good(
      "name: a\nimage: a\ndeploy: {deadline: 30s}\n"
      "health: {command: [check], interval: 60s, start_period: 10s}\n");
  good(
      "name: a\nimage: a\ndeploy: {deadline: 30s}\n"
      "health: {http: /up, port: 80, interval: 60s}\n");
}

TEST_CASE("an image that cannot be followed is refused where a person would change it") {
  CHECK(errors_of("name: a\nimage: a:1\nupdate: {interval: 29s}\n") ==
        "a.yml:3:1: update.track: is missing\n"
        "a.yml:3:10: update.interval: must be 30s..24h, got 29s\n");
  CHECK(refusal("update: {track: newest}\n") ==
        "update.track: must be digest, numeric or semver with a range, such as semver >=1.2 <2, "
        "got \"newest\"\n");
  CHECK(refusal("update: {track: semver latest}\n").find("update.track: must be a range such as") ==
        0);
  CHECK(refusal("update: {track: numeric}\n") ==
        "update.track: begins at the tag of `image`, which must be a whole number such as 0042, "
        "got \"latest\"\n");
  CHECK(errors_of("name: a\nimage: a:v1\nupdate: {track: semver ^1}\n") ==
        "a.yml:3:10: update.track: begins at the tag of `image`, which must be a version such as "
        "1.2.0, got \"v1\"\n");
  CHECK(errors_of("name: a\nimage: a@sha256:" + std::string(64, 'a') +
                  "\nupdate: {track: digest}\n") ==
        "a.yml:3:10: update.track: the image is pinned by its digest: leave out the digest or "
        "`update`\n");
}

// Class 16 of what an attacker tries: a poison pill for everybody.
TEST_CASE("labels, environment and command of a process are bounded together") {
  const auto errors = [](const std::string& lines) {
    const ParsedManifest parsed = parse_manifest("a.yml", "name: a\nimage: b\n" + lines);
    std::string text;
    for (const Error& error : parsed.errors) text += error.text() + "\n";
    return text;
  };
  const auto some = [](int kib) { return std::string(static_cast<std::size_t>(kib) << 10, 'x'); };
  CHECK(errors("labels: {a: " + some(20) + "}\nenv: {A: " + some(20) + "}\ncommand: [" + some(20) +
               "]\n")
            .empty());
  CHECK(errors("labels: {a: " + some(30) + "}\nenv: {A: " + some(20) + "}\ncommand: [" + some(20) +
               "]\n") ==
        "a.yml:3:1: labels: labels, env, command and entrypoint of a process may be 64k together, "
        "these are 71682\n");
  CHECK(errors("env: {A: " + some(20) + "}\nprocesses: {w: {command: [" + some(50) + "]}}\n")
            .find("processes.w.command: ") != std::string::npos);
  // Each process has its own.
  CHECK(errors("command: [" + some(40) + "]\nprocesses: {w: {command: [" + some(40) + "]}}\n")
            .empty());
}

TEST_CASE("what is written wrong is repeated in part") {
  std::string long_word;
  for (int i = 0; i < 500'000; ++i) long_word += "1s";
  const ParsedManifest parsed =
      parse_manifest("a.yml", "name: a\nimage: b\nstop_grace: " + long_word + "\n");
  REQUIRE(parsed.errors.size() == 1);
  CHECK(parsed.errors.front().message.size() < 500);
  CHECK(parsed.errors.front().message.ends_with("…"));
}

TEST_CASE("a health check comes ten times a second at most") {
  const auto errors = [](const std::string& interval) {
    return parse_manifest("a.yml",
                          "name: a\nimage: b\nhealth: {command: [x], interval: " + interval + "}\n")
        .errors.size();
  };
  CHECK(errors("99ms") == 1);
  CHECK(errors("100ms") == 0);
}
