#include "reconciler/live/file_store.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>

#include "reconciler/live/file_io.h"
#include "reconciler/ports.h"
#include "tests/temp_folder.h"

namespace fairlead::live {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;
using Act = FileCall::Act;

struct Bench {
  Answer file(Act act, const std::string& path, const std::string& content = "",
              FileCall::Area area = FileCall::Area::state) const {
    Platform::Folders folders;
    folders.state = folder / "state";
    folders.edge = folder / "state/edge";
    FileCall call;
    call.act = act;
    call.area = area;
    call.path = path;
    call.content = Secret(content);
    return FileStore(folders, false).call(call);
  }
  unsigned mode_of(const std::string& path) const {
    return static_cast<unsigned>(fs::status(folder / path).permissions());
  }

  TempFolder folder;
};

TEST_CASE("files are written whole with their mode, listed and removed") {
  const Bench bench;
  CHECK(bench.file(Act::list, "manifests").status == 404);
  CHECK(bench.file(Act::remove, "manifests/blog.json").status == 404);
  CHECK(bench.file(Act::write, "manifests/blog.json", "one").status == 200);
  CHECK(bench.file(Act::write, "manifests/blog.json", "two").status == 200);
  CHECK(bench.file(Act::write, "manifests/a/b.json", "x").status == 200);
  CHECK(bench.file(Act::list, "manifests").body ==
        "[\"manifests/a/b.json\",\"manifests/blog.json\"]");
  CHECK(*read_file(bench.folder / "state/manifests/blog.json", 100) == "two");
  CHECK(bench.mode_of("state/manifests/blog.json") == 0600);
  CHECK(bench.file(Act::remove, "manifests/blog.json").status == 200);
  CHECK(bench.file(Act::remove, "manifests").status == 200);
  CHECK_FALSE(fs::exists(bench.folder / "state/manifests"));
}

TEST_CASE("no path leads out of an area, and a full disk is said with what to do") {
  const Bench bench;
  bench.folder.write("outside/keep", "x");
  fs::create_directories(bench.folder / "state");
  bench.folder.link("../outside", "state/link");
  for (const std::string path : {"", "/etc/x", "../outside/keep", "a/../../x", "a//b", "a/./b"}) {
    CHECK(bench.file(Act::write, path, "x").status == 500);
    CHECK(bench.file(Act::remove, path).status == 500);
  }
  CHECK(bench.file(Act::write, "link/new", "x").status == 500);
  CHECK(bench.file(Act::remove, "link/keep").status == 500);
  CHECK(bench.file(Act::remove, "link").status == 200);
  CHECK(fs::exists(bench.folder / "outside/keep"));
  bench.folder.write("state/manifests", "in the way");
  const Answer answer = bench.file(Act::write, "manifests/blog.json", "x");
  CHECK(answer.status == 500);
  CHECK(answer.error == "cannot write " + bench.folder / "state/manifests/blog.json" +
                            ": Not a directory; check that disk");
}

TEST_CASE("a file is read whole, by no link and not without end") {
  const Bench bench;
  CHECK(bench.file(Act::read, "a").status == 404);
  CHECK(bench.file(Act::read, "folder/a").status == 404);
  const std::string content("one\0two\n", 8);
  CHECK(bench.file(Act::write, "folder/a", content).status == 200);
  CHECK(bench.file(Act::read, "folder/a").status == 200);
  CHECK(bench.file(Act::read, "folder/a").body == content);
  bench.folder.link("folder", "state/link");
  bench.folder.link("folder/a", "state/linked");
  bench.folder.write("state/long", std::string((16u << 20) + 1, 'x'));
  for (const std::string path : {"", "folder", "link/a", "linked", "long", "../state/folder/a"})
    CHECK(bench.file(Act::read, path).status == 500);
  CHECK(bench.file(Act::read, "long").error ==
        "cannot read " + bench.folder / "state/long" + ": File too large; check that disk");
}

TEST_CASE("the edge's folders can be entered by everybody, its files are read as their mode says") {
  const Bench bench;
  const auto edge = FileCall::Area::edge;
  CHECK(bench.file(Act::write, "challenges/token", "x", edge).status == 200);
  CHECK(bench.file(Act::list, "", "", edge).body == "[\"challenges/token\"]");
  CHECK(bench.file(Act::read, "challenges/token", "", edge).body == "x");
  CHECK(bench.mode_of("state/edge") == 0755);
  CHECK(bench.mode_of("state/edge/challenges") == 0755);
  CHECK(bench.mode_of("state/edge/challenges/token") == 0600);
  CHECK(bench.file(Act::remove, "challenges", "", edge).status == 200);
  CHECK(bench.file(Act::list, "challenges", "", edge).status == 404);
}

TEST_CASE("A2: what listens on this host is read of the kernel, and nothing is written there") {
  const Bench bench;
  const auto sockets = FileCall::Area::sockets;
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  REQUIRE(::bind(socket.get(), plain, size) == 0);
  REQUIRE(::getsockname(socket.get(), plain, &size) == 0);
  const Publish port{"127.0.0.1", ntohs(address.sin_port)};
  const auto listens = [&] {
    const auto all = listening(bench.file(Act::read, "tcp", "", sockets).body);
    return std::count(all.begin(), all.end(), port) > 0;
  };
  CHECK_FALSE(listens());
  REQUIRE(::listen(socket.get(), 1) == 0);
  CHECK(listens());
  CHECK(bench.file(Act::write, "tcp", "x", sockets).status == 500);
  CHECK(bench.file(Act::read, "../status", "", sockets).status == 500);
}

}  // namespace
}  // namespace fairlead::live
