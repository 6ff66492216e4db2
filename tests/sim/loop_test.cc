#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sim/host.h"

// What the loop promises beside converging: to remove nothing by mistake, to keep troubles apart,
// to be quiet, to say why.
namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string app(const std::string& name, const std::string& more = "") {
  return "name: " + name + "\nimage: app:1\n" + more;
}

std::map<std::string, std::string> apps(int count) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < count; ++i) {
    const std::string name = "app" + std::to_string(i);
    files[name + ".yml"] = app(name);
  }
  return files;
}

int running(Host& host, const std::string& prefix = "") {
  int count = 0;
  for (const auto& [id, container] : host.engine().containers()) {
    const bool ours = container.labels.count("fairlead.app") > 0 && container.name != "forger";
    if (ours && container.status() == "running" && container.name.rfind(prefix, 0) == 0) ++count;
  }
  return count;
}

const SimContainer& first_of(Host& host, const std::string& prefix) {
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.rfind(prefix, 0) == 0) return container;
  }
  FAIL("no container " << prefix);
  throw std::logic_error("unreachable");
}

void converge(Host& host, const std::map<std::string, std::string>& files) {
  host.world().set_files(files);
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(3)));
  host.run(seconds(20));
}

TEST_CASE("a missing, an unreadable and an empty folder remove nothing") {
  Host host;
  converge(host, apps(2));
  SUBCASE("missing") { host.world().set_folder_missing(); }
  SUBCASE("unreadable") { host.world().set_folder_unreadable(); }
  SUBCASE("empty") { host.world().set_files({}); }
  host.run(seconds(1));  // since when they are absent is kept
  const std::uint64_t writes = host.world().writes();
  host.run(minutes(30));
  CHECK(running(host) == 2);
  CHECK(host.world().writes() == writes);
  const Json status = host.ask("status").body;
  CHECK(!(status["removals"]["reason"].empty() && status["manifests"]["hold"].empty()));
}

TEST_CASE("after a restart of the daemon a missing folder removes nothing either") {
  Host host;
  converge(host, apps(2));
  host.world().set_folder_missing();
  host.crash_now();
  host.run(minutes(10));
  CHECK(running(host) == 2);
  host.engine().docker_rm_f(first_of(host, "app0").name);
  host.run(minutes(2));
  // The last good version is healed as usual.
  CHECK(running(host) == 2);
}

TEST_CASE("more removals than the fuse allows wait for an approval of that very set") {
  Host host;
  converge(host, apps(10));
  host.world().set_files(apps(4));
  host.run(minutes(5));
  CHECK(running(host) == 10);
  const Json removals = host.ask("status").body["removals"];
  CHECK(removals["waiting"].items().size() == 6);
  CHECK(host.ask("approve", {{"token", "00000000"}}).status == 409);
  host.run(seconds(30));
  CHECK(running(host) == 10);
  CHECK(host.ask("approve", {{"token", removals["token"].as_string()}}).status == 200);
  host.run(minutes(1));
  CHECK(running(host) == 4);
  CHECK(host.all_well());
}

TEST_CASE("while one manifest is broken no app is removed, and its own app lives on") {
  Host host;
  converge(host, apps(3));
  host.world().set_files({{"app0.yml", app("app0")}, {"app1.yml", "name: app1\nimage: [\n"}});
  host.run(minutes(5));
  CHECK(running(host) == 3);
  CHECK(host.sync("app1") == "OutOfSync");
  host.engine().docker_rm_f(first_of(host, "app1").name);
  host.run(minutes(1));
  CHECK(running(host, "app1") == 1);
  SUBCASE("repaired, the removal goes on") {
    host.world().set_files({{"app0.yml", app("app0")}, {"app1.yml", app("app1")}});
    host.run(minutes(1));
    CHECK(running(host) == 2);
  }
  SUBCASE("a restarted daemon still knows the last good version") {
    host.crash_now();
    host.engine().docker_rm_f(first_of(host, "app1").name);
    host.run(minutes(1));
    CHECK(running(host, "app1") == 1);
    CHECK(running(host) == 3);
  }
}

TEST_CASE("a moved file does nothing; of two files with one name the first owner stays") {
  Host host;
  converge(host, {{"a.yml", app("web")}});
  const std::string id = first_of(host, "web").id;
  host.world().set_files({{"sub/b.yml", app("web")}});
  host.run(minutes(2));
  CHECK(first_of(host, "web").id == id);
  host.world().set_files({{"sub/b.yml", app("web")}, {"a.yml", app("web", "env: {X: y}\n")}});
  host.run(minutes(2));
  CHECK(first_of(host, "web").id == id);
  CHECK(host.sync("web") == "OutOfSync");
  CHECK(host.message("web").find("NameTaken") == 0);
}

TEST_CASE("apps in trouble delay no other") {
  Host host;
  converge(host, apps(1));
  std::map<std::string, std::string> files = apps(20);
  for (int i = 0; i < 6; ++i) {
    const std::string name = "bad" + std::to_string(i);
    files[name + ".yml"] = "name: " + name + "\nimage: missing:1\n";
  }
  host.world().set_files(files);
  CHECK(host.run_until([&] { return running(host, "app") == 20; }, seconds(30)));
  CHECK(host.health("bad0") == "Degraded");
}

TEST_CASE("a crash loop ends in Degraded with a count, and not in a flood of requests") {
  Host host;
  SimImage crashing = image("crash:1");
  crashing.program.runs_for = milliseconds(300);
  crashing.program.exit_code = 7;
  crashing.program.log = {{2, "no database"}};
  host.engine().add_image(crashing);
  host.world().set_files({{"web.yml", "name: web\nimage: crash:1\n"}});
  host.run(minutes(3));
  CHECK(host.health("web") == "Degraded");
  CHECK(host.message("web").find("restarted") != std::string::npos);
  CHECK(host.message("web").find("no database") != std::string::npos);
  const std::uint64_t writes = host.world().writes();
  host.run(minutes(10));
  CHECK(host.world().writes() - writes == 0);
}

TEST_CASE(
    "nothing that accepts on the exposed port is Degraded and says so, and is not restarted") {
  Host host;
  SimImage elsewhere = image("app:elsewhere");
  elsewhere.program.listens_on = {8080};
  host.engine().add_image(elsewhere);
  const std::string manifest = "name: web\nimage: app:elsewhere\nexpose: [{port: ";
  host.world().set_files({{"web.yml", manifest + "3000}]\n"}});
  host.run(seconds(20));
  CHECK(host.health("web") == "Progressing");
  host.run(minutes(2));
  CHECK(host.health("web") == "Degraded");
  CHECK(host.message("web").find("nothing accepts on port 3000: connection refused") !=
        std::string::npos);
  const std::uint64_t writes = host.world().writes();
  const std::uint64_t run = first_of(host, "web").run;
  const std::size_t calls = host.world().trace().size();
  host.run(minutes(10));
  CHECK(host.world().writes() == writes);
  CHECK(first_of(host, "web").run == run);
  CHECK(host.world().trace().size() - calls < 10 * 60);  // it is no longer asked eagerly
  host.world().set_files({{"web.yml", manifest + "8080}]\n"}});
  CHECK(host.run_until([&] { return host.all_well(); }, minutes(1)));
}

TEST_CASE("a health check asks for the app's first domain, and its failure says what came back") {
  Host host;
  SimImage choosy = image("app:choosy");
  choosy.program.http["/up"].host = "dj.example.org";
  host.engine().add_image(choosy);
  const std::string manifest = "name: web\nimage: app:choosy\nhealth: {http: /up}\nexpose: ";
  host.world().set_files({{"web.yml", manifest + "[{port: 8000, domains: [no.example.org]}]\n"}});
  host.run(seconds(40));
  CHECK(host.message("web").find("GET /up (Host no.example.org): 400: Invalid HTTP_HOST header") !=
        std::string::npos);
  CHECK(host.message("web").find("more") == std::string::npos);
  const std::string id = first_of(host, "web").id;
  host.world().set_files(
      {{"web.yml", manifest + "[{port: 8000, domains: [\"*.example.org\", dj.example.org]}]\n"}});
  CHECK(host.run_until([&] { return host.all_well(); }, minutes(1)));
  CHECK(first_of(host, "web").id == id);  // how it is asked is no part of it
}

TEST_CASE("replicas that are all ill are restarted one after the other") {
  Host host;
  converge(host, {{"web.yml", app("web",
                                  "deploy: {replicas: 3}\nexpose: [{port: 80}]\n"
                                  "health: {http: /up, interval: 1s}\n")}});
  std::map<std::string, std::uint64_t> runs;
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.rfind("web.", 0) == 0) runs[container.name] = container.run;
  }
  host.serving["web"] = 2;
  host.run(seconds(1));
  for (const auto& [name, run] : runs) host.engine().sicken(name);
  const auto restarted = [&] {
    return std::count_if(runs.begin(), runs.end(), [&](const auto& known) {
      return host.engine().container(known.first)->run > known.second;
    });
  };
  CHECK(host.run_until([&] { return restarted() == 3 && host.all_well(); }, minutes(1)));
  CHECK(host.violations().empty());
  // The end and the start of one restart each count.
  for (const auto& [name, run] : runs) CHECK(host.engine().container(name)->run == run + 2);
}

TEST_CASE("what accepted and no longer does is restarted, with growing pauses") {
  Host host;
  host.world().set_files({{"web.yml", app("web", "expose: [{port: 80}]\n")}});
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(1)));
  host.run(seconds(10));
  const std::uint64_t run = first_of(host, "web").run;
  host.engine().close_ports(first_of(host, "web").name);
  host.run(seconds(40));
  CHECK(first_of(host, "web").run > run);
  CHECK(host.all_well());
}

TEST_CASE("an engine that loses sight of a container for one request never gets a second holder") {
  for (std::uint64_t later = 0; later < 8; ++later) {
    CAPTURE(later);
    Host host;
    host.exclusive = {"web.data"};
    const std::string stored = "needs: [storage]\nenv: {RUN: ";
    converge(host, {{"web.yml", app("web", stored + "a}\n")}});
    std::uint64_t written = 0;
    for (const TraceLine& line : host.world().trace()) {
      written += line.method == "POST" || line.method == "DELETE" ? 1 : 0;
    }
    host.world().faults().at_write[written + later] = Fault::not_found;
    host.world().set_files({{"web.yml", app("web", stored + "b}\n")}});
    host.run(minutes(2));
    CHECK(host.violations().empty());
    CHECK(host.all_well());
  }
  CHECK(sometimes().of("fault not_found") > 0);
}

TEST_CASE("what no provider offers yet leaves running containers alone") {
  Host host;
  converge(host, {{"web.yml", app("web")}});
  const std::string id = first_of(host, "web").id;
  host.world().set_files({{"web.yml", app("web", "needs: [database]\n")}});
  host.run(minutes(1));
  CHECK(host.sync("web") == "OutOfSync");
  CHECK(host.message("web").find("NeedNotOffered") == 0);
  CHECK(first_of(host, "web").id == id);
}

TEST_CASE(
    "of an app that is not well explain says what comes next, of one that is that nothing does") {
  Host host;
  SimImage exits = image("app:exits");
  exits.program.runs_for = milliseconds(200);
  exits.program.exit_code = 3;
  host.engine().add_image(exits);
  host.world().set_files({{"a.yml", "name: loops\nimage: app:exits\n"},
                          {"b.yml", "name: job\nimage: app:exits\nrestart: never\n"},
                          {"c.yml", app("well")},
                          {"d.yml", app("kept", "suspend: true\n")}});
  host.run(minutes(3));
  const auto why = [&](const std::string& name) {
    return host.ask("explain", {{"app", name}}).body["why"].as_string();
  };
  CHECK(why("loops").find("`docker logs`") != std::string::npos);
  CHECK(why("job").find("a job runs once") != std::string::npos);
  CHECK(why("kept").find("suspend") != std::string::npos);
  CHECK(why("well").find("nothing needs to be done") != std::string::npos);
}

TEST_CASE("files of other tools, and what the folder's list ignores, hold up no removal") {
  Host host;
  auto files = apps(4);
  files["docs/old.yml"] = app("old");
  converge(host, files);
  files.erase("app0.yml");
  files["renovate.json"] = "{}";
  files["docker-compose.yml"] = "services: {}\n";
  files["x.tpl.yml"] = "name: {{ name }}\n";
  files[".fairleadignore"] = "docs/\n*.tpl.yml\n";
  host.world().set_files(files);
  host.run(seconds(5));
  CHECK(running(host) == 5);  // an app whose file is ignored now is one whose file is gone
  host.run(minutes(1));
  CHECK(running(host) == 3);
  CHECK(running(host, "old.") == 0);
  CHECK(host.all_well());
}

TEST_CASE("an app starts when those it comes after are Healthy; a circle is said") {
  Host host;
  host.world().set_files({{"b.yml", app("late", "after: [early]\n")}});
  host.run(minutes(1));
  CHECK(running(host) == 0);
  CHECK(host.message("late").find("early") != std::string::npos);
  host.world().set_files({{"b.yml", app("late", "after: [early]\n")}, {"a.yml", app("early")}});
  CHECK(host.run_until([&] { return running(host, "early") == 1; }, seconds(10)));
  CHECK(running(host, "late") == 0);
  host.run(seconds(30));
  CHECK(running(host, "late") == 1);
  host.world().set_files(
      {{"b.yml", app("one", "after: [two]\n")}, {"a.yml", app("two", "after: [one]\n")}});
  host.run(minutes(1));
  CHECK(host.message("one").find("itself") != std::string::npos);
}

TEST_CASE("an engine that is gone is Unknown in the status, and asked no more than once a second") {
  Host host;
  converge(host, apps(2));
  host.world().engine_down();
  host.run(seconds(1));
  const std::size_t before = host.world().trace().size();
  host.run(minutes(1));
  const Json status = host.ask("status").body;
  CHECK(status["apps"].items().front()["sync"].as_string() == "Unknown");
  CHECK(!status["engine"]["error"].empty());
  const auto& trace = host.world().trace();
  Duration last{0};
  for (std::size_t i = before; i < trace.size(); ++i) {
    if (i > before) CHECK(trace[i].sent - last >= seconds(1));
    last = trace[i].sent;
  }
  host.world().engine_up();
  CHECK(host.run_until([&] { return host.all_well() && running(host) == 2; }, minutes(2)));
}

TEST_CASE("at rest only the resync asks: four lists and one look at detail") {
  Host host;
  converge(host, apps(5));
  host.run(minutes(2));
  const std::uint64_t calls = host.world().calls();
  host.run(minutes(10));
  const std::uint64_t asked = host.world().calls() - calls;
  CHECK(asked >= 15 * 5);
  CHECK(asked <= 26 * 5);
}

TEST_CASE(
    "a change that no event told is found by the resync, a lost change of limits by its audit") {
  Host host;
  converge(host, apps(2));
  host.world().lose_events(true);
  SUBCASE("a container is gone") {
    host.engine().docker_rm_f(first_of(host, "app0").name);
    CHECK(host.run_until([&] { return running(host) == 1; }, seconds(5)));
    CHECK(host.run_until([&] { return running(host) == 2; }, seconds(45)));
    CHECK(host.ask("status").body["engine"]["resync_found"].as_int() > 0);
  }
  SUBCASE("limits") {
    const std::string id = first_of(host, "app1").id;
    host.engine().docker_update(id,
                                Json::object({{"Memory", 99'000'000}, {"MemorySwap", 99'000'000}}));
    host.run(minutes(3));
    CHECK(host.engine().container(id)->host_config["Memory"].as_int() == 1 << 30);
  }
}

TEST_CASE("an event whose line was too long is made up for by a list, a second later at most") {
  Host host;
  converge(host, apps(2));
  host.run(minutes(1));
  host.world().faults().chance[Fault::event_too_long] = 1;
  host.engine().docker_rm_f(first_of(host, "app0").name);
  CHECK(host.run_until([&] { return running(host) == 1; }, seconds(1)));
  CHECK(host.run_until([&] { return running(host) == 2; }, seconds(4)));
  CHECK(host.ask("status").body["engine"]["reconnects"].as_int() == 0);
  CHECK(host.ask("status").body["engine"]["events_lost"].as_int() > 0);
}

TEST_CASE("a jump of the clock by an hour touches nothing") {
  Host host;
  converge(host, {{"web.yml", app("web", "health: {http: /up, port: 80}\n")}});
  host.world().set_files({{"web.yml", app("web", "health: {http: /up, port: 80}\nenv: {A: b}\n")}});
  host.run(milliseconds(400));
  host.world().jump_wall(std::chrono::hours(1));
  host.run(minutes(2));
  CHECK(host.all_well());
  CHECK(running(host) == 1);
  host.world().jump_wall(-std::chrono::hours(2));
  const std::uint64_t writes = host.world().writes();
  host.run(minutes(2));
  CHECK(host.all_well());
  CHECK(host.world().writes() == writes);
}

TEST_CASE("a full disk in the state folder is said, and stops no deploy") {
  Host host;
  host.world().faults().disk_full_state = true;
  host.world().set_files(apps(2));
  host.run(minutes(1));
  CHECK(running(host) == 2);
  CHECK(!host.ask("status").body["trouble"].empty());
  host.world().faults().heal();
  host.run(minutes(1));
  CHECK(host.ask("status").body["trouble"].empty());
  CHECK(host.world().files(FileCall::Area::state).count("manifests/app0.json") == 1);
}

TEST_CASE("a foreign container, network or volume of our name is a conflict, and left alone") {
  Host host;
  SUBCASE("network") {
    host.engine().outside("POST", "/networks/create", Json::object({{"Name", "web"}}));
  }
  SUBCASE("volume") {
    host.engine().outside("POST", "/volumes/create", Json::object({{"Name", "web.data"}}));
  }
  host.world().set_files(
      {{"web.yml", app("web", "needs: [storage]\n")}, {"other.yml", app("other")}});
  host.run(minutes(2));
  CHECK(host.health("web") == "Degraded");
  CHECK(host.ask("status").body["conflicts"].items().size() == 1);
  CHECK(running(host, "web") == 0);
  CHECK(host.health("other") == "Healthy");
}

TEST_CASE("secrets reach no log, no label and no status") {
  Host host;
  host.secrets = {"hunter2-is-secret"};
  host.world().set_secret("key", "hunter2-is-secret");
  converge(host, {{"web.yml", app("web", "secrets: {A: {file: key}, B: {file: key, as: env}}\n")}});
  CHECK(host.violations().empty());
  const SimContainer& container = first_of(host, "web");
  for (const auto& [key, value] : container.labels)
    CHECK(value.find("hunter2") == std::string::npos);
  CHECK(host.ask("status").body.dump().find("hunter2") == std::string::npos);
  CHECK(host.ask("explain", {{"app", "web"}}).body.dump().find("hunter2") == std::string::npos);
  CHECK(container.config["Env"].dump().find("B=hunter2") != std::string::npos);
  CHECK(host.world().files(FileCall::Area::secrets).size() == 1);
}

TEST_CASE("a plan sends not one writing request") {
  HostOptions options;
  options.mode = Reconciler::Mode::plan;
  Host host(options);
  host.world().set_files(apps(3));
  CHECK(host.run_until([&] { return host.loop().finished(); }, minutes(1)));
  CHECK(host.world().writes() == 0);
  CHECK(host.loop().apps().at("app0").plan.has_requests());
}

TEST_CASE("apply ends when all is well, and when something cannot get well") {
  HostOptions options;
  options.mode = Reconciler::Mode::once;
  Host host(options);
  std::map<std::string, std::string> files = apps(2);
  SUBCASE("well") {}
  SUBCASE("a missing image") { files["bad.yml"] = "name: bad\nimage: missing:1\n"; }
  host.world().set_files(files);
  CHECK(host.run_until([&] { return host.loop().finished(); }, minutes(5)));
  CHECK(host.loop().converged() == (files.size() == 2));
}

}  // namespace
}  // namespace fairlead::sim
