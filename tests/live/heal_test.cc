#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/live/live_host.h"

// What someone does to the objects of an app is mended; what the manifest takes away goes, but for
// the data.
namespace fairlead::testing {
namespace {

struct Harm {
  std::string name;
  std::string method;
  std::string path;  // "$" stands for the container, "%" for the app
  Json body;
};

std::string filled(std::string text, const std::string& container, const std::string& app) {
  for (std::size_t at = 0; (at = text.find_first_of("$%", at)) != text.npos;) {
    const std::string& word = text[at] == '$' ? container : app;
    text.replace(at, 1, word);
    at += word.size();
  }
  return text;
}

std::vector<Harm> harms() {
  return {
      {"docker rm -f", "DELETE", "/containers/$?force=1", {}},
      {"docker stop", "POST", "/containers/$/stop?t=1", {}},
      {"docker kill", "POST", "/containers/$/kill", {}},
      {"docker pause", "POST", "/containers/$/pause", {}},
      {"docker rename", "POST", "/containers/$/rename?name=%.by-hand", {}},
      {"docker update --memory", "POST", "/containers/$/update",
       Json::object({{"Memory", 32 << 20}, {"MemorySwap", 32 << 20}})},
      {"docker update --cpus", "POST", "/containers/$/update",
       Json::object({{"NanoCpus", 1'500'000'000}})},
      {"docker update --pids-limit", "POST", "/containers/$/update",
       Json::object({{"PidsLimit", 33}})},
      {"docker update --restart", "POST", "/containers/$/update",
       Json::object({{"RestartPolicy", Json::object({{"Name", "no"}})}})},
      {"docker network disconnect", "POST", "/networks/%/disconnect",
       Json::object({{"Container", "$"}})},
      {"docker network connect", "POST", "/networks/bridge/connect",
       Json::object({{"Container", "$"}})},
  };
}

// What the manifest below says of it, as far as it can be changed live.
std::string live_state(const LiveHost& host, const std::string& app) {
  const std::vector<Json> all = host.containers(app);
  if (all.size() != 1) return std::to_string(all.size()) + " containers";
  const LiveEngine::Reply reply =
      host.engine().call("GET", "/containers/" + all.front()["Id"].as_string() + "/json");
  const Json& limits = reply.body["HostConfig"];
  std::string text = reply.body["Name"].as_string() + " " +
                     reply.body["State"]["Status"].as_string() + " " +
                     reply.body["State"]["Health"]["Status"].as_string() + " " +
                     std::to_string(limits["Memory"].as_int()) + " " +
                     std::to_string(limits["MemorySwap"].as_int()) + " " +
                     std::to_string(limits["NanoCpus"].as_int()) + " " +
                     std::to_string(limits["PidsLimit"].as_int()) + " " +
                     limits["RestartPolicy"]["Name"].as_string();
  for (const auto& [name, endpoint] : reply.body["NetworkSettings"]["Networks"].members()) {
    text += " in " + name + (endpoint["IPAddress"].as_string().empty() ? " without address" : "");
  }
  return text;
}

TEST_CASE("what someone does to a container by hand is mended") {
  LiveHost host;
  const std::string app = host.name("heal");
  host.put("heal.yml", manifest(app, "resources: {cpus: 0.5, memory: 64M, pids: 100}\n"));
  host.start();
  host.until_well(app);
  const std::string good = live_state(host, app);
  CHECK(good.find("running healthy") != good.npos);
  for (const Harm& harm : harms()) {
    CAPTURE(harm.name);
    const std::string container = host.names(app).front();
    Json body = harm.body;
    if (body.has("Container")) body.set("Container", container);
    host.engine().done(harm.method, filled(harm.path, container, app), body);
    host.until(harm.name + " is mended: " + good + ", not " + live_state(host, app),
               [&] { return live_state(host, app) == good && host.well(app); });
  }
  // All of it in place, but for the one that was removed.
  CHECK(host.run({"explain", app}).out.find("renamed by hand") != std::string::npos);
}

TEST_CASE("a network that someone removed is made again, and containers join it") {
  LiveHost host;
  const std::string app = host.name("lost");
  host.put("lost.yml", manifest(app, "processes: {worker: {command: [sleep, \"1000000\"]}}\n"));
  host.start();
  host.until_well(app);
  CHECK(host.containers(app).size() == 2);
  for (const std::string& container : host.names(app)) {
    host.engine().call("POST", "/networks/" + app + "/disconnect",
                       Json::object({{"Container", container}, {"Force", true}}));
  }
  host.engine().call("DELETE", "/networks/" + app);
  host.until("both are attached again", [&] {
    int attached = 0;
    for (const Json& container : host.containers(app)) {
      const Json& endpoint = container["NetworkSettings"]["Networks"][app];
      attached += !endpoint["IPAddress"].as_string().empty();
    }
    return attached == 2 && host.well(app);
  });
}

TEST_CASE("scaling, suspending and dropping a process follow the manifest") {
  LiveHost host;
  const std::string app = host.name("scale");
  const auto running = [&] {
    int count = 0;
    for (const Json& container : host.containers(app)) {
      count += container["State"].as_string() == "running";
    }
    return count;
  };
  const std::string worker = "processes: {worker: {command: [sleep, \"1000000\"], replicas: 2}}\n";
  host.put("scale.yml", manifest(app, worker));
  host.start();
  host.until_well(app);
  CHECK(running() == 3);
  const std::string web = host.names(app).front();

  host.put("scale.yml", manifest(app, worker + "deploy: {replicas: 3}\n"));
  host.until("three of web", [&] { return running() == 5 && host.well(app); });
  host.put("scale.yml", manifest(app, worker + "deploy: {replicas: 1}\n"));
  host.until("one of web", [&] { return host.containers(app).size() == 3 && host.well(app); });
  CHECK(host.names(app).front() == web);

  host.put("scale.yml", manifest(app, worker + "suspend: true\n"));
  host.until("suspended", [&] {
    const Json seen = host.app(app);
    return running() == 0 && seen["health"].as_string() == "Suspended" &&
           seen["sync"].as_string() == "Synced";
  });
  CHECK(host.containers(app).size() == 3);
  host.put("scale.yml", manifest(app, worker));
  host.until("resumed", [&] { return running() == 3 && host.well(app); });
  CHECK(host.names(app).front() == web);

  host.put("scale.yml", manifest(app));
  host.until("the process is gone",
             [&] { return host.containers(app).size() == 1 && host.well(app); });
  CHECK(host.names(app).front() == web);
}

TEST_CASE("a removed app leaves its data, as an orphan that purge drops") {
  LiveHost host;
  const std::string app = host.name("gone");
  const std::string volume = app + ".data";
  const std::string text = manifest(app, "needs: [storage]\n");
  const auto removed = [&] {
    return host.containers(app).empty() && host.app(app).is_null() &&
           !host.engine().call("GET", "/networks/" + app).ok();
  };
  host.put("gone.yml", text);
  // An empty folder would remove nothing.
  host.put("stays.yml", manifest(host.name("stays"), "suspend: true\n"));
  host.start();
  host.until_well(app);
  host.engine().exec(host.only_id(app), {"sh", "-c", "echo kept > /data/file"});
  CHECK(host.run({"purge", app}).code == 1);
  host.drop("gone.yml");
  host.until("the app is gone", removed);
  CHECK(host.engine().has_volume(volume));
  host.until("the orphan is listed", [&] { return host.status()["orphans"].items().size() == 1; });
  CHECK(host.status()["orphans"].items()[0]["resource"].as_string() == "volume " + volume);
  CHECK(host.run({"status"}).out.find("fairlead purge " + app) != std::string::npos);

  SUBCASE("coming back it finds its data") {
    host.put("gone.yml", text);
    host.until_well(app);
    CHECK(host.engine().exec(host.only_id(app), {"cat", "/data/file"}).output == "kept\n");
    CHECK(host.status()["orphans"].empty());
    host.put("gone.yml", text + "reclaim: delete\n");
    host.until("the new manifest is read", [&] {
      return host.run({"explain", app, "-o", "json"}).out.find("delete") != std::string::npos;
    });
    host.drop("gone.yml");
    host.until("the app is gone with its data",
               [&] { return removed() && !host.engine().has_volume(volume); });
  }
  SUBCASE("purge drops it, also after a restart of the daemon") {
    host.kill();
    host.start();
    host.until("the orphan is listed",
               [&] { return host.status()["orphans"].items().size() == 1; });
    const LiveHost::Ran purged = host.run({"purge", app});
    CHECK(purged.code == 0);
    host.until("the volume is gone", [&] { return !host.engine().has_volume(volume); });
    CHECK(host.run({"purge", app}).code == 1);
  }
}

}  // namespace
}  // namespace fairlead::testing
