#include <doctest/doctest.h>

#include <thread>

#include "tests/live/live_host.h"

// Class 16 of what an attacker tries: what others write into labels makes the engine's lists long,
// and nobody blind.
namespace fairlead::testing {
namespace {

TEST_CASE("containers with labels of 90 MB that pass for ours hold up nobody") {
  LiveHost host("engine: {resync: 2s}\n");
  const std::string app = host.name("small");
  host.put("small.yml", manifest(app));
  host.start();
  host.until_well(app);
  const std::string installation = read_text(host / "state/installation");
  for (const char* name : {"one", "two", "three"}) {
    const Json labels = Json::object(
        {{"fairlead.installation", installation}, {"note", std::string(30 << 20, 'x')}});
    host.foreign("container", host.name(name));
    host.engine().run(host.name(name), Json::object({{"Labels", labels}}));
  }
  const auto listed = [&] { return host.status()["at"].as_string(); };
  const std::string before = listed();
  std::this_thread::sleep_for(seconds(5));  // two resyncs
  CHECK(host.status()["engine"]["connected"].as_bool());
  CHECK(host.status()["engine"]["reconnects"].as_int() == 0);
  CHECK(listed() != before);
  const std::string id = host.only_id(app);
  host.engine().done("DELETE", "/containers/" + id + "?force=1");
  host.until("it is healed", [&] {
    return host.containers(app).size() == 1 && host.only_id(app) != id && host.well(app);
  });
  host.put("small.yml", manifest(app, "env: {A: b}\n"));
  host.until("it is deployed", [&] {
    return host.containers(app).size() == 1 && host.only_id(app) != id && host.well(app);
  });
  CHECK(host.log().find("\"list\"") == std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing
