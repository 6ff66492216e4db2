#include "tests/sim/scenarios.h"

// What the simulated host goes through where nginx leads to the apps.
namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Files = std::map<std::string, std::string>;

std::string app(const std::string& name, const std::string& version = "1",
                const std::string& more = "", const std::string& expose = "") {
  return "name: " + name + "\nimage: app:" + version + "\nexpose: [{proto: http, port: 80" +
         expose + "}]\nhealth: {http: /up}\n" + more;
}

std::string unchecked(const std::string& version) {
  return "name: web\nimage: app:" + version + "\nexpose: [{proto: http, port: 80}]\n";
}

// The edge, and `more` beside it.
Files with(Files more) {
  more["edge.yml"] = edge_manifest();
  return more;
}
Files with_web(const std::string& version = "1", const std::string& more = "") {
  return with({{"web.yml", app("web", version, more)}});
}

Act set(const std::string& name, const Files& files, Duration then = seconds(60)) {
  return {name, [files](Host& host) { host.world().set_files(files); }, then};
}

Act act(const std::string& name, std::function<void(Host&)> act, Duration then = seconds(60)) {
  return {name, std::move(act), then};
}

std::function<void(Host&)> routed(std::set<std::string> apps, int reloads_max = 0) {
  return [apps, reloads_max](Host& host) {
    host.routed = apps;
    host.reloads_max = reloads_max;
    for (const char* ref : {"app:late1", "app:late2"}) {
      SimImage late = image(ref);
      late.program.listens_after = seconds(8);
      host.engine().add_image(late);
    }
    SimImage sick = image("app:sick");
    sick.program.http["/up"] = {503, Duration{0}, 503, ""};
    host.engine().add_image(sick);
  };
}

std::string container_of(Host& host, const std::string& name) {
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.rfind(name + ".web.", 0) == 0) return container.name;
  }
  return "none";
}

void sicken_all(Host& host) {
  std::vector<std::string> names;
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.starts_with("web.web.")) names.push_back(container.name);
  }
  for (const std::string& name : names) host.engine().sicken(name);
}

std::vector<Scenario> deploys() {
  const std::string three = "deploy: {replicas: 3}\n";
  return {
      {"edge: first route", routed({"web"}, 2), {set("both", with_web())}},
      {"edge: rolling replace",
       routed({"web"}, 4),
       {set("first", with_web()), set("second", with_web("2"), seconds(90))}},
      {"edge: rolling replace of what listens late and says no check",
       routed({"web"}, 4),
       {set("first", with({{"web.yml", unchecked("late1")}})),
        set("second", with({{"web.yml", unchecked("late2")}}), seconds(90))}},
      {"edge: rolling replace of three replicas",
       routed({"web"}, 10),
       {set("first", with_web("1", three)), set("second", with_web("2", three), minutes(3))}},
      {"edge: never healthy, taken back",
       routed({"web"}, 2),
       {set("first", with_web()),
        set("second", with_web("sick", "deploy: {deadline: 20s}\n"), minutes(2)),
        set("back", with_web())}},
      {"edge: scale up and down",
       routed({"web"}, 7),
       {set("one", with_web()), set("three", with_web("1", three)), set("one again", with_web())}},
      {"edge: suspend and resume",
       routed({}),
       {set("runs", with_web()), set("suspended", with_web("1", "suspend: true\n")),
        set("runs again", with_web())}},
      {"edge: all replicas are ill at once, and answer",
       [](Host& host) {
         routed({"web"})(host);
         host.serving["web"] = 2;
       },
       // What is restarted takes so long that only those that are ill can answer meanwhile.
       {set("three", with_web("late1", three)), act("ill", sicken_all, minutes(3))}},
      {"edge: the only replica is ill, and answers",
       routed({}),
       {set("one", with_web()), act("ill", sicken_all, minutes(3))}},
      {"edge: an app is removed",
       routed({"other"}),
       {set("both", with({{"web.yml", app("web")}, {"other.yml", app("other")}})),
        set("one", with({{"other.yml", app("other")}}))}},
  };
}

// What serves again at once is not healthy yet: only nginx can say that it has a place.
Scenario engine_restarted_in_a_reload() {
  const std::string late =
      "name: web\nimage: app:late\nexpose: [{proto: http, port: 80}]\n"
      "health: {http: /ready}\n";
  return {
      "edge: the engine is restarted before nginx has confirmed",
      [](Host& host) {
        host.routed = {"web"};
        host.world().nginx().traps.slow_reloads = 2;
        SimImage made = image("app:late");
        made.program.http["/ready"] = {200, seconds(3), 503, ""};
        host.engine().add_image(made);
      },
      {set("both", with({{"web.yml", late}}), seconds(0)), act("engine restart", [](Host& host) {
         host.run_until([&host] { return host.world().nginx().reloads() == 2; }, seconds(30));
         host.world().engine_restart();
       })}};
}

std::vector<Scenario> troubles() {
  const Files two = with({{"web.yml", app("web")}, {"other.yml", app("other")}});
  const auto by_hand = [two](const std::string& name, std::function<void(Host&)> hand) {
    return Scenario{"edge: " + name,
                    [](Host& host) {
                      host.routed = {"web", "other"};
                      host.hands_on_edge = true;
                    },
                    {set("all", two), act("by hand", std::move(hand))}};
  };
  return {
      by_hand("rm -f by hand",
              [](Host& host) { host.engine().docker_rm_f(container_of(host, "edge")); }),
      by_hand("killed",
              [](Host& host) { host.engine().process_ends(container_of(host, "edge"), 137); }),
      by_hand("its files are removed by hand", [](Host& host) { host.world().wipe_edge(); }),
      by_hand("its files are removed by hand, and it ends",
              [](Host& host) {
                // Nobody can serve before the files are there again.
                host.routed.clear();
                host.world().wipe_edge();
                host.engine().process_ends(container_of(host, "edge"), 137);
              }),
      by_hand("current.conf is overwritten by hand",
              [](Host& host) { host.world().set_edge_file("current.conf", "events {}\n"); }),
      {"edge: its manifest goes and comes back",
       routed({"web"}),
       {set("all", with_web()), set("without", {{"web.yml", app("web")}}, minutes(2)),
        set("again", with_web(), minutes(2))}},
      {"edge: the daemon is restarted",
       routed({"web", "other"}),
       {set("all", two), act("restart", [](Host& host) { host.crash_now(); })}},
      {"edge: the daemon is restarted while an app rolls",
       routed({"web"}),
       {set("first", with_web()), set("second", with_web("2"), seconds(4)),
        act("restart", [](Host& host) { host.crash_now(); })}},
      {"edge: the daemon is restarted while a replica is drained",
       routed({"web"}),
       {set("two", with_web("1", "deploy: {replicas: 2}\n")), set("one", with_web(), seconds(4)),
        act("restart", [](Host& host) { host.crash_now(); })}},
      {"edge: reloads are lost and slow",
       [](Host& host) {
         host.routed = {"web"};
         host.world().nginx().traps.lost_reloads = 1;
         host.world().nginx().traps.slow_reloads = 2;
       },
       {set("first", with_web()), set("second", with_web("2"), seconds(90))}},
      {"edge: the daemon is restarted while a replica is drained, and nginx answers late",
       routed({"web"}),
       {set("two", with_web("1", "deploy: {replicas: 2}\n")), set("one", with_web(), seconds(4)),
        act("restart",
            [](Host& host) {
              host.world().nginx().traps.silent = true;
              host.world().after(seconds(4),
                                 [&host] { host.world().nginx().traps.silent = false; });
              host.crash_now();
            })}},
      engine_restarted_in_a_reload(),
      {"edge: killed while an app rolls",
       routed({"web"}),
       {set("first", with_web()), set("second", with_web("2"), seconds(4)),
        act(
            "killed", [](Host& host) { host.engine().docker_kill(container_of(host, "edge")); },
            minutes(2))}},
  };
}

// The files of a certificate come and go, one after the other as people copy them. With exclusive
// storage each container that is replaced is an outage.
Scenario certificate_files() {
  const std::string host = "web.localhost";
  const auto copy = [host](const std::string& name, const std::string& ending, int number,
                           Duration then) {
    const std::string content = number == 0 ? "" : certificate_pem(host, number);
    return act(
        name, [=](Host& there) { there.world().set_certificate(host + "." + ending, content); },
        then);
  };
  const std::string manifest = app("web", "1", "needs: [storage]\n", ", redirect: false");
  return {"edge: the files of a certificate come, are renewed and go",
          [](Host& there) {
            there.routed = {"web"};
            there.serving = {{"web", 1}};
          },
          {set("both", with({{"web.yml", manifest}})), copy("key", "key", 1, seconds(1)),
           copy("chain", "crt", 1, seconds(40)), copy("new key", "key", 2, seconds(1)),
           copy("new chain", "crt", 2, seconds(40)), copy("chain goes", "crt", 0, seconds(1)),
           copy("key goes", "key", 0, seconds(40)), copy("back, key", "key", 2, seconds(1)),
           copy("back, chain", "crt", 2, seconds(60))}};
}

std::vector<Scenario> many() {
  Files five;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    five[std::string(name) + ".yml"] = app(name);
  }
  Files mended = five;
  mended["c.yml"] = app("c", "1", "", ", body_limit: 20M");
  const std::string domain = ", domains: [shop.example.org]";
  const Files claims =
      with({{"one.yml", app("one", "1", "", domain)}, {"two.yml", app("two", "1", "", domain)}});
  const Files first = with({{"two.yml", app("two", "1", "", domain)}});
  return {
      certificate_files(),
      {"edge: one of five is invalid, and mended",
       [](Host& host) {
         host.routed = {"a", "b", "d", "e"};
         host.world().nginx().traps.bad_apps = {"c"};
       },
       {set("five", with(five)), act("mended",
                                     [mended](Host& host) {
                                       host.world().nginx().traps.bad_apps.clear();
                                       host.world().set_files(with(mended));
                                     })}},
      {"edge: two claim one host, and the first keeps it",
       nullptr,
       {set("second", first), set("both", claims),
        act("daemon restarts", [](Host& host) { host.crash_now(); })},
       false},
      {"edge: two claim one host, and the first goes",
       nullptr,
       {set("second", first), set("both", claims),
        set("first", with({{"one.yml", app("one", "1", "", domain)}}), minutes(2))}},
  };
}

}  // namespace

std::vector<Scenario> edge_scenarios() {
  std::vector<Scenario> all;
  for (auto part : {deploys(), troubles(), many()}) {
    for (Scenario& scenario : part) {
      scenario.known_beginning = scenario.acts.size() > 1;
      all.push_back(std::move(scenario));
    }
  }
  return all;
}

}  // namespace fairlead::sim
