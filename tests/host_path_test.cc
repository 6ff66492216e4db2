#include "reconciler/live/host_path.h"

#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "reconciler/live/file_io.h"
#include "reconciler/live/file_store.h"
#include "tests/temp_folder.h"

// What an attacker found (class 5): a link that one container makes is mounted by the next.
namespace fairlead::live {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

struct Bench {
  Bench() {
    fs::create_directories(folder / "srv/t/inner");
    fs::create_directories(folder / "state");
    folder.write("state/key", "secret");
    folder.write("srv/t/file", "x");
  }

  FileCall call(const std::string& path) const {
    FileCall call;
    call.act = FileCall::Act::look;
    call.area = FileCall::Area::host;
    call.root = folder / "srv";
    call.path = folder / path;
    call.keeps_out = {folder / "state", folder / "nowhere"};
    return call;
  }
  Answer look(const std::string& path, bool deep = false) const {
    FileCall asked = call(path);
    asked.deep = deep;
    return look_at_host_path(asked);
  }
  // A socket that somebody listens on.
  void listen(const std::string& path) const {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string at = folder / path;
    at.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }

  TempFolder folder;
};

bool says(const Answer& answer, const std::string& text) {
  return answer.error.find(text) != answer.error.npos;
}

TEST_CASE("a folder or file below its root is known by device and inode (class 5)") {
  const Bench bench;
  struct stat status;
  REQUIRE(::stat((bench.folder / "srv/t").c_str(), &status) == 0);
  const std::string identity = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  CHECK(bench.look("srv/t").status == 200);
  CHECK(bench.look("srv/t").body == identity);
  CHECK(bench.look("srv").status == 200);
  CHECK(bench.look("srv/t/file").status == 200);
  CHECK(bench.look("srv/t/none").status == 404);
  CHECK(says(bench.look("srv/t/none"), bench.folder / "srv/t/none does not exist"));
  FileCall same = bench.call("srv/t");
  same.identity = identity;
  CHECK(look_at_host_path(same).status == 200);
  fs::rename(bench.folder / "srv/t", bench.folder / "srv/before");
  fs::create_directories(bench.folder / "srv/t");
  CHECK(look_at_host_path(same).status == 403);
  CHECK(says(look_at_host_path(same), "something else lies at"));
}

TEST_CASE("no link below the root is followed, wherever it stands in the path (class 5)") {
  const Bench bench;
  bench.folder.link("../..", "srv/t/evil");
  bench.folder.link("inner", "srv/t/harmless");
  bench.folder.link("/proc/self/root", "srv/t/magic");
  for (const char* path : {"srv/t/evil", "srv/t/evil/state", "srv/t/evil/state/key",
                           "srv/t/harmless", "srv/t/magic", "srv/t/magic/etc"}) {
    CAPTURE(path);
    CHECK(bench.look(path).status == 403);
    CHECK(says(bench.look(path), "is a link"));
  }
  CHECK(bench.look("srv/t/../../state").status == 403);
  // In a container a link leads to its own files.
  CHECK(bench.look("srv/t", true).status == 200);
}

TEST_CASE("a socket is found, also anywhere below a folder (class 5)") {
  const Bench bench;
  bench.listen("srv/t/inner/engine");
  CHECK(bench.look("srv/t/inner/engine").status == 403);
  CHECK(bench.look("srv/t").status == 200);
  CHECK(bench.look("srv/t", true).status == 403);
  CHECK(says(bench.look("srv", true), "srv/t/inner/engine is a socket"));
  REQUIRE(::mkfifo((bench.folder / "srv/pipe").c_str(), 0600) == 0);
  CHECK(bench.look("srv/pipe").status == 403);
}

TEST_CASE("what is too large to look through is refused, and says so (class 5)") {
  const Bench bench;
  FileCall call = bench.call("srv");
  call.deep = true;
  CHECK(look_at_host_path(call, {3, 3}).status == 200);
  CHECK(says(look_at_host_path(call, {2, 3}), "holds more than 2 files"));
  CHECK(says(look_at_host_path(call, {3, 2}), "lies too deep"));
}

TEST_CASE("fairlead's own folders are known by whatever path they are reached (class 5)") {
  const Bench bench;
  const std::string at = bench.folder / "srv/t/inner";
  if (::mount((bench.folder / "state").c_str(), at.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    MESSAGE("nothing can be mounted here: left out");
    return;
  }
  CHECK(says(bench.look("srv/t/inner"), "by another path"));
  CHECK(bench.look("srv/t/inner/key").status == 403);
  CHECK(bench.look("srv/t", true).status == 403);
  CHECK(::umount(at.c_str()) == 0);
  REQUIRE(::mount("proc", at.c_str(), "proc", 0, nullptr) == 0);
  CHECK(says(bench.look("srv/t/inner"), "shows the host itself"));
  CHECK(bench.look("srv/t", true).status == 403);
  CHECK(::umount(at.c_str()) == 0);
}

TEST_CASE("files of the host are looked at and nothing else is done to them") {
  const Bench bench;
  const FileStore store(Platform::Folders(), false);
  FileCall call = bench.call("srv/t/file");
  CHECK(store.call(call).status == 200);
  for (const auto act :
       {FileCall::Act::write, FileCall::Act::remove, FileCall::Act::list, FileCall::Act::read}) {
    call.act = act;
    CHECK(store.call(call).status == 500);
  }
  CHECK(bench.folder.read("srv/t/file") == "x");
}

}  // namespace
}  // namespace fairlead::live
