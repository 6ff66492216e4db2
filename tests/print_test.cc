#include "reconciler/cli/print.h"

#include <doctest/doctest.h>

#include <string>

#include "reconciler/source_text.h"

using namespace fairlead;

namespace {

Json json(const std::string& text) {
  Result<Json> parsed = Json::parse(text);
  REQUIRE_MESSAGE(parsed.ok(), text);
  return *parsed;
}

Json status() {
  return json(R"({
    "apps": [
      {"name": "blog", "sync": "Synced", "health": "Healthy", "reason": "", "message": "",
       "revision": {"wanted": "web=11111111", "running": "web=11111111"}},
      {"name": "shop", "sync": "OutOfSync", "health": "Degraded", "reason": "CrashLoop",
       "message": "ends\u001b[31m\nagain", "revision": {"wanted": "web=2", "running": ""}}],
    "orphans": [], "conflicts": [],
    "engine": {"connected": true, "description": "Docker Engine 20.10.24, API 1.41"},
    "manifests": {"folder": "/m", "revision": "0123456789abcdef0123", "broken": []}})");
}

}  // namespace

TEST_CASE("the status is a table, whose texts cannot command the terminal") {
  CHECK(cli::status_table(status()) ==
        "APP   SYNC       HEALTH    REVISION      MESSAGE\n"
        "blog  Synced     Healthy   web=11111111\n"
        "shop  OutOfSync  Degraded  - → web=2     CrashLoop: ends [31m again\n"
        "\nengine: Docker Engine 20.10.24, API 1.41\nmanifests: /m at 0123456789ab\n");
}

TEST_CASE("whatever is printed commands no terminal") {
  CHECK(printable("a\n\tä😀\xc2\xa0") == "a\n\tä😀\xc2\xa0");
  CHECK(printable("\x1b]0;x\x07\x7f\r") == "?]0;x???");
  CHECK(printable("\xc2\x9b[2J \x9b \xc3") == "?[2J ? ?");
}

TEST_CASE("without apps the status says what to do") {
  Json none = status();
  none.set("apps", Json::array());
  CHECK(cli::status_table(none).find("no apps: put a manifest into /m\n") == 0);
}

TEST_CASE("conflicts, data without a manifest, held removals, broken files and trouble are told") {
  Json told = status();
  told.set("conflicts",
           json(R"([{"app": "blog", "resource": "network blog", "message": "not ours"}])"));
  told.set("orphans", json(R"([{"resource": "volume old.data", "purge": "fairlead purge old"}])"));
  told.set("removals",
           json(R"({"waiting": ["a", "b"], "reason": "too many", "token": "0badcafe"})"));
  told.set("trouble", "no space");
  Json manifests = told["manifests"];
  manifests.set("broken", json(R"([{"path": "x.yml", "errors": ["x.yml:1:1: bad"]}])"));
  told.set("manifests", manifests);
  told.set("engine", json(R"({"connected": false, "error": "refused"})"));
  told.set("services",
           json(R"([{"name": "mariadb", "connected": true, "description": "MariaDB 10.11"},
                    {"name": "rabbitmq", "connected": false, "error": "waits"}])"));
  const std::string text = cli::status_table(told);
  for (const char* line :
       {"\nconflict: blog: network blog: not ours\n",
        "\ndata without a manifest:\n  volume old.data  fairlead purge old\n",
        "\nnot removed: a, b\n  too many\n  to go on: fairlead approve 0badcafe\n",
        "\nbroken manifests (the last good version stays in force):\n  x.yml:1:1: bad\n",
        "\nengine: not reachable: refused\n", "\nmariadb: MariaDB 10.11\n",
        "\nrabbitmq: not reachable: waits\n", "\ntrouble: no space\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != text.npos);
  }
}

TEST_CASE("an explanation holds what is known of one app") {
  CHECK(cli::explanation(json(R"({
    "name": "blog", "sync": "Synced", "health": "Healthy", "since": "10:00", "reason": "Starting",
    "message": "soon", "why": "all is as wanted", "source": "blog.yml",
    "revision": {"wanted": "web=1", "running": "web=1"},
    "resources": [{"kind": "network", "name": "blog", "state": "10.213.0.0/26", "cause": ""}],
    "limits": [{"process": "web", "name": "memory", "value": "1G",
                "origin": "default; resources.memory"},
               {"process": "worker", "name": "pids", "value": "9", "origin": "blog.yml:9"}],
    "plan": "1. start x\n", "retries": [{"failures": 2, "error": "refused"}],
    "history": [{"at": "10:01", "text": "create network blog"}]})")) ==
        "blog: Synced, Healthy since 10:00\n  Starting: soon\nwhy:      all is as wanted\n"
        "manifest: blog.yml\nwanted:   web=1\nrunning:  web=1\n"
        "\nresources:\n  network  blog  10.213.0.0/26\n"
        "\nlimits:\n  web     memory 1G (default; resources.memory)\n"
        "  worker  pids 9 (blog.yml:9)\n"
        "\nplan:\n1. start x\n\nfailed 2 times: refused\n"
        "\nlast steps:\n  10:01  create network blog\n");
}

TEST_CASE("an explanation says what an app follows, what it uses of it, and what failed") {
  const std::string text = cli::explanation(json(R"({
    "name": "blog", "revision": {"wanted": "web=1", "running": "web=1"},
    "update": {"track": "numeric", "tag": "0042", "digest": "sha256:aa", "error": "it is\ndown",
               "failed": {"tag": "0043", "digest": "sha256:bb", "why": "ends"}}})"));
  CHECK(text.find("follows:  numeric, uses 0042@sha256:aa\n  trouble: it is down\n"
                  "  last failed: 0043@sha256:bb: ends\n") != text.npos);
}

TEST_CASE("routes are a table of host names and published ports") {
  CHECK(cli::routes_table(json(R"({"routes": [
          {"host": "0.0.0.0:25565", "path": "", "proto": "tcp", "upstreams": ["10.0.0.2:25565"],
           "certificate": "", "expires": null, "state": "live", "cause": "", "app": "game",
           "source": "game.yml:1"},
          {"host": "blog.localhost", "path": "/", "proto": "http", "upstreams": [],
           "certificate": "self-signed", "expires": "2027-02-20T10:00:00Z", "state": "waiting",
           "cause": "the edge does not run", "app": "blog", "source": "blog.yml:1"}]})")) ==
        "HOST            PATH  TO              CERTIFICATE  EXPIRES     STATE"
        "                           APP\n"
        "0.0.0.0:25565   -     10.0.0.2:25565  -                        live"
        "                            game  game.yml:1\n"
        "blog.localhost  /     -               self-signed  2027-02-20  waiting: "
        "the edge does not run  blog  blog.yml:1\n");
  CHECK(cli::routes_table(json(R"({"routes": []})")) ==
        "no routes: an app with `expose` has one\n");
}

TEST_CASE("a plan is JSON for programs and text for people, numbered from 1 in both") {
  AppState state;
  Step create;
  create.verb = "create";
  create.resource = "network blog";
  create.cause = "there is none";
  state.plan.add(create);
  Step start;
  start.verb = "start";
  start.resource = "container blog.web.x";
  start.needs = {0};
  state.plan.add(start);
  const Json plan = cli::plan_json("blog", state);
  CHECK(plan["steps"].dump() ==
        R"([{"verb":"create","resource":"network blog","cause":"there is none","after":[]},)"
        R"({"verb":"start","resource":"container blog.web.x","cause":"","after":[1]}])");
  CHECK(cli::plan_text(Json::object({{"apps", Json::array({plan})}})) ==
        "blog:\n  1. create network blog: there is none\n"
        "  2. start container blog.web.x after 1\n");
}

TEST_CASE("an empty plan says so, and still tells what is held back") {
  CHECK(cli::plan_text(Json::object()) == "nothing to do\n");
  const Json held = json(R"({"removals": {"waiting": ["a"], "reason": "too many", "token": ""}})");
  CHECK(cli::plan_text(held) == "nothing to do\n\nnot removed: a\n  too many\n");
}
