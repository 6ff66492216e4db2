#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/live/live_host.h"

// What happens to the manifest folder, and what does not happen to the apps.
namespace fairlead::testing {
namespace {

namespace fs = std::filesystem;

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

std::string started(const LiveHost& host, const std::string& app) {
  const Json seen = host.only(app);
  return seen["Id"].as_string() + " " + seen["State"]["StartedAt"].as_string();
}

// Long enough for a reading, a grace and a pass.
void settle() { std::this_thread::sleep_for(milliseconds(1200)); }

TEST_CASE("a symlink flip as git-sync makes it is one change of all apps") {
  LiveHost host;
  const std::string stays = host.name("stays");
  const std::string changes = host.name("changes");
  const std::string goes = host.name("goes");
  const std::string comes = host.name("comes");
  const auto write = [&](const std::string& tree, const std::string& app, const std::string& more) {
    fs::create_directories(host / tree);
    std::ofstream(host / (tree + "/" + app + ".yml")) << manifest(app, more);
  };
  fs::remove(host / "manifests");
  write("tree-1", stays, "");
  write("tree-1", changes, "");
  write("tree-1", goes, "");
  fs::create_directory_symlink("tree-1", host / "manifests");
  host.start();
  host.until_well({stays, changes, goes});
  const std::string before = started(host, stays);
  const std::string revision = host.revision(changes);

  write("tree-2", stays, "");
  write("tree-2", changes, "env: {A: b}\n");
  write("tree-2", comes, "");
  fs::create_directory_symlink("tree-2", host / "next");
  fs::rename(host / "next", host / "manifests");
  fs::remove_all(host / "tree-1");
  host.until_new(changes, revision);
  host.until_well(comes);
  host.until("what is in no manifest any more is gone",
             [&] { return host.containers(goes).empty() && host.app(goes).is_null(); });
  CHECK(started(host, stays) == before);

  // In place, in the new tree, as an editor does.
  const std::string next = host.revision(stays);
  std::ofstream(host / "tree-2/.stays.swp") << manifest(stays, "env: {C: d}\n");
  fs::rename(host / "tree-2/.stays.swp", host / ("tree-2/" + stays + ".yml"));
  host.until_new(stays, next);
}

TEST_CASE("a moved file, a new comment and another order of keys do nothing") {
  LiveHost host;
  const std::string app = host.name("moves");
  host.put("a.yml", manifest(app, "env: {A: b, C: d}\n"));
  host.start();
  host.until_well(app);
  const std::string before = started(host, app);
  fs::create_directories(host / "manifests/team/deep");
  fs::rename(host / "manifests/a.yml", host / "manifests/team/deep/b.yaml");
  settle();
  CHECK(started(host, app) == before);
  host.put("team/deep/b.yaml", "# said anew\nenv:\n  C: d\n  A: b\n" + manifest(app));
  settle();
  CHECK(started(host, app) == before);
  CHECK(host.well(app));
  CHECK(says(host.app(app)["source"].as_string(), "team/deep/b.yaml"));
  CHECK(host.containers(app).size() == 1);
}

TEST_CASE("a folder that is emptied, or gone, removes nothing, and says what would") {
  LiveHost host;
  const std::string app = host.name("kept");
  const std::string text = manifest(app);
  host.put("kept.yml", text);
  host.start();
  host.until_well(app);
  const std::string before = started(host, app);

  fs::rename(host / "manifests", host / "away");
  host.until("the loss is told", [&] { return says(host.run({"status"}).out, "is missing"); });
  settle();
  CHECK(started(host, app) == before);
  // It is healed as before.
  host.engine().remove(host.only_id(app));
  host.until("it runs again", [&] { return host.containers(app).size() == 1 && host.well(app); });
  const std::string healed = started(host, app);

  fs::create_directory(host / "manifests");
  host.until("the emptiness is told", [&] {
    return says(host.status()["removals"]["reason"].as_string(), "folder is empty");
  });
  settle();
  CHECK(started(host, app) == healed);
  const std::string table = host.run({"status"}).out;
  const std::string token = host.status()["removals"]["token"].as_string();
  CHECK(says(table, "fairlead approve " + token));
  CHECK(says(host.run({"explain", app}).out, "its manifest is gone"));

  SUBCASE("the files come back, and nothing has happened") {
    host.put("kept.yml", text);
    host.until("nothing waits any more",
               [&] { return host.status()["removals"]["token"].empty(); });
    CHECK(host.well(app));
    CHECK(started(host, app) == healed);
  }
  SUBCASE("a new daemon is as careful; approved, it goes") {
    host.kill();
    host.start();
    host.until("the emptiness is told again",
               [&] { return !host.status()["removals"]["token"].empty(); });
    CHECK(started(host, app) == healed);
    CHECK(host.run({"approve", token}).code == 0);
    host.until("it is gone", [&] { return host.containers(app).empty(); });
  }
}

TEST_CASE("ten of twelve manifests deleted: the fuse holds until exactly these are approved") {
  LiveHost host("prune: {grace: 100ms}\nengine: {concurrency: 8, host: \"unix://" +
                LiveEngine::default_socket() + "\"}\n");
  std::vector<std::string> apps;
  for (int i = 0; i < 12; ++i) {
    apps.push_back(host.name("fuse" + std::to_string(i)));
    host.put(apps.back() + ".yml", manifest(apps.back()));
  }
  host.start();
  host.until_well(apps);
  for (int i = 2; i < 12; ++i) host.drop(apps[static_cast<std::size_t>(i)] + ".yml");
  host.until("the fuse is told",
             [&] { return host.status()["removals"]["waiting"].items().size() == 10; });
  settle();
  for (const std::string& app : apps) CHECK(host.containers(app).size() == 1);
  const std::string token = host.status()["removals"]["token"].as_string();
  CHECK(says(host.run({"status"}).out, "fairlead approve " + token));

  // One comes back: the token stands for another set.
  host.put(apps[11] + ".yml", manifest(apps[11]));
  host.until("nine wait", [&] { return host.status()["removals"]["waiting"].items().size() == 9; });
  const LiveHost::Ran stale = host.run({"approve", token});
  CHECK(stale.code == 1);
  CHECK(says(stale.err, "fairlead status"));
  CHECK(host.run({"approve", host.status()["removals"]["token"].as_string()}).code == 0);
  host.until("nine are gone", [&] {
    for (std::size_t i = 2; i < 11; ++i) {
      if (!host.containers(apps[i]).empty()) return false;
    }
    return true;
  });
  for (const std::size_t i : {0u, 1u, 11u}) CHECK(host.well(apps[i]));
}

TEST_CASE("a broken manifest freezes its app on the last good version, which is healed") {
  LiveHost host;
  const std::string app = host.name("frozen");
  const std::string other = host.name("other");
  host.put("frozen.yml", manifest(app));
  host.put("other.yml", manifest(other));
  host.start();
  host.until_well({app, other});
  const std::string before = started(host, app);
  host.put("frozen.yml", manifest(app, "replicaz: 3\nexpose: [{proto: http, port: 70000}]\n"));
  host.until("it is told",
             [&] { return host.app(app)["reason"].as_string() == "InvalidManifest"; });
  const std::string message = host.app(app)["message"].as_string();
  CHECK(says(message, "frozen.yml:"));
  CHECK(says(message, "must be 1..65535, got 70000"));
  CHECK(says(message, "the last good version stays in force"));
  CHECK(started(host, app) == before);
  const auto healed = [&] {
    host.engine().remove(host.only_id(app));
    host.until("it is healed", [&] {
      return host.containers(app).size() == 1 && host.app(app)["health"].as_string() == "Healthy";
    });
  };
  healed();

  host.kill();
  // While no daemon runs, the file gets worse: not even a name is left.
  host.put("frozen.yml", "name: [\n");
  host.start();
  host.until("it is told by a new daemon", [&] {
    const Json seen = host.app(app);
    return seen["reason"].as_string() == "InvalidManifest" &&
           seen["health"].as_string() == "Healthy";
  });
  healed();
  // Nothing is removed while a file cannot be read: it might be in there.
  host.drop("other.yml");
  settle();
  CHECK(host.containers(other).size() == 1);
  CHECK(says(host.status()["removals"]["reason"].as_string(), "frozen.yml"));
  host.put("frozen.yml", manifest(app));
  host.until("both are as wanted",
             [&] { return host.containers(other).empty() && host.well(app); });
}

TEST_CASE("of two files with one name the first owner stays, the second is reported") {
  LiveHost host;
  const std::string app = host.name("double");
  host.put("m.yml", manifest(app));
  host.start();
  host.until_well(app);
  const std::string before = started(host, app);
  host.put("a.yml", manifest(app, "env: {A: b}\n"));
  host.until("it is told", [&] { return host.app(app)["reason"].as_string() == "NameTaken"; });
  CHECK(says(host.app(app)["message"].as_string(), "m.yml owns this name; a.yml claims it too"));
  CHECK(started(host, app) == before);
  host.kill();
  host.start();
  host.until("the owner is known by a new daemon",
             [&] { return says(host.app(app)["message"].as_string(), "m.yml owns this name"); });
  CHECK(started(host, app) == before);
  host.drop("m.yml");
  host.until("the other one takes over", [&] { return host.well(app); });
  CHECK(host.only(app)["Config"]["Env"].dump().find("A=b") != std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing
