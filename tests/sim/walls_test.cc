#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/sim/host.h"

// What one folder of manifests must not do to the others, as an attacker tried it.
namespace fairlead::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::string app(const std::string& name, const std::string& more = "") {
  return "name: " + name + "\nimage: app:1\n" + more;
}

std::string publishing(const std::string& name, const std::string& port) {
  return app(name, "expose: [{proto: tcp, port: 80, publish: \"" + port + "\"}]\n");
}

// The ids of the app's containers that run, in order.
std::string running(Host& host, const std::string& name) {
  std::string ids;
  for (const auto& [id, container] : host.engine().containers()) {
    const bool of_app = container.name.rfind(name + ".", 0) == 0;
    if (of_app && container.status() == "running") ids += id + " ";
  }
  return ids;
}

void converge(Host& host, const std::map<std::string, std::string>& files) {
  host.world().set_files(files);
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(3)));
}

}  // namespace

TEST_CASE("class 18: a broken file holds up the removals of its first-level folder alone") {
  Host host;
  converge(host, {{"team-a/blog.yml", app("blog")},
                  {"team-a/wiki.yml", app("wiki")},
                  {"team-b/shop.yml", app("shop")},
                  {"team-b/site.yml", app("site")}});
  host.world().set_files(
      {{"team-a/blog.yml", "name: blog\nimage: [\n"}, {"team-b/site.yml", app("site")}});
  host.run(minutes(5));
  CHECK(running(host, "shop").empty());
  CHECK_FALSE(running(host, "wiki").empty());
  CHECK_FALSE(running(host, "blog").empty());
  const Json removals = host.ask("status").body["removals"];
  CHECK(removals["waiting"].dump() == "[\"wiki\"]");
  CHECK(removals["reason"].as_string().find("of the folder team-a") != std::string::npos);
  CHECK(removals["token"].as_string().empty());
  host.world().set_files({{"team-a/blog.yml", app("blog")}, {"team-b/site.yml", app("site")}});
  host.run(minutes(1));
  CHECK(running(host, "wiki").empty());
}

TEST_CASE("A2: the second that publishes a port is told, and takes nothing, over restarts too") {
  Host host;
  converge(host, {{"team-b/shop.yml", publishing("shop", "127.0.0.1:8080")}});
  const std::string id = running(host, "shop");
  host.world().set_file("team-a/blog.yml", publishing("blog", "0.0.0.0:8080"));
  host.run(minutes(2));
  host.crash_now();
  host.run(minutes(2));
  CHECK(running(host, "shop") == id);
  CHECK(running(host, "blog").empty());
  const std::string said = host.ask("explain", {{"app", "blog"}}).body.dump();
  CHECK(said.find("PortRefused") != std::string::npos);
  CHECK(said.find("port 8080 of the host is shop's") != std::string::npos);
  host.world().set_file("team-b/shop.yml", publishing("shop", "127.0.0.1:8081"));
  REQUIRE(host.run_until([&] { return host.all_well(); }, minutes(3)));
  CHECK_FALSE(running(host, "blog").empty());
}

}  // namespace fairlead::sim
