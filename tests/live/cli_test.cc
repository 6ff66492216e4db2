#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/live/live_host.h"
#include "tests/live/proxy.h"

// The command line on a real engine: what it prints, what it exits with, and what it does not send.
namespace fairlead::testing {
namespace {

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST_CASE("a plan shows what would be done, and not one writing request leaves it") {
  Proxy proxy("/tmp/fairlead-proxy-" + std::to_string(::getpid()), LiveEngine::default_socket());
  LiveHost host("prune: {grace: 0s}\nengine: {host: \"unix://" + proxy.path() + "\"}\n");
  const std::string app = host.name("plan");
  const std::string other = host.name("other");
  host.put("plan.yml", manifest(app, "needs: [storage]\n"));
  host.put("other.yml", manifest(other));

  const LiveHost::Ran first = host.run({"plan"});
  CHECK(first.code == 2);
  for (const char* part :
       {"create network ", "create volume ", "create container ", "start container "}) {
    CHECK_MESSAGE(says(first.out, part), first.out);
  }
  CHECK(proxy.writes() == 0);
  CHECK(proxy.requests().size() >= 3);
  CHECK(host.containers(app).empty());
  CHECK_FALSE(std::filesystem::exists(host / "state"));

  CHECK(host.run({"apply"}).code == 0);
  CHECK(proxy.writes() > 0);
  proxy.forget();
  const LiveHost::Ran nothing = host.run({"plan"});
  CHECK(nothing.code == 0);
  CHECK(nothing.out == "nothing to do\n");

  // A change, a removal and drift at once.
  host.put("plan.yml", manifest(app, "needs: [storage]\n", "fairlead-test/live:2"));
  host.drop("other.yml");
  const std::string id = host.only_id(app);
  host.engine().done("POST", "/containers/" + id + "/pause");
  const LiveHost::Ran changes = host.run({"plan"});
  CHECK(changes.code == 2);
  CHECK(says(changes.out, "image fairlead-test/live:1 → 2 (plan.yml:2"));
  CHECK(says(changes.out, "remove container " + other + ".web."));
  const LiveHost::Ran json = host.run({"plan", "-o", "json"});
  CHECK(json.code == 2);
  CHECK(Json::parse(json.out).ok());
  host.engine().done("POST", "/containers/" + id + "/unpause");

  host.put("broken.yml", "name: [\n");
  const LiveHost::Ran broken = host.run({"plan"});
  CHECK(broken.code == 1);
  CHECK(says(broken.out, "broken.yml:"));
  CHECK(proxy.writes() == 0);
  proxy.set(Proxy::Mode::refuse);
  const LiveHost::Ran without = host.run({"plan"});
  CHECK(without.code == 1);
  CHECK(says(without.err, "the engine does not answer"));
}

TEST_CASE("apply converges once, and exits 0 only when all is well") {
  LiveHost host("prune: {grace: 0s, fuse_apps: 0, fuse_percent: 0}\n");
  const std::string app = host.name("once");
  const std::string job = host.name("job");
  host.put("once.yml", manifest(app));
  host.put("job.yml",
           "name: " + job + "\nimage: fairlead-test/live:1\ncommand: [\"true\"]\nrestart: never\n");
  const LiveHost::Ran first = host.run({"apply"});
  CHECK_MESSAGE(first.code == 0, first.out << first.err);
  CHECK(host.containers(app).size() == 1);
  const std::string id = host.only_id(app);
  CHECK(host.run({"apply", "-o", "json"}).code == 0);
  CHECK(host.only_id(app) == id);

  host.put("job.yml", "name: " + job + "\nimage: fairlead-test/live:broken\nrestart: never\n");
  const LiveHost::Ran failed = host.run({"apply"});
  CHECK(failed.code == 1);
  CHECK(says(failed.out, "exited with code 3"));
  CHECK(says(failed.out, "no database at db:3306"));

  host.drop("job.yml");
  const LiveHost::Ran held = host.run({"apply"});
  CHECK(held.code == 1);
  CHECK(says(held.out, "not removed: " + job));
  CHECK(host.containers(job).size() == 1);
  CHECK(host.run({"apply", "--approve"}).code == 0);
  CHECK(host.containers(job).empty());
  CHECK(host.only_id(app) == id);
}

TEST_CASE("status and explain tell what is and why; without a daemon they say so") {
  LiveHost host;
  const std::string app = host.name("told");
  const LiveHost::Ran nobody = host.run({"status"});
  CHECK(nobody.code == 1);
  CHECK(says(nobody.err, "control.sock"));
  host.put("told.yml", manifest(app));
  host.start();
  host.until_well(app);
  const std::string name = host.names(app).front();
  const LiveHost::Ran table = host.run({"status"});
  CHECK(table.code == 0);
  CHECK(says(table.out, app));
  CHECK(says(table.out, "Synced  Healthy"));
  CHECK(says(table.out, "engine: Docker Engine "));
  const LiveHost::Ran json = host.run({"status", "-o", "json"});
  const Result<Json> parsed = Json::parse(json.out);
  REQUIRE(parsed.ok());
  const Json& told = (*parsed)["apps"].items().at(0);
  CHECK(told["revision"]["wanted"] == told["revision"]["running"]);
  CHECK(told["resources"].items().size() == 2);
  const LiveHost::Ran why = host.run({"explain", app});
  CHECK(why.code == 0);
  CHECK(says(why.out, "create container " + name + ": there is none"));
  CHECK(says(why.out, "nothing needs to be done"));
  CHECK(host.run({"explain", "nobody"}).code == 1);
  CHECK(says(host.run({"approve"}).err, "nothing waits for an approval"));
  CHECK(says(host.run({"version"}).out, "fairlead "));
  CHECK(host.run({"no-such-verb"}).code == 1);
}

}  // namespace
}  // namespace fairlead::testing
