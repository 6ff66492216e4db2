#include <doctest/doctest.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/live/live_host.h"

// Bad input, foreign objects and full disks: told clearly, nobody else is harmed, nothing is lost.
namespace fairlead::testing {
namespace {

namespace fs = std::filesystem;

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

std::string message_of(const LiveHost& host, const std::string& app) {
  return host.app(app)["message"].as_string();
}

void until_says(const LiveHost& host, const std::string& app, const std::string& part) {
  host.until(app + " says: " + part, [&] { return says(message_of(host, app), part); });
}

TEST_CASE("files that are no manifests are told with their place, and harm no other app") {
  LiveHost host;
  const std::string good = host.name("good");
  host.start();
  host.put("good.yml", manifest(good));
  host.put("syntax.yml", "name: [\n");
  host.put("port.yml", "name: port\nimage: a/b:1\nexpose: [{proto: http, port: 70000}]\n");
  host.put("binary.yml", std::string("\x7f"
                                     "ELF\x02\x01\x01\0\0\0\xff\xfe",
                                     12));
  host.put("large.yml",
           "name: large\nimage: a/b:1\nenv: {A: \"" + std::string(2 << 20, 'x') + "\"}\n");
  host.put("empty.yml", "");
  host.put("keys.yml", "name: keys\nimag: a/b:1\n");
  fs::create_symlink("/etc/shadow", host / "manifests/link.yml");
  host.until_well(good);
  host.until("all are told",
             [&] { return host.status()["manifests"]["broken"].items().size() >= 6; });
  const std::string table = host.run({"status"}).out;
  for (const char* part :
       {"syntax.yml:", "port.yml:3:", "expose[0].port: must be 1..65535, got 70000", "binary.yml",
        "large.yml", "keys.yml:2:1", "did you mean", "link.yml"}) {
    CHECK_MESSAGE(says(table, part), part << "\n" << table);
  }
  CHECK_FALSE(says(table, "root:"));
  CHECK(host.run({"validate", host / "manifests"}).code == 1);
}

TEST_CASE("a container with our name is a conflict, untouched; when it is gone, ours is made") {
  LiveHost host;
  const std::string app = host.name("taken");
  host.put("taken.yml", manifest(app, "suspend: true\n"));
  host.start();
  host.until("its name is known", [&] { return !host.revision(app).empty(); });
  const std::string revision = host.revision(app);  // "web=3f9c2a1b"
  const std::string name = app + ".web." + revision.substr(revision.find('=') + 1);
  host.foreign("container", name);
  const std::string id = host.engine().run(name, Json::object({{"Image", "fairlead-test/live:2"}}));
  host.put("taken.yml", manifest(app));
  host.until("the conflict is told", [&] { return !host.status()["conflicts"].empty(); });
  CHECK(says(host.status()["conflicts"].items()[0]["resource"].as_string(), name));
  CHECK(says(host.run({"status"}).out, "rename or remove it"));
  host.until("it is Degraded", [&] { return host.app(app)["health"].as_string() == "Degraded"; });
  CHECK(host.engine().inspect(name)["Id"].as_string() == id);
  CHECK(host.engine().inspect(id)["State"]["Running"].as_bool());
  host.engine().remove(id);
  host.until_well(app);
  CHECK(host.status()["conflicts"].empty());
}

TEST_CASE("a foreign network or volume of our name is a conflict, untouched") {
  LiveHost host;
  const std::string net = host.name("net");
  const std::string vol = host.name("vol");
  host.foreign("network", net);
  host.foreign("volume", vol + ".data");
  const Json network = host.engine().done("POST", "/networks/create",
                                          Json::object({{"Name", net}, {"CheckDuplicate", true}}));
  host.engine().done("POST", "/volumes/create", Json::object({{"Name", vol + ".data"}}));
  host.put("net.yml", manifest(net));
  host.put("vol.yml", manifest(vol, "needs: [storage]\n"));
  host.start();
  host.until("both are told", [&] { return host.status()["conflicts"].items().size() == 2; });
  for (const std::string& app : {net, vol}) {
    CHECK(says(message_of(host, app), "is not fairlead's"));
    CHECK(host.containers(app).empty());
  }
  CHECK(host.engine().done("GET", "/networks/" + net)["Id"] == network["Id"]);
  host.engine().done("DELETE", "/networks/" + net);
  host.engine().done("DELETE", "/volumes/" + vol + ".data");
  host.until_well({net, vol});
}

TEST_CASE("a volume with our very labels that hides a folder of the host is refused") {
  LiveHost host;
  const std::string app = host.name("bind");
  const std::string volume = app + ".data";
  host.put("stays.yml", manifest(host.name("stays"), "suspend: true\n"));
  host.put("bind.yml", manifest(app, "needs: [storage]\n"));
  host.start();
  host.until_well(app);
  const Json labels = host.engine().done("GET", "/volumes/" + volume)["Labels"];
  host.drop("bind.yml");
  host.until("it is gone", [&] { return host.app(app).is_null() && host.containers(app).empty(); });
  CHECK(host.run({"purge", app}).code == 0);
  host.until("the purge is through",
             [&] { return !host.engine().has_volume(volume) && host.app(app).is_null(); });

  host.engine().done(
      "POST", "/volumes/create",
      Json::object(
          {{"Name", volume},
           {"Driver", "local"},
           {"Labels", labels},
           {"DriverOpts", Json::object({{"type", "none"}, {"o", "bind"}, {"device", "/etc"}})}}));
  host.put("bind.yml", manifest(app, "needs: [storage]\n"));
  until_says(host, app, "driver options");
  CHECK(host.containers(app).empty());
  host.engine().done("DELETE", "/volumes/" + volume);
  host.until_well(app);
}

TEST_CASE("a container made of an image that carries our labels is never touched") {
  LiveHost host;
  const std::string app = host.name("forged");
  host.put("stays.yml", manifest(host.name("stays"), "suspend: true\n"));
  host.put("forged.yml", manifest(app));
  host.start();
  host.until_well(app);
  const std::string ours = host.only_id(app);
  const std::string image = "fairlead-test/forged" + app;
  host.engine().done("POST", "/commit?container=" + ours + "&repo=" + image + "&tag=1",
                     Json::object());
  const std::string by_hand = host.name("by-hand");
  host.foreign("container", by_hand);
  host.foreign("image", image + ":1");
  const std::string id = host.engine().run(by_hand, Json::object({{"Image", image + ":1"}}));
  const Json claims = host.engine().inspect(id)["Config"]["Labels"];
  REQUIRE(claims["fairlead.app"].as_string() == app);
  std::this_thread::sleep_for(seconds(1));
  CHECK(host.engine().inspect(id)["Name"].as_string() == "/" + by_hand);
  CHECK(host.engine().inspect(ours)["State"]["Running"].as_bool());
  host.drop("forged.yml");
  host.until("our own is gone", [&] { return !host.engine().has(ours); });
  CHECK(host.engine().inspect(id)["State"]["Running"].as_bool());
}

TEST_CASE("a host port that is taken is told with what to do, and tried again") {
  LiveHost host;
  const std::string holder = host.name("holder");
  const std::string app = host.name("port");
  host.foreign("container", holder);
  const auto binding =
      Json::array({Json::object({{"HostIp", "127.0.0.1"}, {"HostPort", "28931"}})});
  host.engine().run(
      holder,
      Json::object(
          {{"ExposedPorts", Json::object({{"80/tcp", Json::object()}})},
           {"HostConfig", Json::object({{"PortBindings", Json::object({{"80/tcp", binding}})}})}}));
  host.put("port.yml", manifest(app,
                                "expose: [{proto: tcp, port: 80, publish: 28931}]\n"
                                "health: {disable: true}\n"));
  host.start();
  until_says(host, app, "port 28931 of the host is in use by another program");
  host.until("it is Degraded", [&] { return host.app(app)["health"].as_string() == "Degraded"; });
  CHECK(host.engine().inspect(holder)["State"]["Running"].as_bool());
  const auto route = [&] { return host.run({"routes"}).out; };
  CHECK(says(route(), "waiting: no container that publishes it runs"));
  host.engine().remove(holder);
  host.until_well(app);
  CHECK(says(route(), "127.0.0.1:28931"));
  CHECK(says(route(), ":80 "));
  CHECK(says(route(), "live"));
}

TEST_CASE("an app that needs what nobody offers is OutOfSync; what runs of it is not touched") {
  LiveHost host;
  const std::string app = host.name("needs");
  const std::string fresh = host.name("fresh");
  host.put("needs.yml", manifest(app));
  host.start();
  host.until_well(app);
  const std::string id = host.only_id(app);
  host.put("needs.yml", manifest(app, "needs: [database]\nenv: {A: b}\n"));
  host.put("fresh.yml", manifest(fresh, "needs: [messagebus]\n"));
  host.until("both are told", [&] {
    return says(message_of(host, app), "needs database") &&
           says(message_of(host, fresh), "needs messagebus");
  });
  CHECK(host.app(app)["sync"].as_string() == "OutOfSync");
  CHECK(host.app(fresh)["sync"].as_string() == "OutOfSync");
  CHECK(host.only_id(app) == id);
  CHECK(host.engine().inspect(id)["State"]["Running"].as_bool());
  CHECK(host.containers(fresh).empty());
}

// A mount of its own, so that filling it up fills nothing else.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    fs::create_directories(path_);
    mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, "size=256k,mode=700") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  void fill() const {
    std::ofstream file(path_ + "/fill", std::ios::binary);
    while (file.write(std::string(1024, 'x').data(), 1024).flush()) {
    }
  }
  void free() const { fs::remove(path_ + "/fill"); }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST_CASE("a full disk in the state folder is told; apps converge, and the copies are made later") {
  LiveHost host;
  const SmallDisk disk(host / "state");
  if (!disk.mounted()) {
    MESSAGE("NOTICE: left out, nothing can be mounted here");
    return;
  }
  const std::string app = host.name("disk");
  host.start();
  disk.fill();
  host.put("disk.yml", manifest(app));
  host.until_well(app);
  host.until("it is told",
             [&] { return says(host.status()["trouble"].as_string(), "No space left on device"); });
  CHECK(says(host.run({"status"}).out, "free some space"));
  disk.free();
  host.until("the copy is made",
             [&] { return fs::exists(host / ("state/manifests/" + app + ".json")); });
  host.until("nothing is told any more", [&] { return host.status()["trouble"].empty(); });
  CHECK(host.stop(seconds(10)) == 0);
}

TEST_CASE("a state folder on a disk that is full from the start: a message, and exit 1") {
  LiveHost host;
  const SmallDisk disk(host / "state");
  if (!disk.mounted()) {
    MESSAGE("NOTICE: left out, nothing can be mounted here");
    return;
  }
  disk.fill();
  const LiveHost::Ran ran = host.run({"run"});
  CHECK(ran.code == 1);
  CHECK(says(ran.err, "No space left on device; free some space"));
}

}  // namespace
}  // namespace fairlead::testing
