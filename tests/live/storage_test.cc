#include <doctest/doctest.h>

#include <map>

#include "tests/live/live_host.h"

// Whose an app's volume is when its process starts, on a real engine: what is written there by a
// user that is not root says it.
namespace fairlead::testing {
namespace {

const char* const owned = "fairlead-test/owned:1";

// The image has users of its own, folders at two of the places, and a volume that it says itself.
void make_image(const LiveHost& host) {
  host.engine().import_image(
      "fairlead-test/owned", "1", {R"(CMD ["sleep", "1000000"])", "VOLUME /var/lib/other"},
      {{"etc/passwd", "root:x:0:0:root:/:/bin/sh\nnode:x:1234:1235:node:/:/bin/sh\n"},
       {"etc/group", "root:x:0:\nnode:x:1235:\nmedia:x:2000:node\n"},
       {"empty/", ""},
       {"full/", ""},
       {"full/seed", "seed"},
       {"var/lib/other/seed", "seed"},
       {"link", "-> full"}});
}

// Writes at its start, and is healthy where it could.
std::string writer(const std::string& app, const std::string& path, const std::string& more) {
  return "name: " + app + "\nimage: " + owned + "\ncommand: [sh, -c, \"echo $$$$ > " + path +
         "/at && exec sleep 1000000\"]\n" + health("test -s " + path + "/at") + more;
}

std::string owner_of(const LiveHost& host, const std::string& app, const std::string& path) {
  const auto ran =
      host.engine().exec(host.only_id(app), {"busybox", "stat", "-c", "%u:%g %a", path});
  return ran.output.substr(0, ran.output.find_last_not_of("\r\n") + 1);
}

TEST_CASE("a process that is not root can write into its volume, whatever the image has there") {
  LiveHost host;
  make_image(host);
  struct Case {
    std::string name, path, more, owner;
  };
  const std::string by_user = "user: \"1000:1000\"\n";
  const auto storage = [](const std::string& path, const std::string& more = "") {
    return "needs: [{storage: {path: " + path + more + "}}]\n";
  };
  const std::vector<Case> cases = {
      {"none", "/none", by_user + storage("/none"), "1000:1000 755"},
      {"empty", "/empty", by_user + storage("/empty"), "1000:1000 755"},
      {"full", "/full", by_user + storage("/full"), "1000:1000 755"},
      {"strict", "/none", by_user + "security: strict\n" + storage("/none"), "1000:1000 755"},
      {"hard", "/empty", by_user + "security: strict\n" + storage("/empty"), "1000:1000 755"},
      {"node", "/none", "user: node\n" + storage("/none"), "1234:1235 755"},
      {"said", "/full", by_user + storage("/full", ", owner: \"1000:media\""), "1000:2000 755"},
  };
  for (const Case& held : cases) {
    host.put(held.name + ".yml", writer(host.name(held.name), held.path, held.more));
  }
  host.start();
  for (const Case& held : cases) {
    CAPTURE(held.name);
    host.until_well(host.name(held.name));
    CHECK(owner_of(host, host.name(held.name), held.path) == held.owner);
    // What helped is gone, with the volumes that its image says.
    CHECK(host.engine().containers({"fairlead.app=" + host.name(held.name)}).size() == 1);
  }
}

TEST_CASE("an owner that is said later is set with the next container, and the mode is kept") {
  LiveHost host;
  make_image(host);
  const std::string app = host.name("later");
  const std::string root =
      "name: " + app + "\nimage: " + std::string(owned) + "\n" + health("true");
  host.put("a.yml", root + "needs: [storage]\n");
  host.start();
  host.until_well(app);
  CHECK(owner_of(host, app, "/data") == "0:0 755");
  host.engine().exec(host.only_id(app), {"busybox", "chmod", "2770", "/data"});
  const std::string before = host.revision(app);
  host.put("a.yml", root + "needs: [{storage: {owner: \"1000:1000\"}}]\n");
  host.until_new(app, before);
  CHECK(owner_of(host, app, "/data") == "1000:1000 2770");
}

TEST_CASE("a path that is a link in the image is warned of, and the app runs") {
  LiveHost host;
  make_image(host);
  const std::string app = host.name("linked");
  host.put("a.yml", "name: " + app + "\nimage: " + owned + "\n" + health("true") +
                        "needs: [{storage: {path: /link, owner: \"1000\"}}]\n");
  host.start();
  host.until_well(app);
  CHECK(host.log().find("must be a folder, got a symbolic link") != std::string::npos);
}

TEST_CASE("a volume that an image asks for goes with its container, the app's own stays") {
  LiveHost host;
  make_image(host);
  const std::string app = host.name("other");
  const auto text = [&](const std::string& more) {
    return manifest(app, more + "needs: [{storage: {path: /own}}]\n", owned);
  };
  const auto volumes = [&] {
    std::map<std::string, std::string> named;  // where it is mounted → its name
    const Json inspect = host.engine().inspect(host.only_id(app));
    for (const Json& mount : inspect["Mounts"].items()) {
      named[mount["Destination"].as_string()] = mount["Name"].as_string();
    }
    return named;
  };
  host.put("other.yml", text(""));
  host.start();
  host.until_well(app);
  const auto before = volumes();
  REQUIRE(host.engine().has_volume(before.at("/var/lib/other")));
  const std::string revision = host.revision(app);
  host.put("other.yml", text("env: {A: b}\n"));
  host.until_new(app, revision);
  host.until("the old one is gone", [&] { return host.containers(app).size() == 1; });
  const auto after = volumes();
  CHECK(after.at("/own") == before.at("/own"));
  CHECK(host.engine().has_volume(after.at("/own")));
  CHECK(after.at("/var/lib/other") != before.at("/var/lib/other"));
  CHECK_FALSE(host.engine().has_volume(before.at("/var/lib/other")));
  CHECK(host.engine().has_volume(after.at("/var/lib/other")));
}

}  // namespace
}  // namespace fairlead::testing
