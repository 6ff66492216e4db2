#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sim/host.h"

// What the edge promises beside converging: few reloads, a configuration that is the same for the
// same apps, one bad site alone in its trouble; and the simulated nginx itself.
namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string app(const std::string& name, const std::string& expose = "") {
  return "name: " + name + "\nimage: app:1\nexpose: [{proto: http, port: 80" + expose +
         "}]\nhealth: {http: /up}\n";
}

// The edge and so many apps, in rest.
struct Bench {
  explicit Bench(int apps, const std::set<std::string>& bad = {}, Duration rest = minutes(2)) {
    files["edge.yml"] = edge_manifest();
    for (int i = 0; i < apps; ++i) {
      const std::string name = "app" + std::to_string(i);
      files[name + ".yml"] = app(name);
      if (bad.count(name) == 0) host.routed.insert(name);
    }
    nginx.traps.bad_apps = bad;
    host.world().set_files(files);
    host.run(rest);
  }
  ~Bench() {
    host.check_rest();
    for (const std::string& violation : host.violations()) FAIL_CHECK(violation);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  std::string container_of(const std::string& name) {
    for (const auto& [id, container] : host.engine().containers()) {
      if (container.name.rfind(name + ".web.", 0) == 0) return container.name;
    }
    FAIL("no container of " << name);
    return "";
  }
  std::map<std::string, std::string> edge_files() {
    std::map<std::string, std::string> all;
    for (const auto& [path, file] : host.world().files(FileCall::Area::edge)) {
      all[path] = file.content;
    }
    return all;
  }
  std::size_t sites() const { return nginx.live()->configuration.ways.size() / 2; }

  Host host;
  SimNginx& nginx = host.world().nginx();
  std::map<std::string, std::string> files;
};

TEST_CASE("thirty apps that appear at once are served after few reloads") {
  Bench bench(30);
  CHECK(bench.host.all_well());
  CHECK(bench.sites() == 30);
  CHECK(bench.nginx.reloads() <= 10);
}

TEST_CASE("one of ten that nginx refuses is told so, and the other nine are served") {
  Bench bench(10, {"app3"});
  CHECK(bench.sites() == 9);
  CHECK(bench.host.message("app3").find("RouteRejected: app3.localhost: nginx refuses it: host not "
                                        "found in upstream") == 0);
  for (const std::string name : {"app0", "app9"}) CHECK(bench.host.health(name) == "Healthy");
  const int reloads = bench.nginx.reloads();
  bench.host.run(minutes(10));
  CHECK(bench.nginx.reloads() == reloads);
  bench.nginx.traps.bad_apps.clear();
  bench.files["app3.yml"] = app("app3", ", body_limit: 20M");
  bench.host.world().set_files(bench.files);
  bench.host.run(minutes(1));
  CHECK(bench.sites() == 10);
  CHECK(bench.host.all_well());
}

TEST_CASE("one of a hundred that nginx refuses is quarantined, and 99 are live") {
  Bench bench(100, {"app33"}, seconds(45));
  CHECK(bench.sites() == 99);
  int live = 0;
  const Json all = bench.host.ask("routes").body;
  for (const Json& route : all["routes"].items()) {
    const bool bad = route["app"].as_string() == "app33";
    CHECK(route["state"].as_string() == (bad ? "rejected" : "live"));
    CHECK(bench.host.health(route["app"].as_string()) == (bad ? "Degraded" : "Healthy"));
    live += bad ? 0 : 1;
  }
  CHECK(all["routes"].items().size() == 100);
  CHECK(live == 99);
}

TEST_CASE("published ports stand among the routes, with app and source, one that two claim twice") {
  Host host;
  const std::string publish = "expose: [{proto: tcp, port: 5432, publish: 15432}]\n";
  host.world().set_files({{"db.yml", "name: db\nimage: app:1\n" + publish}});
  host.run(minutes(1));
  host.world().set_file("late.yml", "name: late\nimage: app:1\n" + publish);
  host.run(minutes(1));
  const Json all = host.ask("routes").body["routes"];
  REQUIRE(all.items().size() == 2);
  const Json& first = all.items()[0];
  CHECK(first["host"].as_string() == "127.0.0.1:15432");
  CHECK(first["app"].as_string() == "db");
  CHECK(first["source"].as_string().find("db.yml:1") == 0);
  CHECK(first["state"].as_string() == "live");
  CHECK(first["upstreams"].items().at(0).as_string().ends_with(":5432"));
  CHECK(all.items()[1]["app"].as_string() == "late");
}

TEST_CASE("a hundred restarts of backends leave the configuration as it was, without a reload") {
  Bench bench(3);
  const auto before = bench.edge_files();
  const int reloads = bench.nginx.reloads();
  bench.host.routed.clear();
  for (int i = 0; i < 100; ++i) {
    const std::string name = bench.container_of("app" + std::to_string(i % 3));
    bench.host.engine().outside("POST", "/containers/" + name + "/restart?t=1");
    bench.host.run(milliseconds(700));
  }
  bench.host.run(minutes(1));
  CHECK(bench.edge_files() == before);
  CHECK(bench.nginx.reloads() == reloads);
}

TEST_CASE("a generation that passes the test and is refused by the reload leaves the old one") {
  Bench bench(2);
  const std::string before = bench.nginx.live()->configuration.id;
  bench.nginx.traps.refused_apps = {"late"};
  bench.files["late.yml"] = app("late");
  bench.host.world().set_files(bench.files);
  bench.host.run(seconds(20));
  CHECK(bench.nginx.live()->configuration.id == before);
  CHECK(bench.edge_files()["current.conf"].find(before) != std::string::npos);
  CHECK(bench.host.message("late").find("RouteRejected: late.localhost: nginx does not take") == 0);
  CHECK(bench.host.sync("late") == "OutOfSync");
  bench.nginx.traps.refused_apps.clear();
  bench.host.run(minutes(2));
  CHECK(bench.sites() == 3);
  CHECK(bench.host.all_well());
}

TEST_CASE("one of seven that a reload refuses, and no test, does not hold up the other six") {
  Bench bench(1);
  bench.nginx.traps.refused_apps = {"new3"};
  for (int i = 0; i < 7; ++i) {
    const std::string name = "new" + std::to_string(i);
    bench.files[name + ".yml"] = app(name);
  }
  bench.host.world().set_files(bench.files);
  bench.host.run(minutes(2));
  CHECK(bench.sites() == 7);
  CHECK(bench.host.health("new3") == "Degraded");
  for (const std::string name : {"edge", "new0", "new2", "new4", "new6"}) {
    CHECK(bench.host.health(name) == "Healthy");
  }
  bench.files["last.yml"] = app("last");
  bench.host.world().set_files(bench.files);
  bench.host.run(seconds(30));
  CHECK(bench.sites() == 8);
  bench.nginx.traps.refused_apps.clear();
  bench.host.run(minutes(9));
  CHECK(bench.host.all_well());
}

TEST_CASE("a list that lacks a container after the engine was away takes no route from its app") {
  Bench bench(3);
  const std::size_t containers = bench.host.engine().containers().size();
  for (int i = 0; i < 5; ++i) {
    bench.host.world().engine_restart(seconds(3));
    bench.host.world().faults().chance[Fault::list_missing] = 1;
    bench.host.run(seconds(20));
    bench.host.world().faults().heal();
    bench.host.run(minutes(1));
    CHECK(bench.host.all_well());
    CHECK(bench.host.engine().containers().size() == containers);
  }
}

TEST_CASE("no certificate file that comes, goes or does not fit replaces a container") {
  Bench bench(1);
  bench.host.routed.clear();  // over http it redirects while there is one
  SimWorld& world = bench.host.world();
  const auto id = [&] { return bench.host.engine().container(bench.container_of("app0"))->id; };
  const auto served = [&] {
    const Json routes = bench.host.ask("routes").body["routes"];
    return routes.items().at(0)["certificate"].as_string();
  };
  const std::string before = id();
  const auto copy = [&](const std::string& ending, const std::string& content) {
    world.set_certificate("app0.localhost." + ending, content);
    bench.host.run(minutes(1));
    CHECK(bench.host.all_well());
    CHECK(id() == before);
    return served();
  };
  const std::string first = certificate_pem("app0.localhost", 1);
  const std::string second = certificate_pem("app0.localhost", 2);
  CHECK(copy("key", first) == "self-signed");
  CHECK(copy("crt", first) == "file app0.localhost.crt");
  const auto with_first = bench.edge_files();
  CHECK(copy("key", second) == "file app0.localhost.crt");
  CHECK(bench.edge_files() == with_first);
  bench.host.crash_now();
  bench.host.run(minutes(1));
  CHECK(bench.edge_files() == with_first);
  CHECK(served() == "file app0.localhost.crt");
  CHECK(copy("crt", second) == "file app0.localhost.crt");
  CHECK(bench.edge_files() != with_first);
  CHECK(copy("crt", "") == "file app0.localhost.crt");
  CHECK(copy("key", "") == "self-signed");
}

TEST_CASE(
    "what an earlier version told an app by its certificate stays, whatever becomes of that") {
  Host host;
  host.world().set_certificate("web.localhost.crt", certificate_pem("web.localhost"));
  host.world().set_certificate("web.localhost.key", certificate_pem("web.localhost"));
  host.world().set_files({{"edge.yml", edge_manifest()}, {"web.yml", app("web")}});
  host.run(minutes(2));
  const auto web = [&] {
    std::string ids;
    for (const auto& [id, container] : host.engine().containers()) {
      if (container.name.starts_with("web.web.")) ids += id + " ";
    }
    return ids;
  };
  const std::string before = web();
  REQUIRE(host.all_well());
  const Graph& wanted = *host.loop().apps().at("web").wanted;
  CHECK(wanted.env.at("APP_URL") == "https://web.localhost");
  host.world().lose_state("schemes/apps.json");
  host.crash_now();
  host.run(minutes(2));
  CHECK(web() == before);
  host.world().set_certificate("web.localhost.crt", "");
  host.run(minutes(2));
  host.crash_now();
  host.run(minutes(2));
  CHECK(web() == before);
  CHECK(host.all_well());
}

TEST_CASE("a certificate of no use is told once a day, in the status too, and harms nothing") {
  Bench bench(2);
  bench.host.routed.clear();
  for (const char* name : {"app0.localhost", "app1.localhost"}) {
    bench.host.world().set_certificate(std::string(name) + ".crt", certificate_pem(name));
    bench.host.world().set_certificate(std::string(name) + ".key", "not a key");
  }
  const auto logged = [&] {
    std::map<std::string, int> times;
    for (const LogRecord& record : bench.host.world().log()) {
      if (record.verb == "warning") ++times[record.cause];
    }
    return times;
  };
  const auto told = [&] {
    return std::count_if(bench.host.world().log().begin(), bench.host.world().log().end(),
                         [](const LogRecord& record) { return record.verb == "warning"; });
  };
  bench.host.run(minutes(5));
  CHECK(told() >= 2);
  const auto first = logged();
  bench.host.run(minutes(30));
  CHECK(logged() == first);
  const Json app = bench.host.ask("explain", {{"app", "app0"}}).body;
  CHECK(app["sync"].as_string() == "Synced");
  CHECK(app["health"].as_string() == "Healthy");
  REQUIRE_FALSE(app["warnings"].empty());
  CHECK(app["warnings"].items()[0].as_string().find("file app0.localhost.crt: ") == 0);
  CHECK(app["message"].as_string().find("warning: file app0.localhost.crt: ") == 0);
  bench.host.run(std::chrono::hours(24));
  CHECK(told() > static_cast<std::ptrdiff_t>(first.size()));
  for (const auto& [text, times] : logged()) CHECK(times <= 2);
}

TEST_CASE("an edge that starts again serves what it served, before anybody else acts") {
  Bench bench(2);
  bench.host.engine().process_ends(bench.container_of("edge"), 137);
  bench.host.world().run_until(bench.host.world().now().steady + seconds(1));
  REQUIRE(bench.nginx.live());
  CHECK(bench.sites() == 2);
}

// The simulated nginx.

TEST_CASE("the simulated nginx serves what it has read, whatever becomes of its files") {
  Bench bench(1);
  bench.host.hands_on_edge = true;
  const std::string before = bench.nginx.live()->configuration.id;
  const auto files = bench.edge_files();
  bench.host.world().wipe_edge();
  bench.host.engine().outside("POST",
                              "/containers/" + bench.container_of("edge") + "/kill?signal=HUP");
  bench.host.world().run_until(bench.host.world().now().steady + seconds(1));
  CHECK(bench.nginx.live()->configuration.id == before);
  for (const auto& [path, content] : files) bench.host.world().set_edge_file(path, content);
}

TEST_CASE("the simulated nginx ends where it starts with files that are wrong") {
  Bench bench(1);
  bench.host.routed.clear();
  bench.host.hands_on_edge = true;
  const auto files = bench.edge_files();
  bench.host.world().set_edge_file("current.conf", "include nothing.conf;\n");
  bench.host.engine().process_ends(bench.container_of("edge"), 137);
  bench.host.world().run_until(bench.host.world().now().steady + seconds(2));
  CHECK(bench.nginx.live() == nullptr);
  CHECK(bench.host.engine().container(bench.container_of("edge"))->exit_code == 1);
  bench.host.run(minutes(1));
  CHECK(bench.host.all_well());
}

TEST_CASE("the simulated nginx tests as the real one does, and says the same") {
  Bench bench(1);
  bench.host.hands_on_edge = true;
  ProcessCall call;
  call.container = bench.nginx.live()->container;
  call.arguments = {"nginx", "-t", "-q", "-c", "/etc/nginx/fairlead/x.conf"};
  const auto said = [&](const std::string& text) {
    bench.host.world().set_edge_file("x.conf", text);
    const Answer answer = bench.nginx.test(call);
    bench.host.world().set_edge_file("x.conf", std::nullopt);
    CHECK(answer.status == 500);
    const std::size_t from = answer.body.find(": ") + 2;
    return answer.body.substr(from, answer.body.find('\n') - from);
  };
  CHECK(said("include y.conf;\n") ==
        "open() \"/etc/nginx/fairlead/y.conf\" failed (2: No such file "
        "or directory) in /etc/nginx/fairlead/x.conf:1");
  CHECK(said("events {}\nhttp {\n") ==
        "unexpected end of file, expecting \"}\" in /etc/nginx/fairlead/x.conf:3");
  CHECK(said("events {}\nhttp {\n}}\n") == "unexpected \"}\" in /etc/nginx/fairlead/x.conf:3");
  CHECK(said("http { server {\nlocation / { proxy_pass http://a.http.80; } } }\n") ==
        "host not found in upstream \"a.http.80\" in /etc/nginx/fairlead/x.conf:2");
  CHECK(said("http { server { ssl_certificate x.conf; } }\n")
            .starts_with("cannot load certificate \"/etc/nginx/fairlead/x.conf\": PEM_read_bio"));
  CHECK(said("") == "no \"events\" section in configuration");
  call.arguments.back() = "/etc/nginx/fairlead/current.conf";
  CHECK(bench.nginx.test(call).status == 200);
  call.container = std::string(64, '0');
  CHECK(bench.nginx.test(call).status == 404);
}

}  // namespace
}  // namespace fairlead::sim
