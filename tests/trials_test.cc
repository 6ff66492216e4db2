#include "reconciler/trials.h"

#include <doctest/doctest.h>

namespace fairlead {
namespace {

TEST_CASE("trials are read as they were written") {
  Trials trials;
  CHECK(trials.encode().empty());
  trials.set("migrate", "f1", {{{1, ""}, {2, "exited with code 3: \"no\""}}, 0, "", Duration(0)});
  trials.failed("web", "f2", "GET /up: 500", Duration(7));
  trials.failed("web", "f2", "GET /up: 503", Duration(8));
  const Trials read = Trials::decode(trials.encode());
  CHECK(read == trials);
  CHECK_FALSE(read.unknown());
  REQUIRE(read.find("web", "f2"));
  CHECK(read.find("web", "f2")->failures == 2);
  CHECK(read.find("web", "f2")->why == "GET /up: 503");
  CHECK(read.find("web", "f2")->failed == Duration(8));
  CHECK(read.find("migrate", "f1")->ended.at(2) == "exited with code 3: \"no\"");
  CHECK_FALSE(read.find("migrate", "f2"));
}

TEST_CASE("what was kept and cannot be read stays unknown until a person asks for another run") {
  for (const char* text : {"", "{", "{\"schema\": 2}", "unknown\n"}) {
    Trials trials = Trials::decode(text);
    CHECK(trials.unknown());
    CHECK(Trials::decode(trials.encode()).unknown());
    CHECK(trials.of_none().unknown());
    CHECK(trials.retry(""));
    CHECK_FALSE(trials.unknown());
  }
}

TEST_CASE("a new manifest forgives failures, and no end of a job") {
  Trials trials;
  trials.set("migrate", "f1", {{{1, ""}}, 0, "", Duration(0)});
  trials.failed("web", "f2", "x", Duration(7));
  trials.forgive();
  CHECK_FALSE(trials.find("web", "f2"));
  CHECK(trials.find("migrate", "f1"));
}

TEST_CASE("another run is of what failed, and of a process that is named") {
  Trials trials;
  trials.set("good", "f", {{{1, ""}}, 0, "", Duration(0)});
  CHECK_FALSE(trials.retry(""));
  trials.set("bad", "f", {{{1, ""}, {2, "exited with code 3"}}, 0, "", Duration(0)});
  CHECK(trials.retry(""));
  CHECK(trials.find("bad", "f")->ended.size() == 1);
  CHECK_FALSE(trials.retry("web"));
  CHECK(trials.retry("good"));
  CHECK_FALSE(trials.find("good", "f"));
}

}  // namespace
}  // namespace fairlead
