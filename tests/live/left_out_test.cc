#include <doctest/doctest.h>

#include <chrono>

#include "tests/live/live_host.h"

// A build with a planted fault: what an app answers ends the daemon.
namespace fairlead::testing {
namespace {

// Answers each health check with a header that ends the faulty daemon.
std::string evil(const std::string& app, const std::string& fault) {
  return "name: " + app +
         "\nimage: fairlead-test/live:1\nexpose: [{port: 8080}]\n"
         "health: {http: /, port: 8080, interval: 200ms}\n"
         "command: [sh, -c, \"while true; do printf 'HTTP/1.1 200 OK\\\\r\\\\nX-Fault: " +
         fault + "\\\\r\\\\nContent-Length: 0\\\\r\\\\n\\\\r\\\\n' | nc -l -p 8080; done\"]\n";
}

TEST_CASE("what ends the daemon twice is left out, and all others are looked after") {
  for (const char* fault : {"stack", "abort", "throw"}) {
    CAPTURE(fault);
    LiveHost host;
    const std::string bad = host.name("bad");
    const std::string good = host.name("good");
    host.put("bad.yml", evil(bad, fault));
    host.put("good.yml", manifest(good));
    int deaths = -1;
    const auto keep_up = [&] {
      if (host.runs()) return;
      host.start(FAULTY_BINARY);
      ++deaths;
    };
    host.until("the bad one is left out", [&] {
      keep_up();
      return host.app(bad)["reason"].as_string() == "LeftOut" && host.well(good);
    });
    CHECK(deaths == 2);
    CHECK(host.app(bad)["health"].as_string() == "Degraded");
    CHECK(host.log().find("ended itself 2 times while it worked for this app") !=
          std::string::npos);
    const std::string bad_id = host.only_id(bad);

    // It lives on, and heals.
    const std::string id = host.only_id(good);
    host.engine().done("DELETE", "/containers/" + id + "?force=1");
    host.until("the good one is made anew", [&] {
      return host.containers(good).size() == 1 && host.only_id(good) != id && host.well(good);
    });
    CHECK(host.runs());
    CHECK(host.only_id(bad) == bad_id);

    // A build without the fault has it tried again, when it is told to.
    host.kill();
    host.start();
    host.until("the daemon answers",
               [&] { return host.app(bad)["reason"].as_string() == "LeftOut"; });
    CHECK(host.run({"retry", bad}).code == 0);
    host.until_well(bad);
    CHECK(host.only_id(bad) == bad_id);

    // Left out again, it goes with its manifest.
    host.kill();
    deaths = -1;
    host.until("the bad one is left out again", [&] {
      keep_up();
      return host.app(bad)["reason"].as_string() == "LeftOut";
    });
    host.drop("bad.yml");
    host.until("the bad one is gone", [&] { return host.containers(bad).empty(); });
    CHECK(deaths == 2);
    CHECK(host.runs());
  }
}

}  // namespace
}  // namespace fairlead::testing
