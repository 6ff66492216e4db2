#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sim/host.h"

// An app whose folder manifest is a name and an image, and whose image says the rest: what is asked
// for it, what is kept, and what happens where it cannot be read.
namespace fairlead::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const char* const path = "/cloud_manifest.yml";
const char* const served = "name: mini\nexpose: [{proto: http, port: 80}]\nhealth: {http: /up}\n";

void add(Host& host, const std::string& ref, const std::string& manifest) {
  SimImage made = image(ref);
  if (!manifest.empty()) made.files[path] = manifest;
  host.engine().add_image(made);
}

std::string mini(const std::string& image, const std::string& more = "",
                 const std::string& name = "mini") {
  return "name: " + name + "\nimage: " + image + "\n" + more;
}

int asked(Host& host, const std::string& part) {
  const auto& trace = host.world().trace();
  return static_cast<int>(std::count_if(trace.begin(), trace.end(), [&](const TraceLine& line) {
    return line.path.find(part) != line.path.npos;
  }));
}

const SimContainer& web(Host& host, const std::string& app = "mini") {
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.rfind(app + ".web.", 0) == 0) return container;
  }
  FAIL("no container of " << app);
  throw std::logic_error("unreachable");
}

bool has_env(const SimContainer& container, const std::string& pair) {
  const auto& env = container.config["Env"].items();
  return std::find(env.begin(), env.end(), Json(pair)) != env.end();
}

void settle(Host& host, const std::string& manifest) {
  host.world().set_file("mini.yml", manifest);
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(2)));
  host.run(seconds(20));
  REQUIRE(host.all_well());
  CHECK(host.violations().empty());
}

std::string origin(const Json& explain, const std::string& field) {
  for (const Json& held : explain["origins"].items()) {
    if (held["field"].as_string() == field) return held["where"].as_string();
  }
  return "";
}

TEST_CASE("what the folder does not say, the image says, and explain tells which said what") {
  Host host;
  add(host, "mini:1", served + std::string("env: {A: image, B: image}\n"));
  settle(host, mini("mini:1", "env: {B: folder}\n"));
  CHECK(has_env(web(host), "A=image"));
  CHECK(has_env(web(host), "B=folder"));
  const Json explain = host.ask("explain", {{"app", "mini"}}).body;
  CHECK(origin(explain, "expose") == "mini:1:/cloud_manifest.yml:2");
  CHECK(origin(explain, "env.A") == "mini:1:/cloud_manifest.yml:4");
  CHECK(origin(explain, "env.B") == "mini.yml:3");
}

TEST_CASE("one image is read once, whatever number of apps it has and however often they change") {
  Host host;
  add(host, "mini:1", served);
  settle(host, mini("mini:1"));
  CHECK(asked(host, "/archive?path=") == 3);
  host.world().set_file("second.yml", mini("mini:1", "", "second"));
  host.world().set_file("mini.yml", mini("mini:1", "env: {A: b}\n"));
  host.run(minutes(1));
  CHECK(host.all_well());
  CHECK(has_env(web(host), "A=b"));
  CHECK(asked(host, "/archive?path=") == 3);
  CHECK(asked(host, ".manifest.") == 1);
  SUBCASE("not by a restart") { host.crash_now(); }
  SUBCASE("not after another image") {
    settle(host, mini("app:1"));
    CHECK(asked(host, "/archive?path=") == 6);
    settle(host, mini("mini:1"));
  }
  const int before = asked(host, "/archive?path=");
  host.run(hours(1));
  CHECK(asked(host, "/archive?path=") == before);
  CHECK(host.all_well());
}

TEST_CASE("an app that is like another one asks nothing more than before for its image") {
  Host host;
  add(host, "mini:1", served);
  settle(host, mini("mini:1"));
  const int before = asked(host, "/images/mini:1/json");
  host.world().set_file("second.yml", mini("mini:1", "", "second"));
  host.run(minutes(1));
  CHECK(web(host, "second").status() == "running");
  CHECK(asked(host, "/images/mini:1/json") == before + 1);
}

TEST_CASE("a label is read without a container") {
  Host host;
  SimImage labelled = image("mini:1");
  labelled.labels["fairlead.manifest"] = served + std::string("env: {FROM: label}\n");
  host.engine().add_image(labelled);
  settle(host, mini("mini:1"));
  CHECK(has_env(web(host), "FROM=label"));
  CHECK(asked(host, ".manifest.") == 0);
  CHECK(asked(host, "/archive") == 0);
}

TEST_CASE("the old revision serves untouched while the next image is not known yet") {
  Host host;
  add(host, "mini:1", served);
  settle(host, mini("mini:1"));
  host.serving["mini"] = 1;
  const std::string id = web(host).id;
  host.world().set_file("mini.yml", mini("missing:1", "env: {A: b}\n"));
  host.run(minutes(5));
  CHECK(web(host).id == id);
  CHECK(host.sync("mini") == "OutOfSync");
  CHECK(asked(host, "/containers/create?name=mini.web.") == 1);
  CHECK(host.ask("status").body.dump().find("missing:1") != std::string::npos);
  SUBCASE("it is healed meanwhile") {
    host.serving.clear();
    host.engine().docker_rm_f(web(host).name);
    host.run(minutes(1));
    CHECK(web(host).image == "mini:1");
  }
  SUBCASE("taken back") {
    host.world().set_file("mini.yml", mini("mini:1"));
    host.run(minutes(1));
    CHECK(host.all_well());
    CHECK(web(host).id == id);
  }
  CHECK(host.violations().empty());
}

TEST_CASE("a manifest that cannot be used freezes its app alone, and is not asked for again") {
  Host host;
  add(host, "mini:1", served);
  settle(host, mini("mini:1"));
  const std::string id = web(host).id;
  std::string text = "expose: [{port: 70000}]\n";
  std::string why = "bad:1:/cloud_manifest.yml:1:11: expose[0].port";
  SUBCASE("invalid") {}
  SUBCASE("no YAML") {
    text = "expose: [\n";
    why = "bad:1:/cloud_manifest.yml";
  }
  SUBCASE("too large") {
    text = std::string((1 << 20) + 1, '#');
    why = "bad:1: /cloud_manifest.yml: ";
  }
  add(host, "bad:1", text);
  host.world().set_file("mini.yml", mini("bad:1"));
  host.world().set_file("other.yml", mini("app:1", "", "other"));
  host.run(minutes(1));
  CHECK(host.sync("mini") == "OutOfSync");
  CAPTURE(host.message("mini"));
  CHECK(host.message("mini").find(why) != std::string::npos);
  CHECK(web(host).id == id);
  CHECK(host.health("other") == "Healthy");
  const std::uint64_t writes = host.world().writes();
  const int asked_before = asked(host, "/archive");
  host.run(hours(1));
  CHECK(host.world().writes() == writes);
  CHECK(asked(host, "/archive") == asked_before);
  CHECK(asked(host, "DELETE") == 0);
  settle(host, mini("mini:1"));
}

// Class 16 of what an attacker tries: a poison pill for everybody.
TEST_CASE("an image whose labels would stand in every list is refused, before anything is made") {
  Host host;
  add(host, "mini:1", served);
  SimImage large = image("mini:2");
  std::string what = "its labels, environment, command and entrypoint are ";
  SUBCASE("a large label") { large.labels["note"] = std::string(100'000, 'x'); }
  SUBCASE("the manifest's own label") {
    large.labels["fairlead.manifest"] = "name: mini\n#" + std::string(100'000, 'x');
  }
  SUBCASE("many labels") {
    for (int i = 0; i < 20'000; ++i) large.labels["note" + std::to_string(i)] = "x";
  }
  SUBCASE("its environment") { large.env.push_back("A=" + std::string(100'000, 'x')); }
  SUBCASE("its command") { large.cmd.push_back(std::string(100'000, 'x')); }
  SUBCASE("more than is read of an image at all") {
    for (int i = 0; i < 20'000; ++i) large.labels["n" + std::to_string(i)] = std::string(90, 'x');
    what = "it says more of itself than 1M";
  }
  host.engine().add_image(large);
  settle(host, mini("mini:1"));
  const std::string id = web(host).id;
  host.world().set_files({{"mini.yml", mini("mini:2")}, {"new.yml", mini("mini:2", "", "new")}});
  host.run(minutes(2));
  CHECK(web(host).id == id);
  for (const char* app : {"mini", "new"}) {
    CHECK(host.message(app).find("the image mini:2: " + what) != std::string::npos);
  }
  CHECK(host.health("mini") == "Healthy");
  CHECK(host.health("new") == "Degraded");
  CHECK(asked(host, "containers/create?name=new.") == 0);
  // What was made of a good one is healed meanwhile.
  host.engine().docker_rm_f(web(host).name);
  CHECK(host.run_until([&] { return host.health("mini") == "Healthy"; }, seconds(20)));
  CHECK(host.violations().empty());
}

TEST_CASE("an app of which nothing is known and whose image cannot be used says so") {
  Host host;
  add(host, "bad:1", "expose: [{port: 70000}]\n");
  host.world().set_file("mini.yml", mini("bad:1"));
  host.run(minutes(1));
  CHECK(host.health("mini") == "Degraded");
  CHECK(host.message("mini").find("InvalidManifest") == 0);
  CHECK(host.engine().final_world().find("mini.") == std::string::npos);
}

TEST_CASE("what an image may not say is left out, with one warning") {
  Host host;
  add(host, "mini:1", served + std::string("suspend: true\n"));
  settle(host, mini("mini:1"));
  host.world().platform_changed(host.platform());
  host.run(minutes(1));
  const auto& log = host.world().log();
  CHECK(std::count_if(log.begin(), log.end(), [](const LogRecord& record) {
          return record.verb == "ignored" && record.app == "mini";
        }) == 1);
}

TEST_CASE("a restarted daemon knows what images say before it has asked anybody") {
  Host host;
  add(host, "mini:1", served + std::string("env: {A: image}\n"));
  settle(host, mini("mini:1"));
  const std::string id = web(host).id;
  SUBCASE("also without the folder") { host.world().set_folder_missing(); }
  SUBCASE("also where the image is gone") { host.engine().remove_image("mini:1"); }
  SUBCASE("and where it does not, it looks, and touches nothing") {
    auto& files =
        const_cast<std::map<std::string, SimFile>&>(host.world().files(FileCall::Area::state));
    REQUIRE(files.erase("images/mini.json") == 1);
  }
  host.crash_now();
  host.run(minutes(2));
  CHECK(web(host).id == id);
  CHECK(host.health("mini") == "Healthy");
  CHECK(host.loop().apps().at("mini").wanted->app->env.count("A") == 1);
}

TEST_CASE("a tag that was moved is read anew before anything is made of it") {
  Host host;
  add(host, "mini:1", served);
  settle(host, mini("mini:1"));
  add(host, "mini:1", served + std::string("env: {MOVED: here}\n"));
  host.run(hours(1));
  CHECK(asked(host, "/archive") == 6);
  CHECK(has_env(web(host), "MOVED=here"));
  CHECK(asked(host, "/containers/create?name=mini.web.") == 2);
  CHECK(host.all_well());
}

TEST_CASE("a plan makes no reader, and says that what the image says is not known") {
  HostOptions options;
  options.mode = Reconciler::Mode::plan;
  Host host(options);
  add(host, "mini:1", served);
  host.world().set_file("mini.yml", mini("mini:1"));
  CHECK(host.run_until([&] { return host.loop().finished(); }, minutes(1)));
  CHECK(host.world().writes() == 0);
  const std::string plan = host.loop().apps().at("mini").plan.text();
  CHECK(plan.find("create container mini.manifest.") != plan.npos);
  CHECK(plan.find("wait image mini:1") != plan.npos);
  CHECK(plan.find("create container mini.web.") != plan.npos);
}

TEST_CASE("apply ends when what the image says is carried out, or when it cannot be known") {
  HostOptions options;
  options.mode = Reconciler::Mode::once;
  Host host(options);
  add(host, "mini:1", served);
  bool well = true;
  SUBCASE("well") { host.world().set_file("mini.yml", mini("mini:1")); }
  SUBCASE("no such image") {
    host.world().set_file("mini.yml", mini("missing:1"));
    well = false;
  }
  SUBCASE("its manifest is wrong") {
    add(host, "bad:1", "expose: [{port: 70000}]\n");
    host.world().set_file("mini.yml", mini("bad:1"));
    well = false;
  }
  CHECK(host.run_until([&] { return host.loop().finished(); }, minutes(5)));
  CHECK(host.loop().converged() == well);
  CHECK(host.engine().final_world().find(".manifest.") == std::string::npos);
  if (well) CHECK(web(host).status() == "running");
}

TEST_CASE("a suspended app stops, whether or not its image can be read") {
  Host host;
  add(host, "mini:1", served);
  settle(host, mini("mini:1"));
  host.world().set_file("mini.yml", mini("missing:1", "suspend: true\n"));
  host.run(minutes(1));
  CHECK(host.health("mini") == "Suspended");
  CHECK(web(host).status() == "exited");
  CHECK(asked(host, "fromImage=missing") == 0);
}

TEST_CASE("a reader's name that is taken is a conflict, and the stranger stays") {
  Host host;
  add(host, "mini:1", served);
  const std::string id = host.engine().images().at("mini:1").id;
  const std::string name = "mini.manifest." + id.substr(7, 12);
  host.engine().outside("POST", "/containers/create?name=" + name,
                        Json::object({{"Image", "app:1"}}));
  host.world().set_file("mini.yml", mini("mini:1"));
  host.run(minutes(1));
  CHECK(host.health("mini") == "Degraded");
  CHECK(host.ask("status").body["conflicts"].items().size() == 1);
  CHECK(host.engine().container(name) != nullptr);
  host.engine().docker_rm_f(name);
  CHECK(host.run_until([&] { return host.all_well(); }, minutes(2)));
}

TEST_CASE("a tag whose manifest is wrong is a failed one: the app goes back to what served") {
  const std::string name = std::string(SimRegistry::place) + "/acme/mini";
  Host host;
  const auto push = [&](const std::string& tag, char digit, const std::string& manifest) {
    host.world().registry().push("acme/mini", tag, SimRegistry::digest(digit));
    for (const std::string& ref : {name + "@" + SimRegistry::digest(digit), name + ":" + tag}) {
      SimPull pull;
      pull.image = image(ref);
      pull.image.files[path] = manifest;
      host.engine().add_to_registry(pull);
    }
  };
  push("1", 'a', served);
  settle(host, mini(name + ":1", "update: {track: numeric, interval: 1m}\n"));
  host.serving["mini"] = 1;
  const std::string id = web(host).id;
  push("2", 'b', "expose: [{port: 70000}]\n");
  host.run(minutes(10));
  CHECK(host.all_well());
  CHECK(web(host).id == id);
  CHECK(host.ask("status").body["apps"].dump().find("70000") != std::string::npos);
  push("3", 'c', served + std::string("env: {THREE: yes}\n"));
  host.run(minutes(5));
  CHECK(has_env(web(host), "THREE=yes"));
  CHECK(host.violations().empty());
}

}  // namespace
}  // namespace fairlead::sim
