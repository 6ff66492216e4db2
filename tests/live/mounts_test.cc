#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "reconciler/live/file_io.h"
#include "tests/live/busybox_image.h"
#include "tests/live/live_host.h"
#include "tests/temp_folder.h"

// What an attacker found (class 5), on a real engine: a container makes a link in the folder that
// it mounts, and another app mounts it.
namespace fairlead::testing {
namespace {

namespace fs = std::filesystem;

bool says(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

// A folder of the host, and an installation whose apps may mount what is in `srv`.
struct Bench {
  Bench()
      : folder(environment("FAIRLEAD_TEST_SHARED", "/tmp")),
        host("mount_roots: [" + folder / "srv" + "]\n") {
    fs::create_directories(folder / "srv/t");
    folder.write("lab/key", "secret");
  }
  std::string mounts(const std::string& app, const std::string& path,
                     const std::string& more = "") const {
    return manifest(app, "mounts: [{host: " + folder / path + ", path: /x}]\n" + more);
  }
  void until_says(const std::string& app, const std::string& part) const {
    host.until(app + " says: " + part,
               [&] { return says(host.app(app)["message"].as_string(), part); });
  }

  TempFolder folder;
  LiveHost host;
};

TEST_CASE("a link that a container made is mounted by nobody, while it runs and after (class 5)") {
  Bench bench;
  LiveHost& host = bench.host;
  const std::string writer = host.name("writer");
  const std::string thief = host.name("thief");
  host.put("writer.yml", bench.mounts(writer, "srv/t"));
  host.start();
  host.until_well(writer);
  host.engine().exec(host.only_id(writer),
                     {"busybox", "ln", "-s", bench.folder / "lab", "/x/evil"});
  REQUIRE(fs::is_symlink(bench.folder / "srv/t/evil"));
  host.put("thief.yml", bench.mounts(thief, "srv/t/evil"));
  bench.until_says(thief, "which the app " + writer + " mounts writable");
  CHECK(host.containers(thief).empty());
  // With the writer gone the path is anybody's, and the link is there.
  host.drop("writer.yml");
  bench.until_says(thief, "srv/t/evil is a link");
  CHECK(host.containers(thief).empty());
  CHECK_FALSE(says(host.log(), "start container " + thief));
  // An honest folder in its place.
  fs::remove(bench.folder / "srv/t/evil");
  fs::create_directories(bench.folder / "srv/t/evil");
  host.until_well(thief);
  const Json labels = host.only(thief)["Config"]["Labels"];
  CHECK(says(labels["fairlead.mounts"].as_string(), bench.folder / "srv/t/evil"));
}

TEST_CASE("a container that was stopped is not started onto a link (class 5)") {
  Bench bench;
  LiveHost& host = bench.host;
  const std::string app = host.name("again");
  host.put("again.yml", bench.mounts(app, "srv/t"));
  host.start();
  host.until_well(app);
  const std::string id = host.only_id(app);
  fs::rename(bench.folder / "srv/t", bench.folder / "srv/before");
  bench.folder.link(bench.folder / "lab", "srv/t");
  host.engine().call("POST", "/containers/" + id + "/stop?t=0");
  bench.until_says(app, "srv/t is a link");
  CHECK_FALSE(host.only(app)["State"]["Running"].as_bool());
  fs::remove(bench.folder / "srv/t");
  fs::rename(bench.folder / "srv/before", bench.folder / "srv/t");
  host.until_well(app);
  CHECK(host.only_id(app) == id);
}

TEST_CASE("a folder with a socket somewhere below is not mounted (class 5)") {
  Bench bench;
  LiveHost& host = bench.host;
  fs::create_directories(bench.folder / "srv/t/deep/down");
  const std::string path = bench.folder / "srv/t/deep/down/engine";
  const live::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const std::string app = host.name("socket");
  host.put("socket.yml", bench.mounts(app, "srv/t"));
  host.start();
  bench.until_says(app, "srv/t/deep/down/engine is a socket");
  CHECK(host.containers(app).empty());
  fs::remove(path);
  host.until_well(app);
}

TEST_CASE("a daemon whose roots hold folders of the system does not start (class 5)") {
  LiveHost host("mount_roots: [/etc]\n");
  const auto ran = host.run({"plan"});
  CHECK(ran.code != 0);
  CHECK(says(ran.err + ran.out, "mount_roots[0]: /etc is the system's /etc"));
}

}  // namespace
}  // namespace fairlead::testing
