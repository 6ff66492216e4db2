#include "reconciler/live/control_server.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include "reconciler/live/control_client.h"
#include "tests/raw_server.h"
#include "tests/temp_folder.h"

namespace fairlead::live {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::RawServer;
using testing::TempFolder;

TEST_CASE("the control socket refuses what it must and never leaves an asker without an answer") {
  TempFolder folder;
  const std::string path = folder / "run/control.sock";
  int asked = 0;
  {
    auto server = ControlServer::listen(
        path, [&](const Command&) { ++asked; }, milliseconds(100));
    REQUIRE(server.ok());
    CHECK(ask(path, "status", {})->status == 503);
    CHECK(asked == 1);
    httplib::ClientImpl client(path, 80);
    client.set_address_family(AF_UNIX);
    CHECK(client.Get("/v1/purge?app=blog")->status == 405);
    CHECK(client.Post("/v1/status", "{}", "application/json")->status == 405);
    CHECK(client.Post("/v1/purge", "[1]", "application/json")->status == 400);
    CHECK(client.Post("/v1/purge", std::string(65 << 10, ' '), "application/json")->status == 413);
    CHECK(client.Get("/v2/status")->status == 404);
    CHECK(asked == 1);
    const auto second = ControlServer::listen(path, [](const Command&) {});
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == Code::conflict);
  }
  const auto nobody = ask(path, "status", {});
  REQUIRE_FALSE(nobody.ok());
  CHECK(nobody.error().message ==
        "nobody listens on " + path + ": is fairlead running? Start it with `fairlead run`");
}

TEST_CASE("a socket left behind by a killed daemon is replaced, any other file is not") {
  TempFolder folder;
  {
    RawServer killed(folder / "control.sock", [](const RawServer::Connection&) {});
  }
  REQUIRE(fs::exists(folder / "control.sock"));
  CHECK_FALSE(ask(folder / "control.sock", "status", {}).ok());
  CHECK(ControlServer::listen(folder / "control.sock", [](const Command&) {}).ok());
  folder.write("precious", "x");
  CHECK_FALSE(ControlServer::listen(folder / "precious", [](const Command&) {}).ok());
  CHECK(fs::exists(folder / "precious"));
}

}  // namespace
}  // namespace fairlead::live
