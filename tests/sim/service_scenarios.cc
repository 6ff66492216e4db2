#include "providers/mariadb/sql.h"
#include "tests/sim/scenarios.h"

// What the simulated host goes through where apps need a database and a message bus.
namespace fairlead::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Files = std::map<std::string, std::string>;

const char* const both = "needs: [database, messagebus]\n";

Act set(const std::string& name, const Files& files, Duration then = seconds(60)) {
  return {name, [files](Host& host) { host.world().set_files(files); }, then};
}

Act by_hand(std::function<void(Host&)> act, Duration then = seconds(60)) {
  return {"by hand",
          [act = std::move(act)](Host& host) {
            // Nobody changes by hand what is not up: after faults that may take longer.
            const auto up = [&] {
              return host.health("mariadb") == "Healthy" && host.health("rabbitmq") == "Healthy";
            };
            host.run_until(up, minutes(10));
            act(host);
          },
          then};
}

std::string web(const std::string& more, const std::string& version = "1") {
  return "name: web\nimage: app:" + version + "\nexpose: [{proto: http, port: 80}]\n" +
         "health: {http: /up}\n" + more;
}

// The services, and `more` beside them.
Files with(const Files& more) {
  Files files = service_manifests();
  files.insert(more.begin(), more.end());
  return files;
}
Files with_web(const std::string& more, const std::string& version = "1") {
  return with({{"web.yml", web(more, version)}});
}

void steady(Host& host) { host.steady_logins = {"web"}; }

std::string of_app(Host& host, const std::string& prefix) {
  for (const auto& [id, container] : host.engine().containers()) {
    if (container.name.find(prefix + ".") == 0) return container.name;
  }
  return "none";
}

std::vector<Scenario> lives() {
  return {
      {"services: first start",
       steady,
       {set("all at once",
            with_web("needs: [database, messagebus, {storage: {shared: true}}]\n"
                     "processes: {worker: {command: [work]}}\n"),
            minutes(2))}},
      {"services: an app comes before them",
       steady,
       {set("the app", {{"web.yml", web(both)}}), set("services", with_web(both), minutes(2))}},
      {"services: needs come later, and more of them",
       steady,
       {set("without", with_web("")), set("database", with_web("needs: [database]\n")),
        set("both", with_web("needs: [{database: {connections_max: 5}}, messagebus]\n"))}},
      {"services: needs dropped",
       nullptr,
       {set("with", with_web(both), minutes(2)), set("without", with_web(""), minutes(2))}},
      {"services: replaced containers",
       steady,
       {set("all at once", with_web(both), minutes(2)),
        set(
            "new versions",
            [] {
              Files files = with_web(both);
              for (const char* name : {"mariadb.yml", "rabbitmq.yml"})
                files[name] += "env: {N: two}\n";
              return files;
            }(),
            minutes(3))}},
      {"services: rotation",
       steady,
       {set("first", with_web(both), minutes(2)),
        set("second", with_web("needs: [{database: {rotation: 2}}, {messagebus: {rotation: 2}}]\n"),
            minutes(2))}},
      {"services: rotation of three replicas with a new image",
       steady,
       {set("first", with_web(std::string(both) + "deploy: {replicas: 3}\n"), minutes(2)),
        set("second",
            with_web("needs: [{database: {rotation: 2}}, {messagebus: {rotation: 2}}]\n"
                     "deploy: {replicas: 3}\n",
                     "2"),
            minutes(3))}},
      {"services: rotation there and back",
       steady,
       {set("first", with_web(both), minutes(2)),
        set("second", with_web("needs: [{database: {rotation: 2}}, {messagebus: {rotation: 2}}]\n"),
            seconds(2)),
        set("back", with_web(both), minutes(2))}},
  };
}

std::vector<Scenario> ends() {
  const Files other = with({{"b.yml", "name: other\nimage: app:1\n"}});
  const auto drops = [](Host& host) { host.may_lose = {"database web", "vhost web"}; };
  return {
      {"services: removal keeps data",
       nullptr,
       {set("with", with_web(both), minutes(2)), set("without", other, minutes(2))}},
      {"services: removed and back",
       nullptr,
       {set("with", with_web(both), minutes(2)), set("without", other, minutes(2)),
        set("back", with_web(both), minutes(2))}},
      {"services: removal with reclaim: delete",
       drops,
       {set("with", with_web(std::string(both) + "reclaim: delete\n"), minutes(2)),
        set("without", other, minutes(2))}},
      {"services: purge",
       drops,
       {set("with", with_web(both), minutes(2)),
        set("without", other, minutes(2)),
        {"purge",
         [](Host& host) {
           host.ask("purge", {{"app", "web"}});
         },
         seconds(30)},
        {"purge again",
         [](Host& host) {
           host.ask("purge", {{"app", "web"}});
         },
         seconds(30)}},
       true,
       true},
  };
}

// Something done by hand to what the services hold of the app.
Scenario drift(const std::string& name, std::function<void(Host&)> act) {
  return {"services: " + name,
          [](Host& host) {
            host.may_lose = {"database web", "vhost web"};
          },
          {set("all at once", with_web(both), minutes(2)), by_hand(std::move(act))}};
}

std::vector<Scenario> drifts() {
  const SimMariaDb::Who own{"web", "%"};
  return {
      drift("password changed by hand",
            [](Host& host) {
              host.mariadb().set_password("web", "mine");
              host.rabbitmq().set_password("web", "mine");
            }),
      drift("user dropped by hand",
            [](Host& host) {
              host.mariadb().execute(mariadb::drop_user("web"));
              host.rabbitmq().execute("DELETE", "/api/users/web");
            }),
      drift("account row lost, its grants not",
            [own](Host& host) { host.mariadb().lose_account_row(own); }),
      drift("database and vhost dropped by hand",
            [](Host& host) {
              host.mariadb().execute(mariadb::drop_database("web"));
              host.rabbitmq().execute("DELETE", "/api/vhosts/web");
            }),
      drift("grants added and removed by hand",
            [own](Host& host) {
              host.mariadb().revoke_all(own, "web");
              host.mariadb().grant(own, "mysql", {"SELECT"});
              host.rabbitmq().execute("PUT", "/api/permissions/%2F/web",
                                      Json::object({{"configure", ".*"}}));
            }),
      drift("rights widened by hand",
            [own](Host& host) {
              host.mariadb().grant(own, "web", {"GRANT OPTION", "DELETE HISTORY"});
              if (auto* account = host.mariadb().account("web")) account->all_privileges = true;
              host.rabbitmq().execute("DELETE", "/api/permissions/web/web");
            }),
      drift("limits set and the account locked by hand",
            [](Host& host) {
              if (auto* account = host.mariadb().account("web")) {
                account->connections_max = 1;
                account->other_limit = "max_questions";
              }
              host.mariadb().execute(mariadb::lock_user("web"));
              host.rabbitmq().execute("PUT", "/api/vhost-limits/web/max-connections",
                                      Json::object({{"value", 1}}));
              host.rabbitmq().execute("PUT", "/api/user-limits/web/max-connections",
                                      Json::object({{"value", 1}}));
            }),
      drift("password blanked by hand",
            [](Host& host) {
              host.rabbitmq().execute("PUT", "/api/users/web",
                                      Json::object({{"tags", "administrator"}}));
            }),
      drift("emptied",
            [](Host& host) {
              for (const char* service : {"mariadb", "rabbitmq"}) {
                host.world().services().wipe(service);
                host.engine().outside("POST",
                                      "/containers/" + of_app(host, service) + "/restart?t=1");
              }
            }),
  };
}

std::vector<Scenario> troubles() {
  return {
      {"services: restarted by hand",
       steady,
       {set("all at once", with_web(both), minutes(2)), by_hand([](Host& host) {
          for (const char* service : {"mariadb", "rabbitmq"}) {
            host.engine().outside("POST", "/containers/" + of_app(host, service) + "/restart?t=1");
          }
        })}},
      {"services: removed by hand while an app rolls",
       steady,
       {set("all at once", with_web(both), minutes(2)),
        by_hand(
            [](Host& host) {
              for (const char* service : {"mariadb", "rabbitmq"}) {
                host.engine().docker_rm_f(of_app(host, service));
              }
              host.world().set_files(with_web(both, "2"));
            },
            minutes(3))}},
      {"services: foreign ones of the name",
       nullptr,
       {set("services", with({}), minutes(4)), by_hand([](Host& host) {
          host.mariadb().create_database("web", "of somebody");
          host.rabbitmq().execute("PUT", "/api/vhosts/web",
                                  Json::object({{"description", "of somebody"}}));
        }),
        set("apps",
            with({{"web.yml", web(both)},
                  {"b.yml", "name: other\nimage: app:1\nneeds: [database, messagebus]\n"}}),
            minutes(2))},
       false},
      {"services: a foreign user of the name, who goes",
       nullptr,
       {set("services", with({}), minutes(4)), by_hand([](Host& host) {
          host.mariadb().create_user({"web", "%"}, "theirs");
          host.rabbitmq().execute("PUT", "/api/users/web",
                                  Json::object({{"password", "theirs"}, {"tags", ""}}));
        }),
        set("apps", with_web(both), minutes(2)),
        by_hand(
            [](Host& host) {
              host.mariadb().execute(mariadb::drop_user("web"));
              host.rabbitmq().execute("DELETE", "/api/users/web");
            },
            minutes(2))}},
  };
}

}  // namespace

std::vector<Scenario> service_scenarios() {
  std::vector<Scenario> all;
  for (auto part : {lives(), ends()}) {
    for (Scenario& scenario : part) all.push_back(std::move(scenario));
  }
  for (auto part : {drifts(), troubles()}) {
    for (Scenario& scenario : part) {
      scenario.calm = true;
      all.push_back(std::move(scenario));
    }
  }
  return all;
}

}  // namespace fairlead::sim
